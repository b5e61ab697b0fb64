import { describe, expect, it } from "vitest";
import { ParkedSends } from "./parked-sends.ts";

function releaseAll(parked: ParkedSends): (readonly number[])[] {
  const sent: (readonly number[])[] = [];
  parked.release((...send) => void sent.push(send));
  return sent;
}

describe("parked sends", () => {
  it("leave in the order in which they came, once", () => {
    const parked = new ParkedSends();
    parked.reserve(10);
    parked.add(7, 2 ** 46 + 1, 64);
    parked.add(3, 2 ** 46 + 129, 1);
    expect(releaseAll(parked)).toEqual([
      [7, 2 ** 46 + 1, 64],
      [3, 2 ** 46 + 129, 1],
    ]);
    expect(parked.count).toBe(0);
    expect(releaseAll(parked)).toEqual([]);
  });

  it("know whose they are, also while they leave and when there is room for more descriptors", () => {
    const parked = new ParkedSends();
    parked.reserve(8);
    parked.add(7, 0, 1);
    parked.reserve(4096);
    expect([7, 6, 4000].map((fd) => parked.has(fd))).toEqual([true, false, false]);
    parked.release((fd) => expect(parked.has(fd)).toBe(false));
    expect(parked.has(7)).toBe(false);
  });

  it("say when no other has room", () => {
    const parked = new ParkedSends();
    parked.reserve(100);
    let count = 1;
    while (!parked.add(count, 0, 1)) count++;
    expect(count).toBe(parked.count);
    expect(releaseAll(parked)).toHaveLength(count);
  });

  it("are little", () => {
    const parked = new ParkedSends();
    expect([1, 4096, 4097].map((length) => parked.takes(length))).toEqual([true, true, false]);
  });
});

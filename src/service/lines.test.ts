import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineTooLongError, readLines } from "./lines.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function linesOf(chunks: readonly Uint8Array[], maxBytes = 100): Promise<string[]> {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const line of readLines(input(), maxBytes)) lines.push(decoder.decode(line));
  return lines;
}

describe("readLines", () => {
  it("gives lines without their newlines, empty ones too", async () => {
    expect(await linesOf([encoder.encode("one\n\nthree\n")])).toEqual(["one", "", "three"]);
  });

  it("gives a last line that has no newline", async () => {
    expect(await linesOf([encoder.encode("one\ntwo")])).toEqual(["one", "two"]);
  });

  it("gives nothing for no input", async () => {
    expect(await linesOf([])).toEqual([]);
  });

  it("gives the same lines wherever the input is cut", async () => {
    const cuts = fc.array(fc.nat(40), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[ab\n]{0,40}$/), cuts, async (text, places) => {
        const bytes = encoder.encode(text);
        const sorted = [0, ...places.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
        const whole = text.split("\n");
        if (whole.at(-1) === "") whole.pop();
        expect(await linesOf(chunks)).toEqual(whole);
      }),
    );
  });

  it("refuses a line that is too long, also one that comes in pieces, and names it", async () => {
    expect(await linesOf([encoder.encode("1234\n")], 4)).toEqual(["1234"]);
    const pieces = ["ok\n12", "34", "5"].map((piece) => encoder.encode(piece));
    await expect(linesOf(pieces, 4)).rejects.toThrow(LineTooLongError);
    await expect(linesOf(pieces, 4)).rejects.toThrow("line 2 is longer than 4 bytes");
  });

  it("keeps what it gave when the chunk's memory is used again", async () => {
    const chunk = encoder.encode("aa\nb");
    async function* input(): AsyncGenerator<Uint8Array> {
      yield chunk;
      chunk.fill(120);
      yield encoder.encode("c\n");
    }
    const lines: Uint8Array[] = [];
    for await (const line of readLines(input(), 10)) lines.push(line);
    expect(lines.map((line) => decoder.decode(line))).toEqual(["aa", "bc"]);
  });
});

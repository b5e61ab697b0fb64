import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { converse, FakeDatagrams, FakeStream } from "./driver.testing.ts";
import { rot13, rot13Datagram, rot13Stream } from "./rot13.ts";

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

describe("rot13", () => {
  it("turns letters of both cases and nothing else", () => {
    const turned = "NOPQRSTUVWXYZABCDEFGHIJKLM";
    const stream = new FakeStream(rot13Stream());
    stream.send(`${UPPER}${UPPER.toLowerCase()} 0189 @[\`{ é\r\n`);
    expect(stream.text).toBe(`${turned}${turned.toLowerCase()} 0189 @[\`{ é\r\n`);
  });

  it("touches no byte that is no ASCII letter", () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const out = new Uint8Array(256);
    rot13(out, all);
    expect([...out].filter((byte, i) => byte !== i)).toHaveLength(52);
    expect(new Set(out).size).toBe(256);
  });

  it("works in place", () => {
    const bytes = new TextEncoder().encode("Uryyb");
    rot13(bytes, bytes);
    expect(new TextDecoder().decode(bytes)).toBe("Hello");
  });

  it("undoes itself, byte for byte, however a stream arrives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (input, unsorted) => {
        const cuts = unsorted.sort((a, b) => a - b);
        const whole = converse(rot13Stream(), input);
        expect(converse(rot13Stream(), input, cuts)).toEqual(whole);
        expect(converse(rot13Stream(), Uint8Array.from(whole.output)).output).toEqual([...input]);
      }),
    );
  });

  it("answers each datagram with one of the same size, also an empty or a very large one", () => {
    const socket = new FakeDatagrams(rot13Datagram());
    expect(socket.receiveText("Hello")).toEqual(["Uryyb"]);
    expect(socket.receive("")).toEqual([new Uint8Array(0)]);
    expect(socket.receive(new Uint8Array(65_507).fill(0x61))).toEqual([new Uint8Array(65_507).fill(0x6e)]);
    expect(socket.receiveText("again")).toEqual(["ntnva"]);
  });
});

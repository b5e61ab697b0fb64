import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, latin1 } from "./driver.testing.ts";
import { LineReader } from "./line-reader.ts";

/** Lines, and `null` for each that was too long. */
function read(reader: LineReader, bytes: Uint8Array): (string | null)[] {
  const lines: (string | null)[] = [];
  for (let at = 0; at < bytes.length; ) {
    at = reader.take(bytes, at, bytes.length);
    if (reader.found === "line") lines.push(reader.line);
    if (reader.found === "too-long") lines.push(null);
  }
  return lines;
}

function linesOf(text: string, maxLineBytes = 100): (string | null)[] {
  return read(new LineReader(maxLineBytes), bytesOf(text));
}

describe("the line reader", () => {
  it("knows the ends of nc, of telnet and of a raw terminal", () => {
    expect(linesOf("one\ntwo\r\nthree\r\0four\r")).toEqual(["one", "two", "three", "four"]);
    expect(linesOf("one\rtwo\r\r\n\nend")).toEqual(["one", "two", "", ""]);
    expect(linesOf("no end")).toEqual([]);
  });

  it("ends a line at its CR and takes what follows for its end only once", () => {
    const reader = new LineReader(100);
    expect(read(reader, bytesOf("a\r"))).toEqual(["a"]);
    expect(read(reader, bytesOf("\n"))).toEqual([]);
    expect(read(reader, bytesOf("\n"))).toEqual([""]);
    expect(read(reader, bytesOf("\r\0\0b\n"))).toEqual(["", "\0b"]);
  });

  it("tells once of a line that is too long, and throws it away to its end", () => {
    expect(linesOf("12345\n123456\n1\n", 5)).toEqual(["12345", null, "1"]);
    expect(linesOf(`${"x".repeat(100_000)}\r\nok\r\n`, 5)).toEqual([null, "ok"]);
    const reader = new LineReader(5);
    read(reader, bytesOf("x".repeat(1000)));
    expect(reader.pendingBytes).toBe(0);
  });

  it("takes out telnet's commands, wherever they are cut", () => {
    const bytes = latin1("he\xff\xfd\x01ll\xff\xfa\x1f\0\n\r\xff\xf0o\r\xff\xf1\nnext\n");
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new LineReader(10);
      expect([...read(reader, bytes.slice(0, cut)), ...read(reader, bytes.slice(cut))]).toEqual(["hello", "next"]);
    }
  });

  it("reads UTF-8 that is cut between its bytes, and replaces what is none", () => {
    const reader = new LineReader(10);
    expect([...bytesOf("h\u00e9\u20ac\n")].flatMap((byte) => read(reader, Uint8Array.of(byte)))).toEqual([
      "h\u00e9\u20ac",
    ]);
    expect(read(reader, latin1("\xc3(\n"))).toEqual(["\ufffd("]);
  });

  it("makes a line of the rest at the end of the stream", () => {
    const reader = new LineReader(5);
    read(reader, bytesOf("one\ntwo"));
    expect([reader.takeRest(), reader.line, reader.takeRest()]).toEqual([true, "two", false]);
    read(reader, bytesOf("too long"));
    expect(reader.takeRest()).toBe(false);
  });

  it("gives the same lines for any bytes, however they are cut", () => {
    const interesting = fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 13, 240, 250, 251, 255));
    fc.assert(
      fc.property(fc.array(interesting, { maxLength: 200 }), fc.array(fc.nat(200)), (input, cuts) => {
        const bytes = Uint8Array.from(input);
        const reader = new LineReader(8);
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge));
        expect(pieces.flatMap((piece) => read(reader, piece))).toEqual(read(new LineReader(8), bytes));
      }),
    );
  });

  it("refuses a limit that admits no line", () => {
    for (const limit of [0, -1, 1.5]) expect(() => new LineReader(limit)).toThrow(RangeError);
  });
});

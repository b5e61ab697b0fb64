import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CHARGEN_LINE_CHARACTERS,
  CHARGEN_MAX_DATAGRAM_BYTES,
  ChargenChecker,
  chargenDatagram,
  chargenStream,
} from "./chargen.ts";
import { FakeDatagrams, FakeStream } from "./driver.testing.ts";

const HIGH_WATER_BYTES = 20_000;

describe("chargen over a stream", () => {
  it("begins with the lines that RFC 864 shows", () => {
    const { text } = new FakeStream(chargenStream, { highWaterBytes: HIGH_WATER_BYTES });
    const lines = text.split("\r\n");
    expect(lines[0]).toBe(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg");
    expect(lines[1]).toBe("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh");
    expect(lines[94]?.startsWith('~ !"#')).toBe(true);
    expect(lines[95]).toBe(lines[0]);
    expect(lines.slice(0, -1).every((line) => line.length === CHARGEN_LINE_CHARACTERS)).toBe(true);
  });

  it("stops when the driver says so and goes on without a seam when all has left", () => {
    const stream = new FakeStream(chargenStream, { highWaterBytes: HIGH_WATER_BYTES });
    const firstLength = stream.output.length;
    expect(stream.advance(1000).output.length).toBe(firstLength);
    stream.drain();
    expect(stream.output.length).toBeGreaterThan(firstLength);
    const checker = new ChargenChecker();
    expect(checker.feed(stream.output)).toBe(true);
    expect(checker.matchedBytes).toBe(stream.output.length);
  });

  it("is known from any of its lines on, and no further than it goes", () => {
    const { output } = new FakeStream(chargenStream, { highWaterBytes: HIGH_WATER_BYTES });
    const lineBytes = CHARGEN_LINE_CHARACTERS + 2;
    for (const line of [1, 50, 94]) expect(new ChargenChecker().feed(output, line * lineBytes)).toBe(true);
    const checker = new ChargenChecker();
    expect(checker.feed(Buffer.from("\t! no such line"))).toBe(false);
    expect(checker.matchedBytes).toBe(0);
    const other = new ChargenChecker();
    expect(other.feed(Buffer.from("ABD"))).toBe(false);
    expect(other.matchedBytes).toBe(2);
  });

  it("gives the driver a turn although the peer takes everything at once", () => {
    const stream = new FakeStream(chargenStream);
    expect(stream.timerCount).toBe(1);
    expect(stream.output.length).toBeLessThan(100_000);
  });

  it("throws away what it is sent, and goes on after a half-close", () => {
    const stream = new FakeStream(chargenStream, { highWaterBytes: HIGH_WATER_BYTES });
    const before = stream.output.length;
    stream.send("enough!").finish();
    expect(stream.ended).toBe(false);
    expect(stream.output.length).toBe(before);
    expect(stream.drain().output.length).toBeGreaterThan(before);
    expect(() => stream.break("ECONNRESET").advance(10)).not.toThrow();
  });
});

describe("chargen over datagrams", () => {
  it("answers with 0 to 512 characters, no more than it was sent", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.double({ min: 0, max: 1, maxExcluded: true }), (input, at) => {
        const [answer] = new FakeDatagrams(chargenDatagram({ random: () => at })()).receive(input);
        expect(answer?.length).toBeLessThanOrEqual(Math.min(input.length, CHARGEN_MAX_DATAGRAM_BYTES));
        expect(new ChargenChecker().feed(answer as Uint8Array)).toBe(true);
      }),
    );
  });

  it("fills up to 512 characters when amplification is allowed", () => {
    const lengthAt = (at: number): number | undefined =>
      new FakeDatagrams(chargenDatagram({ allowAmplification: true, random: () => at })()).receive("?")[0]?.length;
    expect([lengthAt(0), lengthAt(0.5), lengthAt(0.999999)]).toEqual([0, 256, 512]);
  });

  it("measures the question as it was on the wire, not as much of it as was kept", () => {
    const socket = new FakeDatagrams(chargenDatagram({ random: () => 0.999999 })());
    expect(socket.receive("12345678", undefined, 100)[0]?.length).toBe(100);
  });
});

describe("the checker", () => {
  it("finds the first wrong byte, in whatever pieces the stream comes", () => {
    const right = new FakeStream(chargenStream, { highWaterBytes: 0 }).output;
    fc.assert(
      fc.property(fc.nat(right.length - 1), fc.integer({ min: 1, max: 999 }), (wrong, pieceBytes) => {
        const bytes = right.slice();
        bytes[wrong] = 0x7f;
        const checker = new ChargenChecker();
        for (let at = 0; at < bytes.length; at += pieceBytes) checker.feed(bytes.slice(at, at + pieceBytes));
        expect(checker.matchedBytes).toBe(wrong);
      }),
    );
  });
});

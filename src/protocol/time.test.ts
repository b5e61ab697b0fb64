import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { converse, FakeDatagrams, FakeStream } from "./driver.testing.ts";
import { decodeTime868, encodeTime868, era868, readTime868, TIME_868_BYTES, timeDatagram, timeStream } from "./time.ts";

const WRAP = Date.UTC(2036, 1, 7, 6, 28, 16);
const YEAR_MS = 31_556_952_000;

describe("time as RFC 868 counts it", () => {
  it.each([
    // The moments that the RFC itself gives.
    [Date.UTC(1970, 0, 1), 2_208_988_800],
    [Date.UTC(1976, 0, 1), 2_398_291_200],
    [Date.UTC(1980, 0, 1), 2_524_521_600],
    [Date.UTC(1983, 4, 1), 2_629_584_000],
    [Date.UTC(1900, 0, 1), 0],
    [WRAP - 1, 0xff_ff_ff_ff],
    [WRAP, 0],
  ])("counts %i as %i", (unixMs, seconds) => {
    expect(readTime868(encodeTime868(unixMs))).toBe(seconds);
  });

  it("is most significant byte first", () => {
    expect([...encodeTime868(Date.UTC(1970, 0, 1))]).toEqual([0x83, 0xaa, 0x7e, 0x80]);
  });

  it("begins a new era in 2036", () => {
    expect([era868(WRAP - 1), era868(WRAP), era868(Date.UTC(1899, 11, 31))]).toEqual([0, 1, -1]);
    expect(decodeTime868(0, WRAP)).toBe(WRAP);
    expect(decodeTime868(0, Date.UTC(2026, 0, 1))).toBe(WRAP);
    expect(decodeTime868(0xff_ff_ff_ff, Date.UTC(2040, 0, 1))).toBe(WRAP - 1000);
    expect(decodeTime868(0, Date.UTC(1930, 0, 1))).toBe(Date.UTC(1900, 0, 1));
  });

  it("gives a moment back when the reader is less than 68 years off", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 8_000_000_000 }),
        fc.integer({ min: -67 * YEAR_MS, max: 67 * YEAR_MS }),
        (unixSeconds, offMs) => {
          const seconds = readTime868(encodeTime868(unixSeconds * 1000)) as number;
          expect(decodeTime868(seconds, unixSeconds * 1000 + offMs)).toBe(unixSeconds * 1000);
        },
      ),
    );
  });

  it("refuses numbers that four bytes cannot hold, and answers of another size", () => {
    for (const wrong of [-1, 2 ** 32, 1.5, Number.NaN]) expect(() => decodeTime868(wrong, 0)).toThrow(RangeError);
    for (const length of [0, 3, 5]) expect(readTime868(new Uint8Array(length))).toBeUndefined();
  });
});

describe("the time service", () => {
  it("answers a connection with four bytes and closes", () => {
    const stream = new FakeStream(timeStream);
    expect([...stream.output]).toEqual([...encodeTime868(stream.unixMs)]);
    expect(stream.ended).toBe(true);
  });

  it("answers any datagram, also an empty one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        const socket = new FakeDatagrams(timeDatagram);
        socket.unixMs = WRAP;
        expect(socket.receive(input)).toEqual([new Uint8Array(TIME_868_BYTES)]);
      }),
    );
  });

  it("does not care what it is sent", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (input) => {
        expect(converse(timeStream, input)).toEqual(converse(timeStream, new Uint8Array(0)));
      }),
    );
  });
});

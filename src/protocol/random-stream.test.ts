import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeStream } from "./driver.testing.ts";
import {
  decodeRandomRequest,
  encodeRandomRequest,
  RANDOM_CHUNK_BYTES,
  RANDOM_MAX_DELAY_MS,
  RANDOM_MAX_LENGTH,
  randomStream,
} from "./random-stream.ts";
import type { StreamProtocol } from "./stream.ts";

/** Counts instead of random numbers: what was lost, doubled or reordered shows. */
function counting(): StreamProtocol {
  let next = 0;
  const fill = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next++ % 251;
  };
  return randomStream({ fill, maxLength: 10_000_000 })();
}

function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

describe("the request", () => {
  it("is length << 16 | delay, most significant byte first", () => {
    const bytes = encodeRandomRequest({ length: 0x0102_0304_0506, delayMs: 0x0708 });
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(RANDOM_MAX_DELAY_MS), (wide, delayMs) => {
        const request = { length: wide % (RANDOM_MAX_LENGTH + 1), delayMs };
        expect(decodeRandomRequest(encodeRandomRequest(request))).toEqual(request);
      }),
    );
    const most = { length: RANDOM_MAX_LENGTH, delayMs: RANDOM_MAX_DELAY_MS };
    expect(decodeRandomRequest(encodeRandomRequest(most))).toEqual(most);
    expect(decodeRandomRequest(new Uint8Array(7))).toBeUndefined();
  });

  it("refuses numbers that do not fit", () => {
    for (const length of [-1, 0.5, RANDOM_MAX_LENGTH + 1]) {
      expect(() => encodeRandomRequest({ length, delayMs: 0 })).toThrow(RangeError);
    }
    expect(() => encodeRandomRequest({ length: 1, delayMs: RANDOM_MAX_DELAY_MS + 1 })).toThrow(RangeError);
    expect(() => randomStream({ fill: () => {}, maxLength: -1 })).toThrow(RangeError);
  });
});

describe("the random stream", () => {
  it("sends pieces of 1 KiB, each after the delay, then ends", () => {
    const stream = new FakeStream(counting());
    stream.send(encodeRandomRequest({ length: 2500, delayMs: 100 }));
    const lengths = [stream.output.length];
    for (let i = 0; i < 4; i++) lengths.push(stream.advance(50).output.length, stream.advance(50).output.length);
    expect(lengths).toEqual([0, 0, 1024, 1024, 2048, 2048, 2500, 2500, 2500]);
    expect(stream.output).toEqual(counted(2500));
    expect(stream.ended).toBe(true);
  });

  it("sends exactly what was asked for, wherever the request is cut and whatever follows it", () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.nat(20),
        fc.nat(8),
        fc.uint8Array({ maxLength: 9 }),
        (length, delayMs, cut, more) => {
          const request = encodeRandomRequest({ length, delayMs });
          const stream = new FakeStream(counting());
          stream.send(Uint8Array.of(...request, ...more), [cut]).finish();
          stream.advance((length / RANDOM_CHUNK_BYTES + 1) * delayMs);
          expect(Buffer.compare(stream.output, counted(length))).toBe(0);
          expect(stream.ended).toBe(true);
        },
      ),
    );
  });

  it("waits until what it wrote has left", () => {
    const stream = new FakeStream(counting(), { highWaterBytes: 5000 });
    stream.send(encodeRandomRequest({ length: 20_000, delayMs: 0 })).advance(1000);
    expect(stream.output.length).toBe(5 * RANDOM_CHUNK_BYTES);
    while (!stream.ended) {
      const before = stream.output.length;
      stream.drain().advance(1);
      expect(stream.output.length).toBeGreaterThan(before);
      expect(stream.waitingBytes).toBeLessThanOrEqual(5000 + RANDOM_CHUNK_BYTES);
    }
    expect(Buffer.compare(stream.output, counted(20_000))).toBe(0);
  });

  it("lets the driver have its turn where there is no delay", () => {
    const stream = new FakeStream(counting());
    let turns = 0;
    const setTimer = stream.setTimer.bind(stream);
    stream.setTimer = (id, atMs) => {
      turns++;
      setTimer(id, atMs);
    };
    stream.send(encodeRandomRequest({ length: 1_000_000, delayMs: 0 })).advance(0);
    expect(stream.output.length).toBe(1_000_000);
    expect(turns).toBeGreaterThan(10);
  });

  it("ends at once when nothing is asked for, or when the peer leaves before it has asked", () => {
    expect(new FakeStream(counting()).send(encodeRandomRequest({ length: 0, delayMs: 9 })).ended).toBe(true);
    const early = new FakeStream(counting()).send(new Uint8Array(7)).finish();
    expect([early.ended, early.output.length]).toEqual([true, 0]);
  });

  it("aborts for more than it may send, and for a request that does not come", () => {
    const greedy = new FakeStream(counting()).send(encodeRandomRequest({ length: 10_000_001, delayMs: 0 }));
    expect(greedy.aborted).toBe("10000001 bytes were asked for, of at most 10000000");
    const silent = new FakeStream(counting()).send(new Uint8Array(7));
    expect(silent.advance(29_999).aborted).toBeUndefined();
    expect(silent.advance(1).aborted).toBe("no request came in time");
    const served = new FakeStream(counting()).send(encodeRandomRequest({ length: 2000, delayMs: 60_000 }));
    expect(served.advance(120_000).ended).toBe(true);
  });

  it("stops when the peer is gone", () => {
    const stream = new FakeStream(counting()).send(encodeRandomRequest({ length: 1e6, delayMs: 1 })).advance(10);
    const before = stream.output.length;
    stream.break("ECONNRESET").advance(1000);
    expect(stream.output.length).toBe(before);
  });

  it("throws for no input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(40)), (input, cuts) => {
        const stream = new FakeStream(randomStream({ fill: () => {}, maxLength: 5000 })());
        stream.send(
          input,
          cuts.sort((a, b) => a - b),
        );
        expect(() => stream.finish().advance(60_000)).not.toThrow();
      }),
    );
  });
});

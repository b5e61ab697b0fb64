import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DatagramGuard } from "./datagram-guard.ts";
import { peerAt } from "./driver.testing.ts";
import { SHARES_WORDS, type Share, SharedShares, type SharesMemory, seedShares } from "./shared-shares.ts";

const SHARE: Share = { burst: 5, quietMs: 200, ratePerSecond: 10 };

function memory(seed = 1): SharesMemory {
  const words = new Int32Array(SHARES_WORDS);
  seedShares(words, seed);
  return { words, clockOffsetMs: 0 };
}

describe("shares that several workers count", () => {
  it("are a burst, quiet, and then the rate, for all workers together, whatever their clocks began with", () => {
    const { words } = memory();
    // The second worker was started 1,000 seconds after the first.
    const first = new SharedShares({ words, clockOffsetMs: 0 }, SHARE);
    const second = new SharedShares({ words, clockOffsetMs: 1_000_000 }, SHARE);
    const taken = (nowMs: number): boolean[] => [
      first.take("a", nowMs),
      second.take("a", nowMs - 1_000_000),
      first.take("a", nowMs),
      second.take("a", nowMs - 1_000_000),
    ];
    expect(taken(2_000_000)).toEqual([true, true, true, true]);
    expect(taken(2_000_000)).toEqual([true, false, false, false]);
    expect(taken(2_000_150)).toEqual([false, false, false, false]);
    expect(taken(2_000_210)).toEqual([true, true, false, false]);
    expect(second.take("b", 1_000_210)).toBe(true);
  });

  it("are never more than burst and rate allow, and whole again in time, by any of the workers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(300), fc.nat(2)), { maxLength: 200 }),
        fc.constantFrom(1, 10, 256, 1e6),
        fc.nat(2 ** 40),
        (steps, ratePerSecond, startMs) => {
          const { words } = memory(7);
          const share = { ...SHARE, ratePerSecond };
          const workers = [0, 1, 2].map(() => new SharedShares({ words, clockOffsetMs: startMs }, share));
          let [nowMs, admitted] = [0, 0];
          for (const [gapMs, worker] of steps) {
            nowMs += gapMs;
            if (workers[worker]?.take("192.0.2.1", nowMs) === true) admitted++;
          }
          // The clock counts in sixteenths of an interval.
          expect(admitted).toBeLessThanOrEqual(5 + (nowMs * ratePerSecond) / 1000 + 1 / 8);
          const wholeMs = nowMs + 200 + 5000 / ratePerSecond + 1;
          expect([1, 2, 3, 4, 5].map(() => workers[0]?.take("192.0.2.1", wholeMs))).not.toContain(false);
        },
      ),
    );
  });

  it("are whole after any time, though the clock wraps", () => {
    // It wraps every 268 seconds.
    const share = { burst: 5, quietMs: 1, ratePerSecond: 1e6 };
    for (let gapMs = 1; gapMs < 2 ** 45; gapMs *= 3) {
      const shares = new SharedShares(memory(), share);
      for (let i = 0; i < 6; i++) shares.take("a", 0);
      expect(shares.take("a", gapMs + 1), `after ${gapMs} ms`).toBe(true);
    }
  });

  it("are remembered for many sources, and the least used is forgotten first", () => {
    const shares = new SharedShares(memory(123), { burst: 2, quietMs: 1e9, ratePerSecond: 0.001 });
    const busy = ["busy 1", "busy 2", "busy 3"];
    for (const group of busy) for (let i = 0; i < 3; i++) shares.take(group, 0);
    const sources = Array.from({ length: 8000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
    for (const source of sources) expect(shares.take(source, 1)).toBe(true);
    for (const source of sources) expect(shares.take(source, 1)).toBe(true);
    const forgotten = sources.filter((source) => shares.take(source, 1));
    expect(forgotten.length).toBeLessThan(sources.length / 50);
    expect(busy.map((group) => shares.take(group, 2))).toEqual([false, false, false]);
  });

  it("are kept by a guard, for who shares its memory; not where nothing passes in time", () => {
    const shares = memory();
    const options = { burst: 3, ratePerSecond: 1, quietMs: 1e6 };
    const guards = [0, 1].map(() => new DatagramGuard(options, { shares }));
    const admitted = guards.map((guard) => [1, 2].map((port) => guard.admit(peerAt("192.0.2.1", 40_000 + port), 0)));
    expect(admitted).toEqual([
      [undefined, undefined],
      [undefined, "rate"],
    ]);
    expect(guards.map(({ sourceCount }) => sourceCount)).toEqual([0, 0]);
    for (const ratePerSecond of [0, Number.POSITIVE_INFINITY]) {
      const guard = new DatagramGuard({ ...options, ratePerSecond }, { shares: memory() });
      expect(guard.admit(peerAt("192.0.2.1", 40_000), 0)).toBeUndefined();
    }
  });
});

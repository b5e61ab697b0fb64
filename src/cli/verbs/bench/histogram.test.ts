import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "./histogram.ts";

describe("the histogram", () => {
  it("gives each quantile of what was added, at most 1.6 % above it", () => {
    const values = fc.array(fc.integer({ min: 1, max: 10_000_000_000 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.constantFrom(0.01, 0.5, 0.99, 0.999, 1), (all, part) => {
        const histogram = new Histogram();
        for (const value of all) histogram.add(value);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(all.length * part) - 1] as number;
        expect(histogram.quantile(part)).toBeGreaterThanOrEqual(exact);
        expect(histogram.quantile(part)).toBeLessThanOrEqual(exact * (1 + 1 / 64) + 1e-9);
        expect(histogram.count).toBe(all.length);
      }),
    );
  });

  it("has nothing to say of nothing", () => {
    expect(new Histogram().quantile(0.5)).toBe(0);
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { type Histogram, observe, placesOf, readHistogram } from "./histograms.ts";

const SHAPE: Histogram = { first: 2, unitsPerMs: 1000, bounds: 5 };

function observed(...values: number[]): ReturnType<typeof readHistogram> {
  const counters = new Float64Array(2 + placesOf(SHAPE));
  for (const value of values) observe(counters, SHAPE, value);
  expect([...counters.subarray(0, 2)]).toEqual([0, 0]);
  return readHistogram(counters, SHAPE);
}

it("has bounds of 1, 2, 4, 8 and 16 units, in seconds", () => {
  expect(observed().bounds).toEqual([1e-6, 2e-6, 4e-6, 8e-6, 16e-6]);
});

it("counts a value that is exactly a bound below that bound, and one above it above", () => {
  expect(observed(0.001).cumulative).toEqual([1, 1, 1, 1, 1, 1]);
  expect(observed(0.0011).cumulative).toEqual([0, 1, 1, 1, 1, 1]);
  expect(observed(0.008).cumulative).toEqual([0, 0, 0, 1, 1, 1]);
  expect(observed(0.0081).cumulative).toEqual([0, 0, 0, 0, 1, 1]);
});

it("counts what is beyond the last bound, whatever it is, in all only", () => {
  expect(observed(0, 0.0161, 1e15).cumulative).toEqual([1, 1, 1, 1, 1, 3]);
});

it("adds up what was observed", () => {
  expect(observed(0.5, 1.5).sumSeconds).toBe(0.002);
});

it("agrees with counting one by one", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 0.1, noNaN: true })), (values) => {
      const { bounds, cumulative } = observed(...values);
      bounds.forEach((bound, at) => {
        // In whole units, as the bounds are: multiplying and dividing rounds.
        const below = values.filter((ms) => Math.ceil(ms * SHAPE.unitsPerMs) <= Math.round(bound * 1e6));
        expect(cumulative[at]).toBe(below.length);
      });
      expect(cumulative.at(-1)).toBe(values.length);
    }),
  );
});

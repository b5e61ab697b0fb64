/**
 * Histograms in the memory that a server's counters are in: numbers of values, by the power of two that bounds them, and
 * their sum. One more value is two additions, and no allocation; only sums are kept, so the histograms of several workers
 * add up as counters do.
 */

/** Where a histogram is, and how fine. */
export interface Histogram {
  /** Its first place among the counters. */
  readonly first: number;
  /** Bounds are units times 1, 2, 4 …; so many units are a millisecond. */
  readonly unitsPerMs: number;
  /** How many bounds there are. What is beyond the last has one more place, and the sum another. */
  readonly bounds: number;
}

/** What a histogram has counted. */
export interface HistogramValues {
  /** Upper bounds in seconds, rising, each inclusive. */
  readonly bounds: readonly number[];
  /** For each bound, how many values were no more than that; in the end, how many there were in all. */
  readonly cumulative: readonly number[];
  readonly sumSeconds: number;
}

const LARGEST = 2 ** 31 - 1;
const MS_PER_SECOND = 1000;

/** Places that a histogram takes. */
export function placesOf({ bounds }: Pick<Histogram, "bounds">): number {
  return bounds + 2;
}

/** Counts a value. @param ms not negative */
export function observe(counters: Float64Array, { first, unitsPerMs, bounds }: Histogram, ms: number): void {
  // Bounds are inclusive: a value of exactly 2^n units is below the next whole number and not above.
  const units = Math.min(Math.ceil(ms * unitsPerMs) - 1, LARGEST);
  const bound = units <= 0 ? 0 : 32 - Math.clz32(units);
  const place = first + (bound < bounds ? bound : bounds);
  counters[place] = (counters[place] as number) + 1;
  const sum = first + bounds + 1;
  counters[sum] = (counters[sum] as number) + ms;
}

export function readHistogram(counters: Float64Array, { first, unitsPerMs, bounds }: Histogram): HistogramValues {
  const unitsPerSecond = unitsPerMs * MS_PER_SECOND;
  let count = 0;
  const cumulative: number[] = [];
  for (let bound = 0; bound <= bounds; bound++) {
    count += counters[first + bound] as number;
    cumulative.push(count);
  }
  return {
    bounds: Array.from({ length: bounds }, (_, bound) => 2 ** bound / unitsPerSecond),
    cumulative,
    sumSeconds: (counters[first + bounds + 1] as number) / MS_PER_SECOND,
  };
}

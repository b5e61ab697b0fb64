/** Summaries over the rounds of a bench. */

/** What is told of one figure: its middle and its extremes. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median: how far the rounds lie apart; 0 where the median is 0. */
  readonly spread: number;
}

/**
 * Summarises the values of all rounds.
 *
 * @throws RangeError if there is no value, or one is not a finite number.
 */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("there is nothing to summarise");
  if (!values.every(Number.isFinite)) throw new RangeError(`a value is not a finite number: ${values.join(", ")}`);
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const min = sorted[0]!;
  const max = sorted[sorted.length - 1]!;
  return { median, min, max, spread: median === 0 ? 0 : (max - min) / Math.abs(median) };
}

/**
 * Summarises ours / theirs round by round. The two were measured within seconds of each other in each round, so a
 * machine that slows down as a whole falls out of the quotient, which it would not from a quotient of medians. Rounds
 * in which the divisor is 0 are left out.
 *
 * @returns undefined if no round is left
 * @throws RangeError if the lists differ in length.
 */
export function summarizeRatio(ours: readonly number[], theirs: readonly number[]): Summary | undefined {
  if (ours.length !== theirs.length) throw new RangeError("a ratio needs the same rounds on both sides");
  const quotients = ours.map((value, i) => value / theirs[i]!).filter(Number.isFinite);
  return quotients.length === 0 ? undefined : summarize(quotients);
}

/** A small seeded generator (mulberry32), so that the order of a run can be repeated. Returns numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1));
    [copy[i], copy[k]] = [copy[k]!, copy[i]!];
  }
  return copy;
}

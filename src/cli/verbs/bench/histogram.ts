/** Latencies, counted in buckets: memory does not grow with how many there are, and no value is off by more than 1.6 %. */

/** Buckets for each power of two. */
const STEPS = 64;
/** Values in nanoseconds up to 2 to this power, 18 minutes. */
const POWERS = 40;

export class Histogram {
  readonly #buckets = new Float64Array(STEPS * POWERS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ns: number): void {
    const value = Math.max(1, ns);
    const power = Math.min(POWERS - 1, Math.floor(Math.log2(value)));
    const step = Math.min(STEPS - 1, Math.floor((value / 2 ** power - 1) * STEPS));
    const at = power * STEPS + step;
    this.#buckets[at] = (this.#buckets[at] as number) + 1;
    this.#count += 1;
  }

  /** The value that so large a part of all does not exceed, in nanoseconds; 0 where there are none. */
  quantile(part: number): number {
    const wanted = Math.ceil(this.#count * part);
    let seen = 0;
    for (const [at, count] of this.#buckets.entries()) {
      seen += count;
      if (count > 0 && seen >= wanted) return 2 ** Math.floor(at / STEPS) * (1 + ((at % STEPS) + 1) / STEPS);
    }
    return 0;
  }
}

/** So many connections a second, and no more: a bucket that fills at that rate. */

/** A tenth of a second's share may come at once. */
const BURST_SHARE = 0.1;
/** While it waits, at least so much is let run in, so that a high rate does not mean a wake-up for each connection. */
const REST_MS = 10;
const MILLISECONDS = 1000;

export class AcceptRate {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  /** @param perSecond at least 1 */
  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / MILLISECONDS;
    this.#burst = Math.max(1, Math.floor(perSecond * BURST_SHARE));
    this.#tokens = this.#burst;
    this.#atMs = nowMs;
  }

  /** Counts one. @returns in how many milliseconds the next may come; 0: now */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs) - 1;
    this.#atMs = nowMs;
    if (this.#tokens >= 1) return 0;
    const wanted = Math.min(this.#burst, Math.max(1, REST_MS * this.#perMs));
    return (wanted - this.#tokens) / this.#perMs;
  }
}

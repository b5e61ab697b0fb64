/**
 * When to ask again rather than sleep.
 *
 * A thread that sleeps until the next event pays for falling asleep and being woken. On some machines, virtual ones first of
 * all, that takes tens of microseconds, and a request that is answered in five waits for fifty. There, asking the kernel
 * again and again for a moment answers sooner and costs less CPU. On others a wake is cheap, and asking only burns what
 * sleeping would have saved. So both are tried, every now and then, and the lengths of the waits compared: whoever asks must
 * wait less than half as long as whoever sleeps, or there is no asking.
 *
 * Only short gaps are asked through. Asking in vain makes more waits go by before the next attempt, so a peer that needs
 * this very core to answer is soon left alone. At rest nobody asks. With many connections there is nothing to gain: while one
 * sleeps, others' events gather, and are fetched by one call.
 */

/** How long to ask at most. Longer gaps are slept through. */
export const SPIN_MS = 0.1;
/** More slots at work than this, and waits are slept through. */
const MAX_ACTIVE = 16;
/** The most short waits that go by, without asking, after asking in vain. */
const MAX_SKIPPED = 64;
/** Both ways are tried once in so many short waits, … */
const PERIOD = 1024;
/** … so many times each. */
const TRIALS = 16;
/** A wait asked through must be shorter than this part of one slept through. */
const WORTHWHILE = 0.5;
/** How much the last wait counts beside those before. */
const WEIGHT = 1 / 8;

export class Spin {
  #isShort = false;
  #skip = 0;
  #nextSkip = 1;
  #turn = 0;
  #askedMs = 0;
  #sleptMs = 0;

  /** Whether the wait to come shall begin with asking. */
  isWorthIt(activeSlots: number): boolean {
    if (!this.#isShort || activeSlots > MAX_ACTIVE) return false;
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    const turn = this.#turn;
    this.#turn = turn === PERIOD - 1 ? 0 : turn + 1;
    if (turn < TRIALS) return true;
    if (turn < 2 * TRIALS) return false;
    return this.#askedMs < this.#sleptMs * WORTHWHILE;
  }

  /** Asking brought an event after so long. */
  paid(afterMs: number): void {
    this.#nextSkip = 1;
    this.#askedMs += (afterMs - this.#askedMs) * WEIGHT;
  }

  /** Asking brought nothing. */
  wasInVain(): void {
    this.#isShort = false;
    this.#skip = this.#nextSkip;
    this.#nextSkip = Math.min(this.#nextSkip * 2, MAX_SKIPPED);
    this.#askedMs += (SPIN_MS - this.#askedMs) * WEIGHT;
  }

  /** A wait was slept through. Long ones say nothing about what waking costs. */
  slept(forMs: number): void {
    this.#isShort = forMs < SPIN_MS;
    if (this.#isShort) this.#sleptMs += (forMs - this.#sleptMs) * WEIGHT;
  }
}

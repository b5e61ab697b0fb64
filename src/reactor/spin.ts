/**
 * When to ask again rather than sleep.
 *
 * A thread that sleeps until the next event pays for falling asleep and being woken. On some machines, virtual ones first of
 * all, that takes tens of microseconds, and a request that is answered in five waits for fifty. There, asking the kernel
 * again and again for a moment answers sooner. It may cost less CPU too, for falling asleep and waking are work; elsewhere
 * a wake is cheap, and asking only burns what sleeping would have saved. So both are tried, every now and then, and what an
 * event cost this thread of CPU is compared: asking must not cost more.
 *
 * Only short gaps are asked through. Asking in vain makes more waits go by before the next attempt, so a peer that needs
 * this very core to answer is soon left alone. At rest nobody asks. With many connections there is nothing to gain: while one
 * sleeps, others' events gather, and are fetched by one call.
 */
import { CLOCK_THREAD_CPUTIME_ID } from "../abi/index.ts";
import { clock_gettime } from "../sys/index.ts";

/** How long to ask at most. Longer gaps are slept through. */
export const SPIN_MS = 0.1;
/** More slots at work than this, and waits are slept through. */
const MAX_ACTIVE = 16;
/** The most short waits that go by, without asking, after asking in vain. */
const MAX_SKIPPED = 64;
/** Both ways are tried once in so many short waits, … */
const PERIOD = 2048;
/** … so many times each. */
const TRIALS = 32;
/** How much the last trials count beside those before. */
const WEIGHT = 1 / 4;
/** Trials that were so many times dearer than those before were disturbed, and count as this much. */
const MOST_DEARER = 2;

/** The CPU time of this thread, in milliseconds. clock_gettime(2) */
function threadCpuMs(): number {
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec);
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6;
}

/** A struct timespec. */
const timespec = new BigUint64Array(2);

export class Spin {
  readonly #cpuMs: () => number;
  #isShort = false;
  #skip = 0;
  #nextSkip = 1;
  #turn = 0;
  /** Since the trials in hand began: CPU time then, and events. */
  #beganCpuMs = 0;
  #events = 0;
  /** CPU time of an event where we ask, and where we sleep. */
  #askedMs = 0;
  #sleptMs = 0;

  /** @param cpuMs a clock of the CPU time that has been used; by default this thread's. */
  constructor(cpuMs: () => number = threadCpuMs) {
    this.#cpuMs = cpuMs;
  }

  /** Whether the wait to come shall begin with asking. */
  isWorthIt(activeSlots: number): boolean {
    if (!this.#isShort || activeSlots > MAX_ACTIVE) return false;
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    const turn = this.#turn;
    this.#turn = turn === PERIOD - 1 ? 0 : turn + 1;
    if (turn === TRIALS) this.#askedMs = this.#measured(this.#askedMs);
    if (turn === 2 * TRIALS) this.#sleptMs = this.#measured(this.#sleptMs);
    if (turn === 0 || turn === TRIALS) {
      this.#beganCpuMs = this.#cpuMs();
      this.#events = 0;
    }
    if (turn < TRIALS) return true;
    if (turn < 2 * TRIALS) return false;
    return this.#askedMs <= this.#sleptMs;
  }

  /** Asking brought events, or failed with `-errno`. */
  paid(events: number): void {
    this.#events += Math.max(0, events);
    this.#nextSkip = 1;
  }

  /** Asking brought nothing. */
  wasInVain(): void {
    this.#isShort = false;
    this.#skip = this.#nextSkip;
    this.#nextSkip = Math.min(this.#nextSkip * 2, MAX_SKIPPED);
  }

  /** A wait was slept through. It brought events, or failed with `-errno`. */
  slept(forMs: number, events: number): void {
    this.#events += Math.max(0, events);
    this.#isShort = forMs < SPIN_MS;
  }

  /** What an event has cost, as of the trials that end and those before. */
  #measured(beforeMs: number): number {
    const costMs = (this.#cpuMs() - this.#beganCpuMs) / Math.max(1, this.#events);
    if (beforeMs === 0) return costMs;
    return beforeMs + (Math.min(costMs, MOST_DEARER * beforeMs) - beforeMs) * WEIGHT;
  }
}

/**
 * The client of a time query, without a socket: it says when to send what, takes what arrives, and counts. One request
 * a second makes it a ping; thousands without a gap make it a burst that shows what a queue does under load.
 *
 * Whoever drives it calls {@link TimeQueryClient.advance} when {@link TimeQueryClient.nextMs} has come, and
 * {@link TimeQueryClient.receive} for each datagram from the server.
 */
import { decodeTimeQuery, encodeTimeQuery } from "./time-query.ts";

/** Requests of one client: each takes nine bytes of memory until the end. */
export const TIME_QUERY_MAX_COUNT: number = 2 ** 20;

/** Requests sent before the driver gets its turn to receive. */
const SENDS_PER_TURN = 64;
/** A driver that was held up makes up for so much of it, and no more. */
const MAX_CATCH_UP_MS = 100;
/** Ranges of lost requests in a report. */
const MAX_LOST_RANGES = 64;
const SEQUENCES = 2 ** 32;

const WAITING = 0;
const ANSWERED = 1;
const TIMED_OUT = 2;
const LATE = 3;

/** How many requests, how fast, and how long to wait for each answer. */
export interface TimeQueryClientOptions {
  /** Requests to send, 1 to {@link TIME_QUERY_MAX_COUNT}. */
  readonly count: number;
  /** The sequence of the first request; random, if answers to an earlier client may still be on their way. */
  readonly firstSequence?: number;
  /** From one request to the next; 0: as fast as the driver sends. */
  readonly intervalMs: number;
  /** How long an answer may take to count as one. */
  readonly timeoutMs: number;
}

/** An answer in time. */
export interface TimeQueryAnswer {
  /** Which request it answers: 0 is the first. */
  readonly index: number;
  /** From sending the request to receiving the answer. */
  readonly rttMs: number;
  /** The server's time. */
  readonly unixMs: number;
  /** How far the server's clock is ahead of ours, if the way there took as long as the way back. */
  readonly clockOffsetMs: number;
}

/** What the client asks of its driver, and tells it. */
export interface TimeQueryClientIntents {
  /** Sends a datagram to the server. `bytes` are the driver's to keep. */
  send(bytes: Uint8Array): void;
  /** An answer came in time. */
  answered?(answer: TimeQueryAnswer): void;
  /** No answer came in time to request `index`. */
  timedOut?(index: number): void;
}

/** What a received datagram was. `late` comes after its time-out, `stray` answers nothing that was asked. */
export type TimeQueryArrival = "answer" | "duplicate" | "late" | "malformed" | "stray";

/** What became of the requests. */
export interface TimeQueryReport {
  readonly sent: number;
  /** Requests answered in time. */
  readonly answered: number;
  /** Requests answered after their time-out. */
  readonly late: number;
  /** Requests that timed out and were never answered. */
  readonly lost: number;
  /** Requests that may still be answered in time. */
  readonly waiting: number;
  /** Further answers to requests that had been answered. */
  readonly duplicated: number;
  /** Answers that came after the answer to a later request (RFC 4737 section 3.3). */
  readonly reordered: number;
  readonly malformed: number;
  readonly stray: number;
  /** The lost requests, as first and last index of each run; the first 64 runs. */
  readonly lostRanges: readonly (readonly [number, number])[];
  /** Of the answers in time; absent if there are none. */
  readonly rtt?: RttSummary;
}

/** Round-trip times. */
export interface RttSummary {
  readonly minMs: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly deviationMs: number;
  /** {@link TimeQueryAnswer.clockOffsetMs} of the quickest answer, which has the least room for error. */
  readonly clockOffsetMs: number;
}

/** Sends requests and tells what became of each: answered, late, lost, duplicated, reordered. */
export class TimeQueryClient {
  readonly #options: Required<TimeQueryClientOptions>;
  readonly #sentMs: Float64Array;
  readonly #states: Uint8Array;
  readonly #rtt = new RttStatistics();
  #sent = 0;
  /** All requests before this one have been answered or have timed out. */
  #oldest = 0;
  #waiting = 0;
  #sendAtMs = Number.NEGATIVE_INFINITY;
  #highest = -1;
  readonly #arrivals: Record<TimeQueryArrival, number> = { answer: 0, duplicate: 0, late: 0, malformed: 0, stray: 0 };
  #reordered = 0;

  /** @throws RangeError for options that make no sense. */
  constructor(options: TimeQueryClientOptions) {
    const { count, firstSequence = 0, intervalMs, timeoutMs } = options;
    if (!Number.isInteger(count) || count < 1 || count > TIME_QUERY_MAX_COUNT) {
      throw new RangeError(`count must be a whole number from 1 to ${TIME_QUERY_MAX_COUNT}, not ${count}`);
    }
    if (!Number.isInteger(firstSequence) || firstSequence < 0 || firstSequence >= SEQUENCES) {
      throw new RangeError(`firstSequence has 32 bits, unlike ${firstSequence}`);
    }
    if (!(intervalMs >= 0)) throw new RangeError(`intervalMs must be at least 0, not ${intervalMs}`);
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs must be more than 0, not ${timeoutMs}`);
    this.#options = { count, firstSequence, intervalMs, timeoutMs };
    this.#sentMs = new Float64Array(count);
    this.#states = new Uint8Array(count);
  }

  /** All requests are sent, and each is answered or has timed out. */
  get isDone(): boolean {
    return this.#sent === this.#options.count && this.#waiting === 0;
  }

  /** Requests that were answered in time, so far. */
  get answered(): number {
    return this.#arrivals.answer;
  }

  /** When to call {@link advance} next, on the clock of its `nowMs`; Infinity once all is done. */
  get nextMs(): number {
    const { count, timeoutMs } = this.#options;
    const sendAtMs = this.#sent < count ? this.#sendAtMs : Number.POSITIVE_INFINITY;
    const timeoutAtMs = this.#oldest < this.#sent ? this.#sentAt(this.#oldest) + timeoutMs : Number.POSITIVE_INFINITY;
    return Math.min(sendAtMs, timeoutAtMs);
  }

  /**
   * Sends what is due, and gives up what is overdue.
   * @param nowMs on a clock that never goes back.
   * @param unixMs milliseconds since 1970.
   */
  advance(out: TimeQueryClientIntents, nowMs: number, unixMs: number): void {
    this.#giveUp(out, nowMs);
    const { count, firstSequence, intervalMs } = this.#options;
    for (let i = 0; i < SENDS_PER_TURN && this.#sent < count && this.#sendAtMs <= nowMs; i++) {
      const index = this.#sent++;
      const sequence = (firstSequence + index) % SEQUENCES;
      this.#sentMs[index] = nowMs;
      this.#waiting++;
      this.#sendAtMs = Math.max(this.#sendAtMs, nowMs - MAX_CATCH_UP_MS) + intervalMs;
      if (index === 0) this.#sendAtMs = nowMs + intervalMs;
      out.send(encodeTimeQuery({ type: "request", sequence, unixMs: Math.floor(unixMs) }));
    }
  }

  /** Takes a datagram: `bytes[start, end)`. */
  receive(
    out: TimeQueryClientIntents,
    bytes: Uint8Array,
    start: number,
    end: number,
    nowMs: number,
    unixMs: number,
  ): TimeQueryArrival {
    this.#giveUp(out, nowMs);
    const arrival = this.#classify(out, bytes, start, end, nowMs, unixMs);
    this.#arrivals[arrival]++;
    this.#skipSettled();
    return arrival;
  }

  /** What became of the requests so far. */
  report(): TimeQueryReport {
    const { answer, duplicate, late, malformed, stray } = this.#arrivals;
    const { summary } = this.#rtt;
    return {
      sent: this.#sent,
      answered: answer,
      late,
      lost: this.#sent - this.#waiting - answer - late,
      waiting: this.#waiting,
      duplicated: duplicate,
      reordered: this.#reordered,
      malformed,
      stray,
      lostRanges: this.#lostRanges(),
      ...(summary === undefined ? {} : { rtt: summary }),
    };
  }

  #classify(
    out: TimeQueryClientIntents,
    bytes: Uint8Array,
    start: number,
    end: number,
    nowMs: number,
    unixMs: number,
  ): TimeQueryArrival {
    const packet = decodeTimeQuery(bytes, start, end);
    if (packet === undefined || packet.type !== "response") return "malformed";
    const index = (packet.sequence - this.#options.firstSequence + SEQUENCES) % SEQUENCES;
    if (index >= this.#sent) return "stray";
    const state = this.#states[index];
    if (state === ANSWERED || state === LATE) return "duplicate";
    if (index < this.#highest) this.#reordered++;
    else this.#highest = index;
    if (state === TIMED_OUT) {
      this.#states[index] = LATE;
      return "late";
    }
    this.#states[index] = ANSWERED;
    this.#waiting--;
    const rttMs = nowMs - this.#sentAt(index);
    const clockOffsetMs = packet.unixMs - (unixMs - rttMs / 2);
    this.#rtt.add(rttMs, clockOffsetMs);
    out.answered?.({ index, rttMs, unixMs: packet.unixMs, clockOffsetMs });
    return "answer";
  }

  /** Requests time out in the order in which they were sent. */
  #giveUp(out: TimeQueryClientIntents, nowMs: number): void {
    for (this.#skipSettled(); this.#oldest < this.#sent; this.#skipSettled()) {
      const index = this.#oldest;
      if (this.#sentAt(index) + this.#options.timeoutMs > nowMs) return;
      this.#states[index] = TIMED_OUT;
      this.#waiting--;
      out.timedOut?.(index);
    }
  }

  #skipSettled(): void {
    while (this.#oldest < this.#sent && this.#states[this.#oldest] !== WAITING) this.#oldest++;
  }

  #sentAt(index: number): number {
    return this.#sentMs[index] as number;
  }

  #lostRanges(): [number, number][] {
    const ranges: [number, number][] = [];
    for (let index = 0; index < this.#sent && ranges.length < MAX_LOST_RANGES; index++) {
      if (this.#states[index] !== TIMED_OUT) continue;
      const first = index;
      while (index + 1 < this.#sent && this.#states[index + 1] === TIMED_OUT) index++;
      ranges.push([first, index]);
    }
    return ranges;
  }
}

/** Mean and deviation in one pass, without keeping the values (Welford's method). */
class RttStatistics {
  #count = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  #meanMs = 0;
  #squares = 0;
  #clockOffsetMs = 0;

  add(rttMs: number, clockOffsetMs: number): void {
    this.#count++;
    if (rttMs < this.#minMs) {
      this.#minMs = rttMs;
      this.#clockOffsetMs = clockOffsetMs;
    }
    this.#maxMs = Math.max(this.#maxMs, rttMs);
    const off = rttMs - this.#meanMs;
    this.#meanMs += off / this.#count;
    this.#squares += off * (rttMs - this.#meanMs);
  }

  get summary(): RttSummary | undefined {
    if (this.#count === 0) return undefined;
    return {
      minMs: this.#minMs,
      meanMs: this.#meanMs,
      maxMs: this.#maxMs,
      deviationMs: Math.sqrt(this.#squares / this.#count),
      clockOffsetMs: this.#clockOffsetMs,
    };
  }
}

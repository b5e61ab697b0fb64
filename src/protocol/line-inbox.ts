/**
 * Hands the lines of a conversation over one at a time, and only while the protocol wants them: not while it waits for
 * an answer from elsewhere, nor while the peer does not read what it is sent. What arrived meanwhile is kept, up to a
 * limit, and the driver is asked to stop reading. So a client that sends a thousand lines at once gets a thousand
 * answers, in order, and costs no more memory than one read.
 */
import { LineReader } from "./line-reader.ts";
import type { StreamIntents } from "./stream.ts";
import { TELNET_WONT_TIMING_MARK } from "./telnet-filter.ts";

/** What is kept while held, where a driver delivers although it was asked to stop reading: some of its largest reads. */
const MAX_KEPT_BYTES = 256 * 1024;

/** Why lines are held; several reasons may hold at once. */
export const HELD_BY_OUTPUT = 1;
/** Lines are held until an answer to a request has come. */
export const HELD_BY_REQUEST = 2;

/** What a protocol does with its lines. Each may hold the inbox, and then gets no more until it is released. */
export interface LineHandler<Intents extends StreamIntents> {
  /** A whole line, without its end. */
  line(out: Intents, line: string): void;
  /** A line was longer than the limit; it is thrown away to its end. */
  tooLong(out: Intents): void;
  /** The peer half-closed, and all its lines have been handed over. */
  ended(out: Intents): void;
}

/** Hands the lines of a stream to a protocol, one by one, and keeps those that come while it holds them back. */
export class LineInbox<Intents extends StreamIntents> {
  readonly #handler: LineHandler<Intents>;
  readonly #reader: LineReader;
  #kept: Uint8Array = new Uint8Array(0);
  #holds = 0;
  #isPaused = false;
  #hasEnded = false;
  #isClosed = false;
  /** Whether a line has been handed over, ever: the first request. */
  hasBegun = false;

  constructor(handler: LineHandler<Intents>, maxLineBytes: number) {
    this.#handler = handler;
    this.#reader = new LineReader(maxLineBytes);
  }

  /** For the protocol's `data`. */
  data(out: Intents, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosed) return;
    const isBehind = this.#kept.length > 0 || this.#holds !== 0;
    const at = isBehind ? start : this.#handOver(out, bytes, start, end);
    if (at < end) this.#keep(out, bytes, at, end);
    this.#steer(out);
  }

  /** For the protocol's `end`. */
  end(out: Intents): void {
    this.#hasEnded = true;
    this.#goOn(out);
  }

  /** No more lines until {@link release} for the same reason. */
  hold(reason: number): void {
    this.#holds |= reason;
  }

  /** Takes a reason away, and hands over what was kept if it was the last. Not to be called by the handler. */
  release(out: Intents, reason: number): void {
    if ((this.#holds & reason) === 0) return;
    this.#holds &= ~reason;
    this.#goOn(out);
  }

  /** Hands over nothing any more: the conversation is over. */
  close(): void {
    this.#isClosed = true;
    this.#kept = new Uint8Array(0);
  }

  #goOn(out: Intents): void {
    if (this.#holds !== 0 || this.#isClosed) return;
    const kept = this.#kept;
    const at = this.#handOver(out, kept, 0, kept.length);
    this.#kept = this.#isClosed ? new Uint8Array(0) : kept.subarray(at);
    if (this.#hasEnded && this.#isFree && this.#kept.length === 0) this.#handOverEnd(out);
    this.#steer(out);
  }

  get #isFree(): boolean {
    return this.#holds === 0 && !this.#isClosed;
  }

  #handOver(out: Intents, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.#isFree) {
      at = this.#reader.take(bytes, at, end);
      this.#answerMarks(out);
      if (this.#reader.found !== "nothing") this.hasBegun = true;
      if (this.#reader.found === "line") this.#handler.line(out, this.#reader.line);
      else if (this.#reader.found === "too-long") this.#handler.tooLong(out);
    }
    return at;
  }

  /** As many bytes as asked for them, so that nobody is sent more than he sends. */
  #answerMarks(out: Intents): void {
    for (let marks = this.#reader.takeMarks(); marks > 0; marks--) {
      if (!out.write(TELNET_WONT_TIMING_MARK)) this.hold(HELD_BY_OUTPUT);
    }
  }

  #handOverEnd(out: Intents): void {
    if (this.#reader.takeRest()) this.#handler.line(out, this.#reader.line);
    if (!this.#isFree) return;
    this.close();
    this.#handler.ended(out);
  }

  #keep(out: Intents, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosed) return;
    const total = this.#kept.length + end - start;
    if (total > MAX_KEPT_BYTES) {
      out.abort(`${total} bytes came before there was time for them`);
      this.close();
      return;
    }
    const joined = new Uint8Array(total);
    joined.set(this.#kept);
    joined.set(bytes.subarray(start, end), this.#kept.length);
    this.#kept = joined;
  }

  /** Has the driver read exactly while lines are wanted. */
  #steer(out: Intents): void {
    const mustPause = this.#holds !== 0 && !this.#isClosed;
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) out.pause();
    else out.resume();
  }
}

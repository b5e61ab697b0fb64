/**
 * The error queue of a socket: ICMP errors, zero-copy completions and transmit timestamps, one after the other. ip(7)
 * "IP_RECVERR". Whoever reads it gets whatever is next, so all reading goes through here: completions reach the sends
 * that they are about, and the rest whoever asked for errors.
 */
import { AF_UNSPEC, EAGAIN, MSG_ERRQUEUE, SOCK_RAW, type SocketAddress } from "../abi/index.ts";
import type { Ancillary } from "./ancillary.ts";
import type { ExtendedError } from "./ancillary-error.ts";
import { RecvMessageOperation } from "./message-operations.ts";
import type { ZeroCopySends } from "./message-zerocopy.ts";
import { type Direction, ERRORS, type Operation } from "./waits.ts";

/** Reports kept for a caller of `recvError` while zero-copy completions are waited for; the oldest goes first. */
const MAX_KEPT_REPORTS = 64;
/** The kernel gives back no more of a packet than this. */
const MAX_PACKET_BYTES = 65_535;
/** Entries that one attempt reads before others get their turn. */
const MAX_ENTRIES_PER_ATTEMPT = 256;

/** An entry of the error queue. */
export interface ErrorReport {
  readonly error: ExtendedError;
  /** The packet that the report is about, from its payload on, as far as it came back. */
  readonly bytes: Buffer;
  /** Where that packet had been sent. */
  readonly destination: SocketAddress | undefined;
  /** What came along beside the error, such as timestamps. */
  readonly ancillary: readonly Ancillary[];
}

/** Messages are kept apart in the queue, whatever the socket's type. */
const ENTRY = { family: AF_UNSPEC, type: SOCK_RAW } as const;
const NO_ERROR: ExtendedError = { errno: 0, code: "", origin: "none", eeType: 0, eeCode: 0, eeInfo: 0, eeData: 0 };

export class ErrorQueue {
  readonly #kept: ErrorReport[] = [];
  readonly #sends: ZeroCopySends;

  constructor(sends: ZeroCopySends) {
    this.#sends = sends;
  }

  /** The next report that is not a zero-copy completion: kept, or from the kernel; else `-errno`. */
  next(fd: number): ErrorReport | number {
    const kept = this.#kept.shift();
    if (kept !== undefined) return kept;
    for (let i = 0; i < MAX_ENTRIES_PER_ATTEMPT; i++) {
      const entry = readEntry(fd);
      if (typeof entry === "number" || !this.#settle(entry)) return entry;
    }
    return -EAGAIN;
  }

  /** Reads what there is and keeps what is not a completion. Returns how many entries there were, or `-errno`. */
  pump(fd: number): number {
    for (let count = 0; count < MAX_ENTRIES_PER_ATTEMPT; count++) {
      const entry = readEntry(fd);
      if (typeof entry === "number") return entry === -EAGAIN && count > 0 ? count : entry;
      if (this.#settle(entry)) continue;
      this.#kept.push(entry);
      if (this.#kept.length > MAX_KEPT_REPORTS) this.#kept.shift();
    }
    return MAX_ENTRIES_PER_ATTEMPT;
  }

  #settle({ error }: ErrorReport): boolean {
    const { zeroCopy } = error;
    return zeroCopy !== undefined && this.#sends.complete(zeroCopy.first, zeroCopy.last, zeroCopy.copied);
  }
}

/** Reads one report. */
export class RecvErrorOperation implements Operation {
  readonly syscall = "recvmsg";
  readonly direction: Direction = ERRORS;
  report: ErrorReport | undefined;
  readonly #queue: ErrorQueue;

  constructor(queue: ErrorQueue) {
    this.#queue = queue;
  }

  attempt(fd: number): number {
    const next = this.#queue.next(fd);
    if (typeof next === "number") return next;
    this.report = next;
    return 0;
  }
}

/** Reads completions; one success may have brought others' only. */
export class PumpOperation implements Operation {
  readonly syscall = "recvmsg";
  readonly direction: Direction = ERRORS;
  readonly #queue: ErrorQueue;

  constructor(queue: ErrorQueue) {
    this.#queue = queue;
  }

  attempt(fd: number): number {
    return this.#queue.pump(fd);
  }
}

function readEntry(fd: number): ErrorReport | number {
  const operation = new RecvMessageOperation({ sizeBytes: MAX_PACKET_BYTES, flags: MSG_ERRQUEUE }, ENTRY);
  const result = operation.attempt(fd);
  const { message } = operation;
  if (result < 0 || message === undefined) return result;
  const isError = (entry: Ancillary): entry is Ancillary & ExtendedError => "eeInfo" in entry;
  const error = message.ancillary.find(isError) ?? NO_ERROR;
  const ancillary = message.ancillary.filter((entry) => !isError(entry));
  return { error, bytes: message.bytes, destination: message.address, ancillary };
}

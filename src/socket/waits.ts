/**
 * How a socket waits. A call that the kernel answers with EAGAIN becomes a waiter: a function that tries once more,
 * kept in a queue until the reactor says that trying makes sense.
 *
 * Each direction has its queue, served in order, so that two calls of `recv` get their bytes in the order in which they
 * were made. One slot of the reactor serves all directions: it is armed for the union of what is waited for. The slot
 * is taken at the first wait; a socket that never has to wait is unknown to the reactor.
 */
import { AF_UNIX, EAGAIN, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, SOCK_DGRAM } from "../abi/index.ts";
import { Deadline, type DeadlineOwner, IdleHandler, type Reactor, type Slot, threadReactor } from "../reactor/index.ts";
import { canceledError, type SystemErrorDetails, timeoutError } from "./errors.ts";

/** Completes what an operation says of its own error: with the socket's own end, and with its peer where it says nothing. */
type Describe = (details: SystemErrorDetails | undefined) => SystemErrorDetails;

/** Limits of a call that may have to wait. */
export interface WaitOptions {
  /** Aborting it rejects the call with the signal's reason; the socket stays usable. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take; then it fails with ETIMEDOUT and the socket stays usable. For ever by default. */
  readonly timeoutMs?: number | undefined;
  /** As `timeoutMs`, but a moment on the clock of `performance.now()`, for several calls under one limit. */
  readonly deadlineMs?: number | undefined;
}

/** What is waited for. An index of the tables below. */
export type Direction = 0 | 1 | 2 | 3;
export const READABLE = 0;
export const WRITABLE = 1;
/** Urgent data and other exceptional conditions: POLLPRI of poll(2). */
export const PRIORITY = 2;
/** Something in the error queue: POLLERR of poll(2), which is reported whether asked for or not. */
export const ERRORS = 3;

/** A system call on a socket that may have to wait. Its results beside the number are its own fields. */
export interface Operation {
  /** C's name of the call, for errors. */
  readonly syscall: string;
  /** What has to hold before another try makes sense. */
  readonly direction: Direction;
  /**
   * Tries the call once, without blocking.
   * @returns the call's result, or `-errno`; `-EAGAIN` to wait and be called again.
   */
  attempt(fd: number): number;
  /**
   * Whom the call is about, for its errors; by default the peer.
   * @param result what the attempt returned, `-errno`; undefined when its time was over.
   */
  describe?(result?: number): SystemErrorDetails | undefined;
}

/** The poll(2) event of each direction. */
export const EVENTS: readonly [number, number, number, number] = [POLLIN, POLLOUT, POLLPRI, POLLERR];

/** Calls that may wait at once in one direction of one socket: more is a leak in the program. */
const MAX_WAITS_PER_DIRECTION = 4096;

/** Conditions that concern every direction. */
export const FATAL: number = POLLERR | POLLHUP | POLLNVAL;
/** A condition that lasts and helps nobody is looked at again after these many milliseconds, doubling. */
export const FIRST_PAUSE_MS = 1;
export const LONGEST_PAUSE_MS = 32;

/**
 * Whether poll(2) may call a socket writable though nothing can be sent: of unix datagrams it looks at the sender's own
 * buffer, and what is full is the queue of whoever they are sent to (net.unix.max_dgram_qlen). Waiting for POLLOUT would
 * be a loop without rest.
 */
export function isAlwaysWritable(family: number, type: number): boolean {
  return family === AF_UNIX && type === SOCK_DGRAM;
}

export class Waits extends IdleHandler {
  readonly #fd: number;
  readonly #describe: Describe;
  /** By direction, made at its first wait: of ten thousand idle connections, each waits in one. */
  readonly #queues: (Waiter[] | undefined)[] = [undefined, undefined, undefined, undefined];
  #reactor: Reactor | undefined;
  #slot: Slot = 0;
  #pauseMs = 0;
  #pause: NodeJS.Timeout | undefined;
  /** See {@link isAlwaysWritable}. */
  readonly #isAlwaysWritable: boolean;
  #heldBackMs = 0;
  #heldBack: NodeJS.Timeout | undefined;

  /** @param alwaysWritable what {@link isAlwaysWritable} says of the socket. */
  constructor(fd: number, alwaysWritable: boolean, describe: Describe) {
    super();
    this.#fd = fd;
    this.#isAlwaysWritable = alwaysWritable;
    this.#describe = describe;
  }

  /** Whether a new call has to queue up behind earlier ones. */
  isBusy(direction: Direction): boolean {
    const queue = this.#queues[direction];
    return queue !== undefined && queue.length > 0;
  }

  /**
   * Waits until the operation's attempt returns anything but `-EAGAIN`, and resolves to that: a result or `-errno`.
   * Rejects with the signal's reason, with ETIMEDOUT, or with ECANCELED after {@link Waits.cancel}.
   * @param startMs when the call began, on the clock of `performance.now()`: what it says of its limit counts from there.
   */
  wait(operation: Operation, options: WaitOptions, startMs: number = performance.now()): Promise<number> {
    return new Promise((resolve, reject) => {
      const queue = this.#queues[operation.direction];
      if (queue !== undefined && queue.length >= MAX_WAITS_PER_DIRECTION) {
        throw new RangeError(`more than ${MAX_WAITS_PER_DIRECTION} calls of ${operation.syscall} wait on one socket`);
      }
      const reactor = this.#attach();
      const waiter = new Waiter(this, operation, resolve, reject);
      waiter.watch(reactor, options, startMs);
      if (queue === undefined) this.#queues[operation.direction] = [waiter];
      else queue.push(waiter);
      this.#arm();
    });
  }

  /** Takes the descriptor back from the reactor and rejects everything that waits. */
  cancel(): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#heldBack);
    this.#reactor?.detach(this.#slot);
    this.#reactor = undefined;
    for (const waiter of this.#takeAll()) waiter.reject(canceledError(waiter.operation.syscall));
  }

  /** For the error of a waiter whose time is over. */
  describe(operation: Operation): SystemErrorDetails {
    return this.#describe(operation.describe?.());
  }

  /** Called by a waiter whose time or patience is over. */
  drop(waiter: Waiter, reason: unknown): void {
    const queue = this.#queues[waiter.operation.direction] ?? [];
    const index = queue.indexOf(waiter);
    if (index < 0) return;
    queue.splice(index, 1);
    waiter.reject(reason);
    this.#arm();
  }

  override ready(_slot: Slot, events: number): void {
    let helped = false;
    for (const direction of [READABLE, WRITABLE, PRIORITY, ERRORS] as const) {
      if ((events & (EVENTS[direction] | FATAL)) !== 0 && this.#serve(direction)) helped = true;
    }
    if (this.#isAlwaysWritable && (events & POLLOUT) !== 0) this.#holdBack();
    // An error or hang-up that stays, such as an unread error queue, must not make the loop spin.
    const isLasting = !helped && (events & ~FATAL) === 0;
    this.#pauseMs = isLasting ? Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS) : 0;
    if (isLasting) this.#pause = setTimeout(() => this.#arm(), this.#pauseMs);
    else this.#arm();
  }

  /** The reactor could not watch the descriptor. */
  override failed(_slot: Slot, errno: number): void {
    for (const waiter of this.#takeAll()) waiter.resolve(-errno);
  }

  #takeAll(): Waiter[] {
    return this.#queues.flatMap((queue) => queue?.splice(0) ?? []);
  }

  #attach(): Reactor {
    const reactor = threadReactor();
    // A thread's reactor may have been closed and made anew since.
    if (this.#reactor !== reactor) {
      this.#slot = reactor.attach(this.#fd, this);
      this.#reactor = reactor;
    }
    return reactor;
  }

  #arm(): void {
    let events = 0;
    for (const direction of [READABLE, WRITABLE, PRIORITY, ERRORS] as const) {
      if (this.isBusy(direction)) events |= EVENTS[direction];
    }
    if (this.#heldBack !== undefined) events &= ~POLLOUT;
    this.#reactor?.arm(this.#slot, events);
  }

  /** Who still waits to send though there was nothing to wait for tries again after a while. */
  #holdBack(): void {
    const isStuck = this.isBusy(WRITABLE);
    this.#heldBackMs = isStuck ? Math.min(Math.max(this.#heldBackMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS) : 0;
    if (!isStuck || this.#heldBack !== undefined) return;
    this.#heldBack = setTimeout(() => {
      this.#heldBack = undefined;
      this.#arm();
    }, this.#heldBackMs);
  }

  /** Lets the waiters of a direction try, in order, until one has to wait on. */
  #serve(direction: Direction): boolean {
    const queue = this.#queues[direction] ?? [];
    let helped = false;
    while (queue.length > 0) {
      const waiter = queue[0] as Waiter;
      const result = waiter.operation.attempt(this.#fd);
      if (result === -EAGAIN) break;
      queue.shift();
      waiter.resolve(result);
      helped = true;
    }
    return helped;
  }
}

/** The moment, on the clock of `performance.now()`, at which a call has to end; Infinity for never. */
export function deadlineOf({ timeoutMs, deadlineMs }: WaitOptions, nowMs: number): number {
  return Math.min(deadlineMs ?? Number.POSITIVE_INFINITY, nowMs + (timeoutMs ?? Number.POSITIVE_INFINITY));
}

/** @throws the signal's reason if it is aborted; TypeError for what is no signal; RangeError for a limit that is no time. */
export function checkWait({ signal, timeoutMs, deadlineMs }: WaitOptions): void {
  if (signal !== undefined) {
    if (typeof signal?.throwIfAborted !== "function")
      throw new TypeError("signal is an AbortSignal, such as controller.signal");
    signal.throwIfAborted();
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0)) {
    throw new RangeError(`timeoutMs is a number of milliseconds from 0 up, not ${String(timeoutMs)}`);
  }
  if (deadlineMs !== undefined && (typeof deadlineMs !== "number" || Number.isNaN(deadlineMs))) {
    throw new RangeError(`deadlineMs is a time on the clock of performance.now(), not ${String(deadlineMs)}`);
  }
}

/** One call that waits. It listens to its signal and owns its deadline. */
class Waiter implements DeadlineOwner {
  readonly operation: Operation;
  readonly #waits: Waits;
  readonly #resolve: (result: number) => void;
  readonly #reject: (reason: unknown) => void;
  #signal: AbortSignal | undefined;
  #reactor: Reactor | undefined;
  #deadline: Deadline | undefined;
  #timeoutMs = 0;

  constructor(
    waits: Waits,
    operation: Operation,
    resolve: (result: number) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#waits = waits;
    this.operation = operation;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  watch(reactor: Reactor, options: WaitOptions, startMs: number): void {
    if (options.signal !== undefined) {
      this.#signal = options.signal;
      this.#signal.addEventListener("abort", this);
    }
    const atMs = deadlineOf(options, startMs);
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timeoutMs = Math.max(0, atMs - startMs);
    this.#reactor = reactor;
    this.#deadline = new Deadline(this);
    reactor.timers.set(this.#deadline, atMs);
  }

  handleEvent(): void {
    this.#waits.drop(this, this.#signal?.reason);
  }

  expired(): void {
    this.#waits.drop(this, timeoutError(this.operation.syscall, this.#timeoutMs, this.#waits.describe(this.operation)));
  }

  resolve(result: number): void {
    this.#unwatch();
    this.#resolve(result);
  }

  reject(reason: unknown): void {
    this.#unwatch();
    this.#reject(reason);
  }

  #unwatch(): void {
    this.#signal?.removeEventListener("abort", this);
    if (this.#deadline !== undefined) this.#reactor?.timers.clear(this.#deadline);
  }
}

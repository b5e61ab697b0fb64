/**
 * The contract of an event loop, stated once for every backend.
 *
 * It is shaped by completion: a caller asks a slot to accept, receive, connect or send, and is told what happened.
 * io_uring does such requests itself; select, poll and epoll are made to, by trying and then waiting (`readiness.ts`).
 *
 * **Slots.** {@link Reactor.attach} lends a descriptor to the reactor and returns its slot. A slot carries a
 * generation: after {@link Reactor.close} or {@link Reactor.detach} the old number means nothing, even if the kernel
 * has given the same descriptor out again. A descriptor has one slot at a time.
 *
 * **Buffers.** Received bytes lie in {@link Reactor.input}, which belongs to the reactor: the window is valid until the
 * handler's method returns. Bytes given to {@link Reactor.send} are borrowed until the handler's method that gave them
 * returns (at once, outside of any handler's method); what the kernel has not taken by then, the reactor copies and
 * owns. How much waits is {@link Reactor.pending}, and over many slots {@link SlotHandler.waiting}; to bound it is the
 * caller's part. What was received before a `pause` took effect is kept likewise: {@link Reactor.kept}, and the same sum.
 *
 * **Order.** Handler methods never run inside a call of the caller's: a send that fails is reported by `failed` later
 * in the same pass. `nowMs` stands still during a pass, which reports descriptors first, then the deadlines that are
 * due, then such failures.
 *
 * **Ends.** `ended` is the peer's half-close; sending still works. `failed` ends both directions: the slot is only good
 * for `close`. Nothing is reported for a slot after its `close`. A readiness backend reports a failure also while
 * nobody receives, once the slot has been put to some use; an orderly end waits until somebody receives.
 *
 * **Modes.** A slot accepts, connects, receives, is armed or rests; asking for one ends the other. Sending goes on in
 * all of them. `receive` and `send` are for stream sockets; `arm` is for everything else, and for a stream whose urgent
 * data or error queue is watched. A regular file is always ready: `ready` at once, or `failed` with EPERM, by backend.
 *
 * **Exceptions.** A handler's method that throws ends the pass. What it had sent leaves; its slot is as if it had
 * returned; what the pass had not reported is reported by the next. The exception reaches the caller of `pass` or `run`,
 * and is an uncaught one inside Node's loop.
 */
import type { OutputTally } from "./output.ts";
import type { DeadlineHeap } from "./timers.ts";

/** A lent descriptor: its number in the low 20 bits, a generation above. */
export type Slot = number;

/** The highest descriptor number, plus one, that a reactor takes. Linux's own default ceiling (`fs.nr_open`). */
export const MAX_DESCRIPTORS: number = 1 << 20;

/** Bytes of one slot that a backend may have received before `pause` takes effect. */
export const MOST_KEPT_BYTES: number = 64 * 1024;

/** What a slot's owner is told. Errors are positive errno numbers. */
export interface SlotHandler {
  /** Where memory for what waits for the slot's peer, or is kept of it, is counted with that of others; always the same. */
  readonly waiting?: OutputTally;
  /** After `accept`: a connection, non-blocking and close-on-exec, now the handler's own descriptor. */
  accepted(slot: Slot, fd: number): void;
  /** After `connect`: 0, or the errno of the failed attempt. */
  connected(slot: Slot, errno: number): void;
  /** After `receive`: bytes `[start, end)`, never empty. */
  received(slot: Slot, bytes: Uint8Array, start: number, end: number): void;
  /** After `receive`: the peer half-closed; nothing more will be received. */
  ended(slot: Slot): void;
  /** Everything that waited to be sent has been handed to the kernel: `pending` was more than 0, and is 0 now. */
  drained(slot: Slot): void;
  /** After `arm`: which of the POLL* events hold. The slot is disarmed. */
  ready(slot: Slot, events: number): void;
  /**
   * The descriptor failed. A listener that could not accept (EMFILE, ENFILE, ENOBUFS, ENOMEM) is paused, not dead.
   * @param isUnasked nothing was under way that could fail: the kernel told of a hang-up while the slot was at rest.
   */
  failed(slot: Slot, errno: number, isUnasked?: boolean): void;
}

/** A handler that ignores everything; a base for handlers that care for part of it. */
export class IdleHandler implements SlotHandler {
  accepted(_slot: Slot, _fd: number): void {}
  connected(_slot: Slot, _errno: number): void {}
  received(_slot: Slot, _bytes: Uint8Array, _start: number, _end: number): void {}
  ended(_slot: Slot): void {}
  drained(_slot: Slot): void {}
  ready(_slot: Slot, _events: number): void {}
  failed(_slot: Slot, _errno: number, _isUnasked?: boolean): void {}
}

/** An event loop. It belongs to the thread that made it; only {@link Reactor.wake} may be reached from elsewhere. */
export interface Reactor {
  /** The backend's name: `epoll`, `poll` … */
  readonly backend: string;
  /** The buffer of received bytes; see the contract on its lifetime. */
  readonly input: Uint8Array;
  /** Milliseconds on a clock that never goes back, as of the start of the pass in hand. */
  readonly nowMs: number;
  readonly timers: DeadlineHeap;
  /** The highest descriptor, plus one, that can be attached: {@link MAX_DESCRIPTORS}, or less (select: FD_SETSIZE). */
  readonly maxDescriptors: number;
  /**
   * Slots that accept, receive, connect, are armed or have bytes waiting, without those in the background: while 0, the
   * loop waits for nobody.
   */
  readonly active: number;
  /** A descriptor that polls readable when a pass has work to do, or -1 where the backend has none. */
  readonly pollDescriptor: number;
  /** Writing 8 bytes (a 64-bit 1) to this eventfd wakes the loop, from any thread or process that has it. */
  readonly wakeDescriptor: number;

  /**
   * Lends a descriptor to the reactor. Sockets that listen or connect must be non-blocking (O_NONBLOCK).
   * @throws TypeError after `dispose`.
   * @throws RangeError for a descriptor that is no number below {@link maxDescriptors}, or that has a slot already.
   */
  attach(fd: number, handler: SlotHandler): Slot;
  /** Whether the slot is left out of {@link Reactor.active}, so that it alone does not keep a host alive. At first not. */
  background(slot: Slot, isBackground: boolean): void;
  /** Replaces the handler. */
  rehandle(slot: Slot, handler: SlotHandler): void;
  /**
   * Takes the descriptor back, open; what waited to be sent is dropped. Connections that the kernel has accepted for it by
   * then are reported first, a last time: they would be lost.
   */
  detach(slot: Slot): number;
  /** Drops what waited to be sent and closes the descriptor. A slot that is gone is left alone. */
  close(slot: Slot): void;

  /** Accepts connections until `pause`. */
  accept(slot: Slot): void;
  /** Starts to connect to an encoded socket address; `connected` tells the outcome. */
  connect(slot: Slot, address: Uint8Array): void;
  /** Receives bytes until `pause`, the peer's half-close or a failure. */
  receive(slot: Slot): void;
  /** Stops accepting or receiving; connections and bytes wait in the kernel. */
  pause(slot: Slot): void;
  /** Sends bytes `[start, end)` after all that was given before. */
  send(slot: Slot, bytes: Uint8Array, start: number, end: number): void;
  /** Half-closes once everything given to `send` has left, and not before a connection is there. */
  finish(slot: Slot): void;
  /** Tries to send now what the handler in hand has given. @returns the bytes that are still on their way. */
  flush(slot: Slot): number;
  /** Bytes that wait for the peer: those that the kernel was given and has not taken. */
  pending(slot: Slot): number;
  /**
   * Bytes that were received before `pause` took effect, and wait here for the next `receive`: none where a backend receives
   * only when asked. {@link MOST_KEPT_BYTES} at most, where the kernel can bound what it receives unasked.
   */
  kept(slot: Slot): number;
  /** Reports `ready` once, when one of `events` (POLLIN, POLLOUT, POLLPRI), an error or a hang-up holds. 0 disarms. */
  arm(slot: Slot, events: number): void;

  /**
   * One pass: waits at most `timeoutMs` (-1: until something happens), reports, fires timers.
   * @returns how many events were reported.
   * @throws TypeError inside a pass, and after `dispose`; and whatever a handler's method throws.
   */
  pass(timeoutMs: number): number;
  /** Passes, blocking this thread, until {@link stop}. */
  run(): void;
  /** Makes `run` return after the pass in hand. */
  stop(): void;
  /** Makes a waiting pass return. */
  wake(): void;
  /**
   * For who measures: called after each pass that has reported something, with how long that took from the end of its
   * wait, at the latest when the next begins to wait. It must not touch the reactor.
   */
  onPass: ((tookMs: number) => void) | undefined;
  /** Called whenever `active` leaves or reaches 0. For the host inside Node's loop. */
  onActivity: (() => void) | undefined;
  /**
   * For a host that goes on to wait for `pollDescriptor`: hands over what is pending and lets that descriptor signal.
   * @returns whether there is work already, so that the host must pass again rather than wait.
   */
  rest(): boolean;
  /** What a wait waits for, as an array of struct pollfd (two words each). For one who waits from another thread. */
  waitSet(): Int32Array;
  /** Called when {@link waitSet} has changed. */
  onWaitSetChange: (() => void) | undefined;
  /**
   * Gives the reactor's own descriptors and memory back; when a handler's method calls this, as the pass ends. Attached
   * descriptors stay open and their owners'. A second call does nothing.
   */
  dispose(): void;
}

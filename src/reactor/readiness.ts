/**
 * Completions over readiness: each request is tried, and where the kernel says EAGAIN, waited for and tried again.
 *
 * The descriptor's number is the index of its state, in typed arrays that grow with the highest number seen; the kernel
 * gives out the lowest free numbers, so they stay dense. Sends of one handler call are gathered and leave in one system
 * call (`#staged…`): straight from the receive buffer where received bytes are handed back, else from the output arena;
 * when the handler returns, or small ones a few at a time (`parked-sends.ts`).
 */
import {
  AF_UNIX,
  EAGAIN,
  EBADF,
  ECONNABORTED,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EINPROGRESS,
  EINTR,
  EISCONN,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  SHUT_WR,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { check } from "./check.ts";
import { MAX_DESCRIPTORS, type Reactor, type Slot, type SlotHandler } from "./contract.ts";
import { closeKept, keepDescriptor } from "./descriptor.ts";
import { familyOf } from "./family.ts";
import { OutputQueue } from "./output.ts";
import { ParkedSends } from "./parked-sends.ts";
import type { Selector } from "./selector.ts";
import { SPIN_MS, Spin } from "./spin.ts";
import { DeadlineHeap } from "./timers.ts";

/** One receive takes at most this much; what is left is reported again. */
const INPUT_BYTES = 256 * 1024;
/** Output of one handler call that is gathered before it is sent. */
const ARENA_BYTES = 256 * 1024;
/** Writes from here on go to the kernel where they are, without a copy into the arena. */
const DIRECT_BYTES = 64 * 1024;
/** Connections taken per report, so that a flood of new ones does not starve the old. */
const ACCEPTS_PER_REPORT = 64;
/** Bytes of waiting output handed over per report, for the same reason. */
const FLUSH_BYTES_PER_REPORT = 1 << 20;

/** Received bytes that are parked lie before this, so that the next receive has room. */
const PARKED_INPUT_BYTES = INPUT_BYTES / 2;
const CACHE_LINE_BYTES = 64;

const FD_BITS = 20;
const FD_MASK = MAX_DESCRIPTORS - 1;
const MAX_GENERATION = (1 << 10) - 1;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

/** What a slot is doing. */
const FREE = 0;
const IDLE = 1;
const ACCEPTING = 2;
const CONNECTING = 3;
const RECEIVING = 4;
const ARMED = 5;
/** Was armed, and has reported: what is registered with the selector is left, in the hope of the same wish again. */
const DISARMED = 6;
const FAILED = 7;

const NOT_REGISTERED = -1;
/** Reported unasked, whatever was wanted. */
const UNASKED = POLLERR | POLLHUP | POLLNVAL;
/** The kernel's timeouts are ints. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export class ReadinessReactor implements Reactor {
  readonly backend: string;
  readonly input: Uint8Array;
  readonly timers: DeadlineHeap = new DeadlineHeap();
  readonly pollDescriptor: number;
  readonly wakeDescriptor: number;
  nowMs: number = performance.now();
  active = 0;
  onActivity: (() => void) | undefined = undefined;
  onPass: ((tookMs: number) => void) | undefined = undefined;
  /** Whether {@link onPass} has yet to be told of the pass before: the next wait takes the time anyway. */
  #isUntold = false;

  readonly #selector: Selector;
  readonly #spin = new Spin();
  readonly #inputRegion = sys.mapRegion(INPUT_BYTES);
  readonly #inputAddress = this.#inputRegion.address;
  readonly #arenaRegion = sys.mapRegion(ARENA_BYTES);
  readonly #arena = this.#arenaRegion.bytes;
  readonly #arenaAddress = this.#arenaRegion.address;

  /** Per descriptor: its slot (0: none), state, events registered with the selector and armed, handler, unsent bytes. */
  #slots = new Int32Array(0);
  #states = new Uint8Array(0);
  #registered = new Int32Array(0);
  #armed = new Int32Array(0);
  #finishing = new Uint8Array(0);
  #background = new Uint8Array(0);
  /** Where readiness is told once: per descriptor, its address family, once somebody has asked. */
  #families = new Int32Array(0);
  readonly #handlers: (SlotHandler | undefined)[] = [];
  readonly #outputs: (OutputQueue | undefined)[] = [];
  #generation = 0;

  /** Output gathered for one descriptor: `#stagedLength` bytes at `#stagedAddress`, in the input or in the arena. */
  #stagedFd = -1;
  #stagedAddress = 0;
  #stagedLength = 0;
  /** Output of handler calls that have returned. Until it has left, … */
  readonly #parked = new ParkedSends();
  /** … input and arena are used from here on. */
  #inputFrom = 0;
  #arenaFrom = 0;

  /** Where readiness is told once: slots with events that may still hold, for the next pass, … */
  readonly #again: Slot[] = [];
  /** … and those events, per descriptor. Once each, however often they are noted: else a flood would multiply. */
  #left = new Int32Array(0);
  readonly #isEdgeTriggered: boolean;
  readonly maxDescriptors: number;

  /** Depth of handler calls; sends outside of any leave at once. */
  #depth = 0;
  #stopped = false;
  #disposed = false;
  /** Failures met during a call of the caller's: pairs of slot and errno, reported at the end of the pass. */
  readonly #failures: number[] = [];

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#isEdgeTriggered = selector.isEdgeTriggered;
    this.maxDescriptors = selector.maxDescriptors;
    this.backend = selector.name;
    this.pollDescriptor = selector.descriptor;
    this.input = this.#inputRegion.bytes;
    const wakeDescriptor = sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    this.wakeDescriptor = wakeDescriptor;
    try {
      check("eventfd", wakeDescriptor);
      keepDescriptor(wakeDescriptor);
      if (wakeDescriptor >= this.maxDescriptors) {
        throw new RangeError(
          `${this.backend} watches descriptors below ${this.maxDescriptors}, and this process has them all in use`,
        );
      }
      this.#reserve(wakeDescriptor);
      check("register", selector.register(wakeDescriptor, wakeDescriptor, POLLIN));
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  attach(fd: number, handler: SlotHandler): Slot {
    if (!Number.isInteger(fd) || fd < 0 || fd >= this.maxDescriptors) {
      throw new RangeError(
        `${fd} is no descriptor below ${this.maxDescriptors}, the limit of the ${this.backend} backend`,
      );
    }
    if (this.#disposed) throw new TypeError("the reactor is disposed");
    this.#reserve(fd);
    if (this.#states[fd] !== FREE || fd === this.wakeDescriptor) {
      throw new RangeError(`descriptor ${fd} has a slot already; duplicate it to watch it twice`);
    }
    this.#generation = this.#generation === MAX_GENERATION ? 1 : this.#generation + 1;
    const slot = (this.#generation << FD_BITS) | fd;
    this.#slots[fd] = slot;
    this.#states[fd] = IDLE;
    this.#registered[fd] = NOT_REGISTERED;
    this.#finishing[fd] = 0;
    this.#left[fd] = 0;
    this.#background[fd] = 0;
    this.#families[fd] = 0;
    this.#handlers[fd] = handler;
    return slot;
  }

  background(slot: Slot, isBackground: boolean): void {
    const fd = this.#find(slot);
    if (fd < 0) return;
    this.#countActive(fd, -1);
    this.#background[fd] = isBackground ? 1 : 0;
    this.#countActive(fd, 1);
  }

  rehandle(slot: Slot, handler: SlotHandler): void {
    const fd = this.#find(slot);
    if (fd >= 0) this.#handlers[fd] = handler;
  }

  detach(slot: Slot): number {
    const fd = this.#find(slot);
    if (fd < 0) return -1;
    this.#flushOf(fd);
    this.#forget(fd);
    this.#countActive(fd, -1);
    this.#slots[fd] = 0;
    this.#states[fd] = FREE;
    this.#handlers[fd] = undefined;
    this.#dropOutput(fd);
    return fd;
  }

  close(slot: Slot): void {
    const fd = this.detach(slot);
    if (fd >= 0) sys.close(fd);
  }

  accept(slot: Slot): void {
    this.#start(slot, ACCEPTING);
  }

  receive(slot: Slot): void {
    this.#start(slot, RECEIVING);
  }

  pause(slot: Slot): void {
    this.#start(slot, IDLE);
  }

  connect(slot: Slot, address: Uint8Array): void {
    const fd = this.#find(slot);
    if (fd < 0) return;
    if (this.#states[fd] === FAILED) return;
    const outcome = sys.connect(fd, address, address.length);
    if (outcome === 0 || outcome === -EINPROGRESS || outcome === -EINTR) {
      this.#start(slot, CONNECTING);
      return;
    }
    // Even an immediate outcome is reported from a pass, never from inside this call. Until then the socket must not be
    // watched: an unconnected one polls writable and hung up, which would pass for a success.
    this.#setState(fd, CONNECTING);
    this.#forget(fd);
    this.#postpone(slot, -outcome);
  }

  send(slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    const fd = this.#find(slot);
    if (fd < 0 || start >= end || this.#states[fd] === FAILED) return;
    if (fd !== this.#stagedFd && this.#outputs[fd] === undefined) {
      this.#flushStaged();
      if (this.#parked.has(fd)) this.#flushParked();
    }
    // Asked only now: what was parked may wait for the peer since.
    const output = this.#outputs[fd];
    if (output !== undefined) {
      output.push(bytes, start, end);
      return;
    }
    this.#stagedFd = fd;
    this.#stage(bytes, start, end);
    if (this.#depth === 0) this.#flushStaged();
  }

  finish(slot: Slot): void {
    const fd = this.#find(slot);
    if (fd < 0) return;
    this.#flushOf(fd);
    // A shutdown before the connection is there would call the attempt off.
    if (this.#outputs[fd] !== undefined || this.#states[fd] === CONNECTING) this.#finishing[fd] = 1;
    else sys.shutdown(fd, SHUT_WR);
  }

  flush(slot: Slot): number {
    const fd = this.#find(slot);
    if (fd >= 0) this.#flushOf(fd);
    return this.pending(slot);
  }

  pending(slot: Slot): number {
    const fd = this.#find(slot);
    // What is staged has not been tried yet: it waits for the handler to return, not for the peer.
    return fd < 0 ? 0 : (this.#outputs[fd]?.bytes ?? 0);
  }

  kept(): number {
    return 0;
  }

  arm(slot: Slot, events: number): void {
    const fd = this.#find(slot);
    if (fd < 0 || this.#states[fd] === FAILED) return;
    this.#setState(fd, events === 0 ? DISARMED : ARMED);
    if (events === 0) return;
    this.#armed[fd] = events;
    this.#want(fd, this.#outputs[fd] === undefined ? events : events | POLLOUT, true);
  }

  pass(timeoutMs: number): number {
    if (this.#depth !== 0) throw new TypeError("pass() was called inside a pass, by a handler's method");
    if (this.#disposed) throw new TypeError("the reactor is disposed");
    const again = this.#again;
    const hasWork = this.#failures.length > 0 || again.length > 0;
    const count = this.#wait(hasWork ? 0 : timeoutMs);
    let reported = 0;
    let i = -1;
    try {
      this.#depth++;
      if (again.length > 0) reported += this.#dispatchAgain(again);
      for (i = 0; i < count; i++) {
        const slot = this.#selector.readyTags[i] as number;
        const fd = slot & FD_MASK;
        if (this.#slots[fd] === slot) {
          this.#dispatch(fd, slot, this.#selector.readyEvents[i] as number);
          reported++;
        } else if (slot === this.wakeDescriptor) {
          this.#consumeWake();
        }
      }
      this.#flushParked();
      if (this.timers.nextMs <= this.nowMs) reported += this.timers.fire(this.nowMs);
      this.#flushStaged();
      if (this.#failures.length > 0) reported += this.#reportFailures();
    } finally {
      // Also after a throw: what was staged lies in memory that the next receive would overwrite.
      this.#flushParked();
      this.#flushStaged();
      if (this.#isEdgeTriggered) for (i++; i < count; i++) this.#keepEvent(i);
      this.#depth--;
      if (this.#disposed) this.#release();
    }
    if (this.onPass !== undefined && reported > 0) {
      if (timeoutMs === 0) this.onPass(performance.now() - this.nowMs);
      else this.#isUntold = true;
    }
    return reported;
  }

  run(): void {
    this.#stopped = false;
    // Each turn is a call of a JavaScript function, so that terminating the worker that runs this takes effect.
    while (!this.#stopped) this.pass(-1);
  }

  stop(): void {
    this.#stopped = true;
  }

  wake(): void {
    if (this.#disposed) return;
    const one = new BigUint64Array([1n]);
    sys.write(this.wakeDescriptor, one, 8);
  }

  rest(): boolean {
    return this.#failures.length > 0 || this.#again.length > 0;
  }

  waitSet(): Int32Array {
    return this.#selector.waitSet();
  }

  get onWaitSetChange(): (() => void) | undefined {
    return this.#selector.onWaitSetChange;
  }

  set onWaitSetChange(callback: (() => void) | undefined) {
    this.#selector.onWaitSetChange = callback;
  }

  dispose(): void {
    if (this.#disposed) return;
    for (const slot of this.#slots) if (slot !== 0) this.detach(slot);
    // Of slots that there are no more.
    this.#again.length = 0;
    this.#failures.length = 0;
    this.#disposed = true;
    // A handler that disposes of its own reactor may still look at the input.
    if (this.#depth === 0) this.#release();
  }

  #release(): void {
    this.#selector.close();
    if (this.wakeDescriptor >= 0) closeKept(this.wakeDescriptor);
    sys.unmapRegion(this.#inputRegion);
    sys.unmapRegion(this.#arenaRegion);
  }

  /** The descriptor of a live slot, or -1. */
  #find(slot: Slot): number {
    const fd = slot & FD_MASK;
    return slot > FD_MASK && this.#slots[fd] === slot ? fd : -1;
  }

  #reserve(fd: number): void {
    const size = this.#slots.length;
    if (fd < size) return;
    const grown = Math.max(1024, 2 ** Math.ceil(Math.log2(fd + 1)));
    const copy = <T extends Int32Array | Uint8Array>(into: T, from: T): T => {
      into.set(from);
      return into;
    };
    this.#slots = copy(new Int32Array(grown), this.#slots);
    this.#states = copy(new Uint8Array(grown), this.#states);
    this.#registered = copy(new Int32Array(grown), this.#registered);
    this.#armed = copy(new Int32Array(grown), this.#armed);
    this.#left = copy(new Int32Array(grown), this.#left);
    this.#finishing = copy(new Uint8Array(grown), this.#finishing);
    this.#background = copy(new Uint8Array(grown), this.#background);
    this.#families = copy(new Int32Array(grown), this.#families);
    this.#parked.reserve(grown);
  }

  /** Puts a slot to work on something else. */
  #start(slot: Slot, state: number): void {
    const fd = this.#find(slot);
    const before = this.#states[fd];
    if (fd < 0 || before === FAILED || before === state) return;
    this.#setState(fd, state);
    // The edge that an armed slot was told of, and did nothing about, would not be told to its next state.
    this.#wantByState(fd, before === ARMED || before === DISARMED);
  }

  #setState(fd: number, state: number): void {
    this.#countActive(fd, -1);
    this.#states[fd] = state;
    this.#countActive(fd, 1);
  }

  #wantByState(fd: number, mustLookAnew = this.#states[fd] === ARMED): void {
    const state = this.#states[fd];
    let events = this.#outputs[fd] === undefined ? 0 : POLLOUT;
    if (state === ACCEPTING || state === RECEIVING) events |= POLLIN;
    else if (state === CONNECTING) events |= POLLOUT;
    else if (state === ARMED) events |= this.#armed[fd] as number;
    this.#want(fd, events, mustLookAnew);
  }

  #want(fd: number, events: number, mustLookAnew: boolean): void {
    const registered = this.#registered[fd] as number;
    // Armed again with the same wish, an edge that has been reported must be looked for anew.
    if (registered === events && !(this.#isEdgeTriggered && mustLookAnew)) return;
    const slot = this.#slots[fd] as number;
    const outcome =
      registered === NOT_REGISTERED
        ? this.#selector.register(fd, slot, events)
        : this.#selector.modify(fd, slot, events);
    if (outcome < 0) this.#postpone(slot, -outcome);
    else this.#registered[fd] = events;
  }

  #countActive(fd: number, step: 1 | -1): void {
    const state = this.#states[fd] as number;
    const isWaiting = state >= ACCEPTING && state <= ARMED;
    if ((!isWaiting && this.#outputs[fd] === undefined) || this.#background[fd] === 1) return;
    const before = this.active;
    this.active += step;
    if ((before === 0 || this.active === 0) && this.onActivity !== undefined) this.onActivity();
  }

  #dispatch(fd: number, slot: Slot, events: number): void {
    switch (this.#states[fd]) {
      case RECEIVING:
        if ((events & POLLOUT) !== 0 && !this.#flushAndStay(fd, slot)) break;
        if ((events & ~POLLOUT) !== 0) this.#receiveOnce(fd, slot, events);
        break;
      case ARMED:
        if (this.#outputs[fd] === undefined || this.#flushAndStay(fd, slot)) {
          // It may have been armed for something else as the wait began.
          const asked = events & ((this.#armed[fd] as number) | UNASKED);
          if (asked !== 0) this.#reportReady(fd, slot, asked);
        }
        break;
      case ACCEPTING:
        this.#acceptSome(fd, slot);
        break;
      case CONNECTING:
        this.#finishConnect(fd, slot);
        break;
      case DISARMED:
        if (!this.#flushAndStay(fd, slot)) break;
        if ((events & UNASKED) !== 0) this.#hush(fd);
        else this.#wantByState(fd);
        break;
      case IDLE:
        if ((events & POLLOUT) !== 0 && !this.#flushAndStay(fd, slot)) break;
        if ((events & UNASKED) !== 0) this.#hangUp(fd, slot);
        break;
      default:
        break;
    }
    if (this.#stagedFd >= 0) this.#parkStaged();
  }

  /** Asked for anew at each report: the one before may have replaced it. */
  #handler(fd: number): SlotHandler {
    return this.#handlers[fd] as SlotHandler;
  }

  /** Reports what was left over from an edge, as if it came anew. */
  #dispatchAgain(again: Slot[]): number {
    const count = again.length;
    for (let i = 0; i < count; i++) {
      const slot = again.shift() as Slot;
      const fd = this.#find(slot);
      const events = fd < 0 ? 0 : (this.#left[fd] as number);
      if (events === 0) continue;
      this.#left[fd] = 0;
      this.#dispatch(fd, slot, events);
    }
    return count;
  }

  #noteLeft(fd: number, slot: Slot, events: number): void {
    if (this.#left[fd] === 0) this.#again.push(slot);
    this.#left[fd] = (this.#left[fd] as number) | events;
  }

  /** After a throw, events of the wait in hand that were not reported: an edge would not come again. */
  #keepEvent(index: number): void {
    const slot = this.#selector.readyTags[index] as number;
    const fd = this.#find(slot);
    if (fd >= 0) this.#noteLeft(fd, slot, this.#selector.readyEvents[index] as number);
  }

  #receiveOnce(fd: number, slot: Slot, events: number): void {
    // SAFETY: the input belongs to this reactor and lives until dispose.
    const start = this.#inputFrom;
    const count = sys.recvAt(fd, this.#inputAddress + start, INPUT_BYTES - start, MSG_DONTWAIT);
    if (count > 0) {
      // Noted first: the handler may throw.
      if (this.#isEdgeTriggered) this.#noteMore(fd, slot, start + count === INPUT_BYTES, events);
      this.#handler(fd).received(slot, this.input, start, start + count);
    } else if (count === 0) {
      // A send in this pass may have taken the error that this would have been.
      if (this.#failures.length > 0 && this.#failures.includes(slot)) return;
      this.#start(slot, IDLE);
      this.#handler(fd).ended(slot);
    } else if (count !== -EAGAIN && count !== -EINTR) {
      this.#fail(fd, slot, -count);
    }
  }

  /**
   * A receive that left room means that nothing is left, unless the peer's end, or urgent data, has been reported too; or it
   * came from a unix socket, where it stops behind bytes that descriptors were passed with.
   */
  #noteMore(fd: number, slot: Slot, isFull: boolean, events: number): void {
    if (this.#families[fd] === 0) this.#families[fd] = familyOf(fd);
    const isFlagged = (events & (POLLPRI | POLLRDHUP | UNASKED)) !== 0;
    if (isFull || isFlagged || this.#families[fd] === AF_UNIX) this.#noteLeft(fd, slot, events & ~POLLOUT);
  }

  #acceptSome(fd: number, slot: Slot): void {
    // Noted until the kernel says that there are no more: the handler may throw.
    if (this.#isEdgeTriggered) this.#noteLeft(fd, slot, POLLIN);
    for (let i = 0; i < ACCEPTS_PER_REPORT && this.#slots[fd] === slot && this.#states[fd] === ACCEPTING; i++) {
      const accepted = sys.accept4At(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        this.#handler(fd).accepted(slot, accepted);
      } else if (accepted === -EAGAIN) {
        this.#left[fd] = 0;
        return;
      } else if (accepted !== -EINTR && accepted !== -ECONNABORTED) {
        // Level-triggered readiness would report the same connection again at once, without end: wait to be asked.
        this.#start(slot, IDLE);
        this.#handler(fd).failed(slot, -accepted);
        return;
      }
    }
  }

  #finishConnect(fd: number, slot: Slot): void {
    this.#start(slot, IDLE);
    const errno = this.#socketError(fd);
    if (errno === 0 && this.#finishing[fd] === 1 && this.#outputs[fd] === undefined) sys.shutdown(fd, SHUT_WR);
    this.#handler(fd).connected(slot, errno);
  }

  #reportReady(fd: number, slot: Slot, events: number): void {
    if ((events & POLLNVAL) !== 0) {
      this.#fail(fd, slot, EBADF);
      return;
    }
    this.#setState(fd, DISARMED);
    this.#handler(fd).ready(slot, events);
  }

  /** Reported unasked while nobody reads. An error ends the slot; an orderly end waits until somebody reads it. */
  #hangUp(fd: number, slot: Slot): void {
    const errno = this.#socketError(fd);
    if (errno !== 0) this.#fail(fd, slot, errno, true);
    else this.#hush(fd);
  }

  /** Ends reports that nobody asked for, unless output waits for the same descriptor (POLLERR: an error queue). */
  #hush(fd: number): void {
    if (this.#outputs[fd] === undefined) this.#forget(fd);
  }

  /** Ends the registration, which alone ends the reports of errors and hang-ups. */
  #forget(fd: number): void {
    if (this.#registered[fd] === NOT_REGISTERED) return;
    this.#selector.unregister(fd);
    this.#registered[fd] = NOT_REGISTERED;
  }

  /** The error that waits on a socket; 0 for what is no socket. */
  #socketError(fd: number): number {
    const value = new Int32Array(1);
    const outcome = sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, new Uint32Array([4]));
    return outcome === -EBADF ? EBADF : (value[0] as number);
  }

  #fail(fd: number, slot: Slot, errno: number, isUnasked = false): void {
    if (this.#states[fd] === FAILED) return;
    this.#countActive(fd, -1);
    this.#states[fd] = FAILED;
    this.#dropOutput(fd);
    this.#forget(fd);
    this.#handler(fd).failed(slot, errno, isUnasked);
  }

  #dropOutput(fd: number): void {
    this.#outputs[fd]?.discard();
    this.#outputs[fd] = undefined;
  }

  /** Keeps a failure for the end of the pass; outside of one, makes sure that there is a next. */
  #postpone(slot: Slot, errno: number): void {
    this.#failures.push(slot, errno);
    if (this.#depth === 0) this.wake();
  }

  /** Reports the failures there are; those that come of it wait for the next pass, and so do the rest after a throw. */
  #reportFailures(): number {
    const count = this.#failures.length / 2;
    for (let i = 0; i < count; i++) {
      const slot = this.#failures.shift() as number;
      const errno = this.#failures.shift() as number;
      const fd = this.#find(slot);
      if (fd < 0) continue;
      if (this.#states[fd] !== CONNECTING) {
        this.#fail(fd, slot, errno);
      } else {
        this.#start(slot, IDLE);
        this.#handler(fd).connected(slot, errno === EISCONN ? 0 : errno);
      }
    }
    return count;
  }

  /** Adds bytes to the output of the call in hand, without a copy where they are received bytes handed back. */
  #stage(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (bytes === this.input) {
      const address = this.#inputAddress + start;
      if (this.#stagedLength === 0) {
        this.#stagedAddress = address;
        this.#stagedLength = length;
        return;
      }
      // At the input's very start it continues nothing, though the arena may end there.
      if (start > 0 && this.#stagedAddress + this.#stagedLength === address) {
        this.#stagedLength += length;
        return;
      }
    }
    if (this.#arenaFrom + this.#stagedLength + length > ARENA_BYTES || length >= DIRECT_BYTES) {
      const fd = this.#stagedFd;
      this.#flushStaged();
      this.#stagedFd = fd;
      // Where those before it wait, it waits behind them.
      if (length >= DIRECT_BYTES || this.#outputs[fd] !== undefined) {
        this.#sendDirectly(fd, bytes, start, end);
        return;
      }
    }
    this.#moveToArena();
    this.#arena.set(bytes.subarray(start, end), this.#arenaFrom + this.#stagedLength);
    this.#stagedLength += length;
  }

  /** Makes the staged bytes the first of the arena's free part, where they are received ones or lie further on. */
  #moveToArena(): void {
    const address = this.#arenaAddress + this.#arenaFrom;
    if (this.#stagedLength > 0 && this.#stagedAddress !== address) {
      this.#arena.set(this.#bytesAt(this.#stagedAddress, this.#stagedLength), this.#arenaFrom);
    }
    this.#stagedAddress = address;
  }

  #flushStaged(): void {
    const fd = this.#stagedFd;
    const length = this.#stagedLength;
    this.#stagedFd = -1;
    this.#stagedLength = 0;
    if (length > 0) this.#sendNow(fd, this.#stagedAddress, length);
  }

  /** As the handler returns: what it sent may wait for what others send, if it is little. */
  #parkStaged(): void {
    const fd = this.#stagedFd;
    const address = this.#stagedAddress;
    const length = this.#stagedLength;
    const inArena = this.#isInArena(address);
    const inputFrom = inArena ? this.#inputFrom : aligned(address - this.#inputAddress + length);
    if (length === 0 || !this.#parked.takes(length) || inputFrom > PARKED_INPUT_BYTES) {
      this.#flushStaged();
      return;
    }
    if (inArena) {
      // What was parked before it may have left since: then it lies further on than where the next will.
      this.#moveToArena();
      this.#arenaFrom += length;
    }
    this.#stagedFd = -1;
    this.#stagedLength = 0;
    this.#inputFrom = inputFrom;
    if (this.#parked.add(fd, this.#stagedAddress, length)) this.#flushParked();
  }

  #flushParked(): void {
    if (this.#parked.count === 0) return;
    this.#inputFrom = 0;
    this.#arenaFrom = 0;
    this.#parked.release(this.#sendNow);
  }

  /** Sends what this descriptor has here. */
  #flushOf(fd: number): void {
    if (this.#parked.has(fd)) this.#flushParked();
    if (this.#stagedFd === fd) this.#flushStaged();
  }

  readonly #sendNow = (fd: number, address: number, length: number): void => {
    if (this.#states[fd] === FREE || this.#states[fd] === FAILED) return;
    const output = this.#outputs[fd];
    if (output === undefined) {
      // SAFETY: the bytes lie in the input or the arena, both of which live until dispose.
      const sent = sys.sendAt(fd, address, length, SEND_FLAGS);
      if (sent !== length) this.#keepRest(fd, this.#bytesAt(address, length), 0, length, sent);
    } else {
      output.push(this.#bytesAt(address, length), 0, length);
    }
  };

  #isInArena(address: number): boolean {
    return address >= this.#arenaAddress && address < this.#arenaAddress + ARENA_BYTES;
  }

  #bytesAt(address: number, length: number): Uint8Array {
    const inArena = this.#isInArena(address);
    const offset = address - (inArena ? this.#arenaAddress : this.#inputAddress);
    return (inArena ? this.#arena : this.input).subarray(offset, offset + length);
  }

  #sendDirectly(fd: number, bytes: Uint8Array, start: number, end: number): void {
    const output = this.#outputs[fd];
    if (output !== undefined) {
      output.push(bytes, start, end);
      return;
    }
    const sent = sys.send(fd, bytes.subarray(start, end), end - start, SEND_FLAGS);
    if (sent < end - start) this.#keepRest(fd, bytes, start, end, sent);
  }

  /** After a send that took `sent` bytes, or failed. */
  #keepRest(fd: number, bytes: Uint8Array, start: number, end: number, sent: number): void {
    if (sent < 0 && sent !== -EAGAIN && sent !== -EINTR) {
      this.#postpone(this.#slots[fd] as number, -sent);
      return;
    }
    this.#countActive(fd, -1);
    const output = new OutputQueue(this.#handler(fd).waiting);
    output.push(bytes, start + Math.max(sent, 0), end);
    this.#outputs[fd] = output;
    this.#countActive(fd, 1);
    this.#wantByState(fd);
  }

  /** Hands over what it can. False when the slot is no longer what it was: then the event in hand has no meaning. */
  #flushAndStay(fd: number, slot: Slot): boolean {
    const state = this.#states[fd];
    this.#flushOutput(fd, slot);
    return this.#slots[fd] === slot && this.#states[fd] === state;
  }

  #flushOutput(fd: number, slot: Slot): void {
    const output = this.#outputs[fd];
    if (output === undefined) return;
    let budget = FLUSH_BYTES_PER_REPORT;
    while (output.bytes > 0 && budget > 0) {
      const first = output.first();
      const sent = sys.send(fd, first, first.length, SEND_FLAGS);
      if (sent === -EAGAIN || sent === -EINTR) return;
      if (sent < 0) {
        this.#fail(fd, slot, -sent);
        return;
      }
      output.drop(sent);
      budget -= sent;
    }
    if (output.bytes > 0) {
      if (this.#isEdgeTriggered) this.#noteLeft(fd, slot, POLLOUT);
      return;
    }
    this.#countActive(fd, -1);
    this.#outputs[fd] = undefined;
    this.#countActive(fd, 1);
    this.#wantByState(fd);
    if (this.#finishing[fd] === 1) sys.shutdown(fd, SHUT_WR);
    this.#handler(fd).drained(slot);
  }

  #consumeWake(): void {
    sys.read(this.wakeDescriptor, new BigUint64Array(1), 8);
  }

  /** Waits, and takes the time. How many are ready, or `-errno`. */
  #wait(timeoutMs: number): number {
    const selector = this.#selector;
    if (timeoutMs === 0) {
      if (this.#isUntold) this.#tellPass(performance.now());
      const count = selector.wait(0);
      this.nowMs = performance.now();
      return count;
    }
    const beganMs = performance.now();
    if (this.#isUntold) this.#tellPass(beganMs);
    const limitMs = this.#boundedTimeout(timeoutMs, beganMs);
    if (limitMs !== 0 && this.#spin.isWorthIt(this.active)) {
      const count = this.#ask(beganMs);
      if (count !== 0) return count;
    }
    const count = selector.wait(limitMs);
    this.nowMs = performance.now();
    this.#spin.slept(this.nowMs - beganMs, count);
    return count;
  }

  #tellPass(endedMs: number): void {
    this.#isUntold = false;
    this.onPass?.(endedMs - this.nowMs);
  }

  /** Asks until something is ready, or for so long as that is worth it. */
  #ask(beganMs: number): number {
    const untilMs = beganMs + SPIN_MS;
    let count: number;
    do {
      count = this.#selector.wait(0);
      this.nowMs = performance.now();
    } while (count === 0 && this.nowMs < untilMs);
    if (count === 0) this.#spin.wasInVain();
    else this.#spin.paid(count);
    return count;
  }

  /** How long a wait may last, in whole milliseconds, so that no deadline passes in it by more than one. */
  #boundedTimeout(timeoutMs: number, nowMs: number): number {
    const nextMs = this.timers.nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return Math.min(timeoutMs, LONGEST_TIMEOUT_MS);
    const untilNext = Math.min(Math.max(0, Math.ceil(nextMs - nowMs)), LONGEST_TIMEOUT_MS);
    return timeoutMs < 0 ? untilNext : Math.min(timeoutMs, untilNext);
  }
}

/** Where the next receive may begin: on a cache line of its own. */
function aligned(offset: number): number {
  return (offset + CACHE_LINE_BYTES - 1) & -CACHE_LINE_BYTES;
}

/**
 * io_uring(7): the kernel does the requests itself and reports what came of them.
 *
 * Accepts and receives are multishot: asked for once, they go on completing until cancelled. Received bytes come in
 * buffers that the kernel picks from a shared ring, so an idle connection holds none. Sends of a pass are gathered in
 * the submission ring, straight from the received buffer where received bytes are handed back, and leave with the one
 * system call that also waits for what comes next: one call a pass, however many connections.
 *
 * DEFER_TASKRUN makes the kernel do its part of the work only inside that call, on this thread: no interrupts of the
 * loop, and completions in batches. A ring set up so never signals a poll on its own descriptor, so Node's loop watches
 * an eventfd that the ring writes to (`signal.ts`); while we drain, that signal is switched off.
 *
 * A send is tried within the call (MSG_DONTWAIT) and nearly always finishes there. What the peer does not take is
 * copied, and sent by a request that waits. A multishot that is cancelled may have completions on their way: bytes
 * that arrive after `pause` are kept and delivered after `receive`. So that a client which sends faster than it reads cannot
 * fill every buffer of the ring before its handler says `pause`, each multishot takes 64 KB at most and is asked for anew.
 * (That costs one entry for every 64 KB, and in bulk over many connections it saves a quarter of the CPU, because what one
 * pass receives still lies in the processor's cache when it is sent.) Kernels before Linux 6.17 know no such bound: there a
 * pass may receive as much for one client as the ring of buffers has, 4 MB, which is counted as far as it is kept.
 *
 * Unix sockets receive one by one. Their multishot loses the end of the stream when it comes together with the last bytes
 * (seen on Linux 6.18: the kernel does not look again once no bytes are left, and the wake for the end is the one that it
 * has just used up; TCP counts its FIN as a byte and is not affected, but loses a reset: see `doubts.ts`).
 *
 * A poll for urgent data alone is never woken: io_uring takes POLLPRI in a wake-up for a mark of its own (Linux 6.18,
 * IO_ASYNC_POLL_COMMON). So POLLRDBAND is asked for as well, which comes with every wake-up of a socket that has bytes,
 * and poll(2) says whether they are urgent.
 *
 * Only what is asked for is reported: nothing is in the kernel for a paused slot, so a reset shows at its next receive or
 * send.
 *
 * Closing is a request too, after a cancel of whatever the descriptor still has in the kernel: a plain close(2) would
 * leave a waiting receive alive, since the ring holds the open file.
 */
import {
  AF_UNIX,
  EAGAIN,
  EBADF,
  ECANCELED,
  ECONNABORTED,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EINTR,
  ENOBUFS,
  IO_URING_SYNC_CANCEL_REG,
  IORING_ACCEPT_MULTISHOT,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_FD,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_OP_ACCEPT,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_CLOSE,
  IORING_OP_CONNECT,
  IORING_OP_POLL_ADD,
  IORING_OP_POLL_REMOVE,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_POLL_ADD_MULTI,
  IORING_POLL_UPDATE_EVENTS,
  IORING_RECV_MULTISHOT,
  IORING_RECVSEND_POLL_FIRST,
  IORING_REGISTER_SYNC_CANCEL,
  IOSQE_BUFFER_SELECT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_WAITALL,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLPRI,
  POLLRDBAND,
  SHUT_WR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { check } from "../check.ts";
import { MAX_DESCRIPTORS, MOST_KEPT_BYTES, type Reactor, type Slot, type SlotHandler } from "../contract.ts";
import { closeKept, keepDescriptor } from "../descriptor.ts";
import { familyOf, NO_FAMILY } from "../family.ts";
import { OutputQueue } from "../output.ts";
import {
  ACCEPTING,
  ARMED,
  CONNECTING,
  DISARMED,
  descriptorOf,
  FAILED,
  grown,
  IDLE,
  RECEIVING,
  SlotTable,
} from "../slots.ts";
import { SPIN_MS, Spin } from "../spin.ts";
import { DeadlineHeap } from "../timers.ts";
import { BUFFER_BYTES, ProvidedBuffers } from "./buffers.ts";
import { Doubts } from "./doubts.ts";
import { allowed } from "./refusal.ts";
import { firstWord, Ring } from "./ring.ts";
import { RestSignal } from "./signal.ts";

/** Output of one pass that is not received bytes handed back. */
const ARENA_BYTES = 4 * 1024 * 1024;
/** One half is filled while the completions of the other's sends are still to be read. */
const ARENA_HALF_BYTES = ARENA_BYTES / 2;

/** Operations, as they come back with a completion. */
const OP_ACCEPT = 1;
const OP_RECEIVE = 2;
const OP_SEND = 3;
const OP_SEND_WAITING = 4;
const OP_CLOSE = 5;
const OP_CONNECT = 6;
const OP_POLL = 7;
const OP_CANCEL = 8;
const OP_WAKE = 9;
const OP_PROBE = 10;

const ACCEPT_FIRST = firstWord(IORING_OP_ACCEPT, 0, IORING_ACCEPT_MULTISHOT);
const RECEIVE_FIRST = firstWord(
  IORING_OP_RECV,
  IOSQE_BUFFER_SELECT,
  IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST,
);
const RECEIVE_ONCE_FIRST = firstWord(IORING_OP_RECV, IOSQE_BUFFER_SELECT);
const SEND_FIRST = firstWord(IORING_OP_SEND);
const CLOSE_FIRST = firstWord(IORING_OP_CLOSE);
const CONNECT_FIRST = firstWord(IORING_OP_CONNECT);
const POLL_FIRST = firstWord(IORING_OP_POLL_ADD);
const UPDATE_FIRST = firstWord(IORING_OP_POLL_REMOVE);
const CANCEL_FIRST = firstWord(IORING_OP_ASYNC_CANCEL);
const CANCEL_ALL_OF_FD = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD;

const TRY_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL;
const WAIT_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;
/** Reported unasked, whatever was wanted. */
const UNASKED = POLLERR | POLLHUP | POLLNVAL;
const ACCEPTED_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** What a descriptor has in the kernel. */
const IN_ACCEPT = 1;
const IN_RECEIVE = 2;
const IN_POLL = 4;
const IN_CONNECT = 8;
const IN_SEND = 16;
const IN_SEND_WAITING = 32;
/** The send that is being tried counts as waiting, and its end is told: somebody has asked. */
const IN_SEND_TOLD = 64;
/** From here on a send that is being tried counts as waiting unasked: else a pass could gather much behind its owner. */
const TOLD_BYTES = 64 * 1024;

export class UringReactor implements Reactor {
  readonly backend = "uring";
  readonly input: Uint8Array;
  readonly timers: DeadlineHeap = new DeadlineHeap();
  readonly maxDescriptors: number = MAX_DESCRIPTORS;
  readonly wakeDescriptor: number;
  nowMs: number = performance.now();
  active = 0;
  onActivity: (() => void) | undefined = undefined;
  onPass: ((tookMs: number) => void) | undefined = undefined;
  /** Whether {@link onPass} has yet to be told of the pass before: the next wait takes the time anyway. */
  #isUntold = false;
  onWaitSetChange: (() => void) | undefined = undefined;

  readonly #ring = new Ring();
  readonly #signal: RestSignal | undefined;
  readonly #buffers = new ProvidedBuffers(this.#ring);
  /** Whether the kernel bounds what a multishot takes. */
  #isBounded = false;
  readonly #inputAddress = this.#buffers.region.address;
  readonly #arena = sys.mapRegion(ARENA_BYTES);
  #arenaHalf = 0;
  #arenaUsed = 0;
  /**
   * Whether completions of the last pass are still to be read: a handler has thrown, or there were more than fit. What their
   * sends left lies in buffers and in the half of the arena that would be used again else.
   */
  #isUnread = false;

  readonly #table = new SlotTable((capacity) => this.#grow(capacity));
  /** Per descriptor: what is in the kernel, … */
  #inKernel = new Uint8Array(0);
  /** … the entry, submission, start and length of the send that was tried last, … */
  #sendEntry = new Int32Array(0);
  #sendSubmission = new Float64Array(0);
  #sendAddress = new Float64Array(0);
  #sendLength = new Int32Array(0);
  #finishing = new Uint8Array(0);
  #background = new Uint8Array(0);
  #receiveWords = new Int32Array(0);
  /** … what it is armed for, … */
  #armed = new Int32Array(0);
  /** … its address family, once somebody has asked, … */
  #families = new Int32Array(0);
  /** … what the peer has not taken, bytes that came after a pause, the address of a connect. */
  readonly #outputs: (OutputQueue | undefined)[] = [];
  readonly #held: (Held | undefined)[] = [];
  /** Memory that the kernel reads until a completion arrives, by operation and slot. */
  readonly #lent = new Map<number, Uint8Array>();

  readonly #doubts = new Doubts();

  #depth = 0;
  #stopped = false;
  /** Whether completions are signalled to `pollDescriptor`, for a host that waits elsewhere. */
  #isResting = false;
  readonly #spin = new Spin();
  #disposed = false;
  /** Completions of this pass that concern nobody but us. */
  #unreported = 0;
  /** Completions of accepts that have been dealt with, while the completions of a pass are read. */
  #acceptsSeen = 0;
  /** Slots that receive or accept again and for which something was held. */
  readonly #resumed: Slot[] = [];
  /** Connections that came after a pause, by the listener's descriptor. */
  readonly #heldAccepts = new Map<number, number[]>();

  constructor() {
    this.input = this.#buffers.region.bytes;
    this.wakeDescriptor = sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (this.wakeDescriptor >= 0) keepDescriptor(this.wakeDescriptor);
    try {
      check("eventfd", this.wakeDescriptor);
      this.#signal = new RestSignal(this.#ring);
      this.#watchWake();
      // It fails by its descriptor, or before that by a bound that the kernel does not know.
      this.#ring.bound(this.#ring.push(RECEIVE_FIRST, -1, 0, 0, 0, 0, 0, OP_PROBE), MOST_KEPT_BYTES);
      allowed("io_uring_enter", this.#ring.submitAndWait(-1));
      this.#ring.drain(this.#complete);
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  get pollDescriptor(): number {
    return (this.#signal as RestSignal).fd;
  }

  attach(fd: number, handler: SlotHandler): Slot {
    if (this.#disposed) throw new TypeError("the reactor is disposed");
    if (fd === this.wakeDescriptor) throw new RangeError(`descriptor ${fd} is the reactor's own`);
    const slot = this.#table.attach(fd, handler);
    this.#inKernel[fd] = 0;
    this.#sendLength[fd] = 0;
    this.#finishing[fd] = 0;
    this.#background[fd] = 0;
    this.#receiveWords[fd] = 0;
    this.#families[fd] = 0;
    return slot;
  }

  background(slot: Slot, isBackground: boolean): void {
    const fd = this.#table.find(slot);
    if (fd < 0) return;
    this.#countActive(fd, -1);
    this.#background[fd] = isBackground ? 1 : 0;
    this.#countActive(fd, 1);
  }

  rehandle(slot: Slot, handler: SlotHandler): void {
    const fd = this.#table.find(slot);
    if (fd >= 0) this.#table.handlers[fd] = handler;
  }

  detach(slot: Slot): number {
    const fd = this.#table.find(slot);
    if (fd < 0) return -1;
    this.#ring.submit();
    if ((this.#inKernel[fd] as number) !== 0) this.#cancelNow(fd);
    const accepted = this.#takeAccepted(fd, slot);
    const handler = this.#handler(fd);
    this.#forget(fd);
    for (const connection of accepted) {
      if (this.#disposed) sys.close(connection);
      else handler.accepted(slot, connection);
    }
    return fd;
  }

  close(slot: Slot): void {
    const fd = this.#table.find(slot);
    if (fd < 0) return;
    if (((this.#inKernel[fd] as number) & ~(IN_SEND | IN_SEND_TOLD)) !== 0) {
      this.#ring.push(CANCEL_FIRST, fd, 0, 0, 0, CANCEL_ALL_OF_FD, slot, OP_CANCEL);
    }
    this.#ring.push(CLOSE_FIRST, fd, 0, 0, 0, 0, slot, OP_CLOSE);
    this.#forget(fd);
    this.#submitOutside();
  }

  accept(slot: Slot): void {
    const fd = this.#start(slot, ACCEPTING);
    if (fd < 0) return;
    if (this.#heldAccepts.has(fd)) this.#resume(slot);
    else if (!this.#has(fd, IN_ACCEPT)) this.#pushAccept(fd, slot);
  }

  connect(slot: Slot, address: Uint8Array): void {
    const fd = this.#start(slot, CONNECTING);
    if (fd < 0) return;
    const copy = address.slice();
    this.#lend(OP_CONNECT, slot, copy);
    this.#mark(fd, IN_CONNECT);
    // SAFETY: the copy is lent until the completion arrives.
    this.#ring.push(CONNECT_FIRST, fd, copy.length, sys.addressOf(copy), 0, 0, slot, OP_CONNECT);
    this.#submitOutside();
  }

  receive(slot: Slot): void {
    const fd = this.#start(slot, RECEIVING);
    if (fd < 0) return;
    if (this.#held[fd] !== undefined) {
      this.#resume(slot);
    } else if (!this.#has(fd, IN_RECEIVE)) {
      this.#pushReceive(fd, slot);
    }
  }

  pause(slot: Slot): void {
    const fd = this.#start(slot, IDLE);
    if (fd < 0) return;
    if (this.#has(fd, IN_RECEIVE)) this.#pushCancel(slot, OP_RECEIVE);
    if (this.#has(fd, IN_ACCEPT)) this.#pushCancel(slot, OP_ACCEPT);
  }

  send(slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    const fd = this.#table.find(slot);
    if (fd < 0 || start >= end || this.#table.states[fd] === FAILED) return;
    const output = this.#outputs[fd];
    if (output !== undefined) output.push(bytes, start, end);
    else if (!this.#trySoon(fd, slot, bytes, start, end)) this.#queue(fd, slot, bytes, start, end);
    this.#submitOutside();
  }

  finish(slot: Slot): void {
    const fd = this.#table.find(slot);
    if (fd < 0) return;
    // A shutdown before the connection is there would be lost, or call the attempt off.
    this.#tellSend(fd);
    if (this.#pendingOf(fd) > 0 || this.#has(fd, IN_CONNECT)) this.#finishing[fd] = 1;
    else sys.shutdown(fd, SHUT_WR);
  }

  flush(slot: Slot): number {
    // It leaves with the submission that ends the pass; whether all of it did is known only after that.
    const fd = this.#table.find(slot);
    if (fd < 0) return 0;
    this.#tellSend(fd);
    return this.#pendingOf(fd);
  }

  pending(slot: Slot): number {
    const fd = this.#table.find(slot);
    return fd < 0 ? 0 : this.#pendingOf(fd);
  }

  kept(slot: Slot): number {
    const fd = this.#table.find(slot);
    return fd < 0 ? 0 : (this.#held[fd]?.bytes.bytes ?? 0);
  }

  arm(slot: Slot, wanted: number): void {
    const fd = this.#start(slot, wanted === 0 ? DISARMED : ARMED);
    if (fd < 0 || wanted === 0) return;
    this.#armed[fd] = wanted;
    if (this.#has(fd, IN_POLL)) {
      const events = pollEvents(wanted);
      this.#ring.push(UPDATE_FIRST, -1, 0, userData(OP_POLL, slot), IORING_POLL_UPDATE_EVENTS, events, slot, OP_CANCEL);
    } else {
      this.#pushPoll(fd, slot);
    }
    this.#submitOutside();
  }

  pass(timeoutMs: number): number {
    if (this.#depth !== 0) throw new TypeError("pass() was called inside a pass, by a handler's method");
    if (this.#disposed) throw new TypeError("the reactor is disposed");
    this.#stopResting();
    this.#wait(this.#resumed.length > 0 || !this.#doubts.isEmpty ? 0 : timeoutMs);
    if (!this.#isUnread) {
      this.#arenaHalf = ARENA_HALF_BYTES - this.#arenaHalf;
      this.#arenaUsed = 0;
    }
    this.#isUnread = true;
    this.#depth++;
    this.#unreported = 0;
    let reported = 0;
    try {
      reported = this.#ring.drain(this.#complete) - this.#unreported;
      this.#isUnread = this.#ring.isOverflowing;
      this.#acceptsSeen = 0;
      if (!this.#doubts.isEmpty) reported += this.#settleDoubts();
      if (this.#resumed.length > 0) reported += this.#deliverHeld();
      if (this.timers.nextMs <= this.nowMs) reported += this.timers.fire(this.nowMs);
    } finally {
      this.#acceptsSeen = 0;
      if (!this.#isUnread) this.#buffers.recycle();
      this.#depth--;
      if (this.#disposed) this.#release();
    }
    if (this.onPass !== undefined && reported > 0) {
      if (timeoutMs === 0) this.onPass(performance.now() - this.nowMs);
      else this.#isUntold = true;
    }
    return reported;
  }

  rest(): boolean {
    if (this.#disposed) return false;
    this.#signal?.enable();
    this.#isResting = true;
    this.#ring.submit();
    return this.#ring.completions > 0 || this.#resumed.length > 0 || !this.#doubts.isEmpty;
  }

  run(): void {
    this.#stopped = false;
    // Each turn is a call of a JavaScript function, so that terminating the worker that runs this takes effect.
    while (!this.#stopped) this.pass(-1);
    if (!this.#disposed) this.#ring.submit();
  }

  stop(): void {
    this.#stopped = true;
  }

  wake(): void {
    if (this.#disposed) return;
    sys.write(this.wakeDescriptor, new BigUint64Array([1n]), 8);
  }

  waitSet(): Int32Array {
    return new Int32Array([this.pollDescriptor, POLLIN]);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const slot of this.#table.slots) if (slot !== 0) this.detach(slot);
    // A handler that disposes of its own reactor may still look at the input.
    if (this.#depth === 0) this.#release();
  }

  #release(): void {
    // Connections that were accepted for a slot that is gone have come to nobody: they are closed as they are read.
    this.#ring.submit();
    this.#ring.drain(this.#complete);
    this.#ring.close();
    this.#buffers.dispose();
    sys.unmapRegion(this.#arena);
    this.#signal?.dispose();
    if (this.wakeDescriptor >= 0) closeKept(this.wakeDescriptor);
    this.#lent.clear();
  }

  // Requests.

  /** Puts a slot to work on something else. @returns its descriptor, or -1 where there is nothing to do. */
  #start(slot: Slot, state: number): number {
    const fd = this.#table.find(slot);
    if (fd < 0 || this.#table.states[fd] === FAILED) return -1;
    if (this.#table.states[fd] === state && state !== ARMED) return -1;
    this.#setState(fd, state);
    return fd;
  }

  #setState(fd: number, state: number): void {
    this.#countActive(fd, -1);
    this.#table.states[fd] = state;
    this.#countActive(fd, 1);
  }

  #pushAccept(fd: number, slot: Slot): void {
    this.#mark(fd, IN_ACCEPT);
    this.#ring.push(ACCEPT_FIRST, fd, 0, 0, 0, ACCEPTED_FLAGS, slot, OP_ACCEPT);
    this.#submitOutside();
  }

  #pushReceive(fd: number, slot: Slot): void {
    this.#mark(fd, IN_RECEIVE);
    const first = this.#receiveWord(fd);
    const entry = this.#ring.push(first, fd, 0, 0, 0, 0, slot, OP_RECEIVE);
    if (this.#isBounded && first === RECEIVE_FIRST) this.#ring.bound(entry, MOST_KEPT_BYTES);
    this.#submitOutside();
  }

  #pushPoll(fd: number, slot: Slot): void {
    this.#mark(fd, IN_POLL);
    this.#ring.push(POLL_FIRST, fd, 0, 0, 0, pollEvents(this.#armed[fd] as number), slot, OP_POLL);
  }

  /** Multishot, or one by one where that cannot be trusted; asked of the kernel once for each slot. */
  #receiveWord(fd: number): number {
    if (this.#receiveWords[fd] === 0) {
      this.#receiveWords[fd] = this.#familyOf(fd) === AF_UNIX ? RECEIVE_ONCE_FIRST : RECEIVE_FIRST;
    }
    return this.#receiveWords[fd] as number;
  }

  /** Of a socket its address family; else {@link NO_FAMILY}. Asked of the kernel once for each slot. */
  #familyOf(fd: number): number {
    if (this.#families[fd] === 0) this.#families[fd] = familyOf(fd);
    return this.#families[fd] as number;
  }

  #pushCancel(slot: Slot, operation: number): void {
    this.#ring.push(CANCEL_FIRST, -1, 0, userData(operation, slot), 0, 0, slot, OP_CANCEL);
    this.#submitOutside();
  }

  /** Outside of a pass, requests go to the kernel at once. */
  #submitOutside(): void {
    if (this.#depth === 0) this.#ring.submit();
  }

  /** Cancels what a descriptor has in the kernel, and waits until it has none of it. */
  #cancelNow(fd: number): void {
    const registration = new Int32Array(IO_URING_SYNC_CANCEL_REG.size / 4).fill(0);
    registration[IO_URING_SYNC_CANCEL_REG.fd / 4] = fd;
    registration[IO_URING_SYNC_CANCEL_REG.flags / 4] = CANCEL_ALL_OF_FD;
    registration.fill(-1, IO_URING_SYNC_CANCEL_REG.timeout / 4, IO_URING_SYNC_CANCEL_REG.timeout / 4 + 4);
    sys.io_uring_register(this.#ring.fd, IORING_REGISTER_SYNC_CANCEL, registration, 1);
  }

  /** Connections of a listener that the kernel has accepted, and of which its handler has not heard. */
  #takeAccepted(fd: number, slot: Slot): readonly number[] {
    const accepted = this.#heldAccepts.get(fd) ?? [];
    this.#heldAccepts.delete(fd);
    if (this.#disposed || !this.#has(fd, IN_ACCEPT)) return accepted;
    // While completions are read, those that were dealt with are still among the ring's.
    let dealtWith = this.#acceptsSeen;
    this.#ring.takeWaiting((tag, operation, result) => {
      if (operation !== OP_ACCEPT || dealtWith-- > 0 || tag !== slot || result < 0) return false;
      accepted.push(result);
      return true;
    });
    return accepted;
  }

  #forget(fd: number): void {
    this.#countActive(fd, -1);
    this.#table.free(fd);
    this.#dropOutput(fd);
    this.#held[fd]?.bytes.discard();
    this.#held[fd] = undefined;
    for (const accepted of this.#heldAccepts.get(fd) ?? []) sys.close(accepted);
    this.#heldAccepts.delete(fd);
  }

  /** Has what was held delivered by the next pass. */
  #resume(slot: Slot): void {
    this.#resumed.push(slot);
    if (this.#depth === 0) this.wake();
  }

  #watchWake(): void {
    const first = POLL_FIRST;
    this.#ring.push(first, this.wakeDescriptor, 0, 0, IORING_POLL_ADD_MULTI, POLLIN, 0, OP_WAKE);
  }

  // Sending.

  /**
   * Gathers bytes into the send of this pass. False where they must wait: for room in the arena, or for an earlier send
   * that is already with the kernel.
   */
  #trySoon(fd: number, slot: Slot, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const isGathering = this.#has(fd, IN_SEND);
    if (isGathering && this.#sendSubmission[fd] !== this.#ring.submissions) return false;
    if (bytes === this.input) {
      const address = this.#inputAddress + start;
      if (!isGathering) {
        this.#pushSend(fd, slot, address, length);
        return true;
      }
      if ((this.#sendAddress[fd] as number) + (this.#sendLength[fd] as number) === address) {
        this.#extendSend(fd, length);
        return true;
      }
    }
    return this.#gatherInArena(fd, slot, bytes, start, end, isGathering);
  }

  #gatherInArena(fd: number, slot: Slot, bytes: Uint8Array, start: number, end: number, isGathering: boolean): boolean {
    const length = end - start;
    const before = isGathering ? (this.#sendLength[fd] as number) : 0;
    const place = this.#arena.address + this.#arenaHalf + this.#arenaUsed;
    const isLast = isGathering && (this.#sendAddress[fd] as number) + before === place;
    const needed = isLast ? length : before + length;
    if (this.#arenaUsed + needed > ARENA_HALF_BYTES) return false;
    if (isLast) {
      this.#store(bytes, start, end);
      this.#extendSend(fd, length);
    } else {
      if (before > 0) this.#store(this.#lastSend(fd), 0, before);
      this.#store(bytes, start, end);
      if (isGathering) this.#ring.replace(this.#sendEntry[fd] as number, place, needed);
      else this.#pushSend(fd, slot, place, needed);
      this.#sendAddress[fd] = place;
      this.#sendLength[fd] = needed;
    }
    return true;
  }

  #store(bytes: Uint8Array, start: number, end: number): void {
    this.#arena.bytes.set(bytes.subarray(start, end), this.#arenaHalf + this.#arenaUsed);
    this.#arenaUsed += end - start;
  }

  #pushSend(fd: number, slot: Slot, address: number, length: number): void {
    // SAFETY: input and arena are reused only after the completions of the submission that this goes with were read.
    this.#sendEntry[fd] = this.#ring.push(SEND_FIRST, fd, 0, address, length, TRY_FLAGS, slot, OP_SEND);
    this.#sendSubmission[fd] = this.#ring.submissions;
    this.#sendAddress[fd] = address;
    this.#sendLength[fd] = length;
    this.#mark(fd, IN_SEND);
  }

  /** From now on the send that is being tried, if there is one, is counted and told. */
  #tellSend(fd: number): void {
    if (this.#has(fd, IN_SEND)) this.#mark(fd, IN_SEND_TOLD);
  }

  #isSendTold(fd: number): boolean {
    return this.#has(fd, IN_SEND_TOLD) || (this.#has(fd, IN_SEND) && (this.#sendLength[fd] as number) >= TOLD_BYTES);
  }

  #extendSend(fd: number, more: number): void {
    this.#ring.extend(this.#sendEntry[fd] as number, more);
    this.#sendLength[fd] = (this.#sendLength[fd] as number) + more;
  }

  /** The bytes of the send that was tried last. */
  #lastSend(fd: number): Uint8Array {
    const address = this.#sendAddress[fd] as number;
    const length = this.#sendLength[fd] as number;
    const inArena = address >= this.#arena.address && address < this.#arena.address + ARENA_BYTES;
    const offset = address - (inArena ? this.#arena.address : this.#inputAddress);
    return (inArena ? this.#arena.bytes : this.input).subarray(offset, offset + length);
  }

  #queue(fd: number, slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    this.#countActive(fd, -1);
    const output = new OutputQueue(this.#handler(fd).waiting);
    output.push(bytes, start, end);
    this.#outputs[fd] = output;
    this.#countActive(fd, 1);
    if (!this.#has(fd, IN_SEND)) this.#sendWaiting(fd, slot);
  }

  /** Sends the first block of what waits, by a request that waits for room. */
  #sendWaiting(fd: number, slot: Slot): void {
    const first = (this.#outputs[fd] as OutputQueue).first();
    this.#lend(OP_SEND_WAITING, slot, first);
    this.#mark(fd, IN_SEND_WAITING);
    // SAFETY: the block is lent until the completion arrives.
    this.#ring.push(SEND_FIRST, fd, 0, sys.addressOf(first), first.length, WAIT_FLAGS, slot, OP_SEND_WAITING);
  }

  #pendingOf(fd: number): number {
    if (this.#table.states[fd] === FAILED) return 0;
    // A small send that has just been given waits for the pass to end, not for the peer.
    return (this.#outputs[fd]?.bytes ?? 0) + (this.#isSendTold(fd) ? (this.#sendLength[fd] as number) : 0);
  }

  // Completions.

  readonly #complete = (tag: number, operation: number, result: number, flags: number): void => {
    const fd = descriptorOf(tag);
    const isLive = this.#table.slots[fd] === tag && tag !== 0;
    switch (operation) {
      case OP_RECEIVE:
        if ((flags & IORING_CQE_F_BUFFER) !== 0) this.#buffers.take(flags >>> IORING_CQE_BUFFER_SHIFT);
        if (isLive) this.#received(fd, tag, result, flags);
        break;
      case OP_SEND:
        if (isLive) this.#sent(fd, tag, result);
        break;
      case OP_SEND_WAITING:
        this.#lent.delete(userData(operation, tag));
        if (isLive) this.#sentWaiting(fd, tag, result);
        break;
      case OP_ACCEPT:
        this.#acceptsSeen++;
        if (isLive) this.#accepted(fd, tag, result, flags);
        else if (result >= 0) sys.close(result);
        break;
      case OP_POLL:
        if (isLive) this.#polled(fd, tag, result);
        break;
      case OP_CONNECT:
        this.#lent.delete(userData(operation, tag));
        if (isLive) this.#connected(fd, tag, result);
        break;
      case OP_WAKE:
        this.#unreported++;
        this.#signal?.doubt();
        sys.read(this.wakeDescriptor, new BigUint64Array(1), 8);
        if ((flags & IORING_CQE_F_MORE) === 0) this.#watchWake();
        break;
      case OP_PROBE:
        this.#isBounded = result === -EBADF;
        break;
      default:
        this.#unreported++;
        break;
    }
  };

  #received(fd: number, slot: Slot, result: number, flags: number): void {
    const isOver = (flags & IORING_CQE_F_MORE) === 0;
    if (isOver) this.#unmark(fd, IN_RECEIVE);
    const state = this.#table.states[fd];
    if (result > 0) {
      const start = (flags >>> IORING_CQE_BUFFER_SHIFT) * BUFFER_BYTES;
      if (state === RECEIVING && this.#held[fd] === undefined) {
        try {
          this.#handler(fd).received(slot, this.input, start, start + result);
        } finally {
          if (isOver) this.#receiveOn(fd, slot);
          else this.#doubt(fd, slot);
        }
        return;
      }
      if (state !== FAILED) this.#hold(fd).bytes.push(this.input, start, start + result);
      if (!isOver) this.#doubt(fd, slot);
    } else if (result === 0) {
      if (this.#isLost(fd)) return;
      if (state === RECEIVING && this.#held[fd] === undefined) this.#end(fd, slot);
      else if (state !== FAILED) this.#hold(fd).ended = true;
      return;
    } else if (result !== -ENOBUFS && result !== -ECANCELED && result !== -EINTR && result !== -EAGAIN) {
      this.#fail(fd, slot, -result);
      return;
    }
    if (isOver) this.#receiveOn(fd, slot);
  }

  /**
   * Whether the end of the stream is that of the connection: while bytes wait, this side has not ended its own. The error
   * went to their send, or will.
   */
  #isLost(fd: number): boolean {
    return this.#outputs[fd] !== undefined && (pollNow(fd, 0) & POLLHUP) !== 0;
  }

  /** After the last completion of a request, when more is wanted: not before what is kept has been taken. */
  #receiveOn(fd: number, slot: Slot): void {
    if (!this.#isReceiving(fd, slot) || this.#held[fd] !== undefined || this.#has(fd, IN_RECEIVE)) return;
    this.#pushReceive(fd, slot);
  }

  /** A multishot may have missed the reset behind these bytes; a send will tell, if there is one. */
  #doubt(fd: number, slot: Slot): void {
    if (!this.#isStill(fd, slot) || this.#has(fd, IN_SEND | IN_SEND_WAITING)) return;
    if (this.#doubts.isFull) this.#settleDoubts();
    if (!this.#doubts.isFull) this.#doubts.add(fd, slot);
  }

  #settleDoubts(): number {
    return this.#doubts.settle(this.#isStill, this.#failDoubted);
  }

  readonly #isStill = (fd: number, slot: Slot): boolean =>
    this.#table.slots[fd] === slot && this.#table.states[fd] !== FAILED;

  readonly #failDoubted = (fd: number, slot: Slot, errno: number): void => this.#fail(fd, slot, errno);

  #end(fd: number, slot: Slot): void {
    this.#setState(fd, IDLE);
    this.#handler(fd).ended(slot);
  }

  #hold(fd: number): Held {
    let held = this.#held[fd];
    if (held === undefined) {
      held = { bytes: new OutputQueue(this.#handler(fd).waiting), ended: false };
      this.#held[fd] = held;
    }
    return held;
  }

  /** Delivers what came during a pause, to slots that receive again. */
  #deliverHeld(): number {
    const count = this.#resumed.length;
    for (let i = 0; i < count; i++) {
      const slot = this.#resumed[0] as Slot;
      const fd = this.#table.find(slot);
      if (fd >= 0 && this.#table.states[fd] === ACCEPTING) this.#deliverAccepts(fd, slot);
      else if (fd >= 0) this.#deliverBytes(fd, slot);
      // Only now: after a throw, the next pass goes on with the same slot.
      this.#resumed.shift();
    }
    return count;
  }

  #deliverAccepts(fd: number, slot: Slot): void {
    const held = this.#heldAccepts.get(fd) ?? [];
    while (held.length > 0 && this.#table.slots[fd] === slot && this.#table.states[fd] === ACCEPTING) {
      this.#handler(fd).accepted(slot, held.shift() as number);
    }
    if (this.#table.slots[fd] !== slot || held.length > 0) return;
    this.#heldAccepts.delete(fd);
    if (this.#table.states[fd] === ACCEPTING && !this.#has(fd, IN_ACCEPT)) this.#pushAccept(fd, slot);
  }

  #deliverBytes(fd: number, slot: Slot): void {
    const held = this.#held[fd];
    if (held === undefined) return;
    while (held.bytes.bytes > 0 && this.#isReceiving(fd, slot)) {
      const first = held.bytes.first();
      held.bytes.drop(first.length);
      this.#handler(fd).received(slot, first, 0, first.length);
    }
    if (!this.#isReceiving(fd, slot)) return;
    this.#held[fd] = undefined;
    if (held.ended) this.#end(fd, slot);
    else if (!this.#has(fd, IN_RECEIVE)) this.#pushReceive(fd, slot);
  }

  #isReceiving(fd: number, slot: Slot): boolean {
    return this.#table.slots[fd] === slot && this.#table.states[fd] === RECEIVING;
  }

  #accepted(fd: number, slot: Slot, result: number, flags: number): void {
    const isOver = (flags & IORING_CQE_F_MORE) === 0;
    if (isOver) this.#unmark(fd, IN_ACCEPT);
    const isAccepting = this.#table.states[fd] === ACCEPTING;
    if (result >= 0) {
      try {
        const held = this.#heldAccepts.get(fd);
        if (held !== undefined) held.push(result);
        else if (isAccepting) this.#handler(fd).accepted(slot, result);
        else this.#heldAccepts.set(fd, [result]);
      } finally {
        if (isOver) this.#acceptOn(fd, slot);
      }
      return;
    }
    if (isAccepting && result !== -ECANCELED && result !== -ECONNABORTED && result !== -EINTR) {
      this.#setState(fd, IDLE);
      this.#handler(fd).failed(slot, -result);
      return;
    }
    if (isOver) this.#acceptOn(fd, slot);
  }

  #acceptOn(fd: number, slot: Slot): void {
    if (this.#table.slots[fd] !== slot || this.#table.states[fd] !== ACCEPTING || this.#has(fd, IN_ACCEPT)) return;
    this.#pushAccept(fd, slot);
  }

  #polled(fd: number, slot: Slot, result: number): void {
    this.#unmark(fd, IN_POLL);
    if (this.#familyOf(fd) === NO_FAMILY) this.#signal?.doubt();
    if (this.#table.states[fd] !== ARMED) return;
    if (result < 0) {
      this.#fail(fd, slot, -result);
      return;
    }
    const armed = this.#armed[fd] as number;
    // What it was armed for as this came about may be another thing than now.
    const events = (armed & POLLPRI) === 0 ? result & (armed | UNASKED) : pollNow(fd, armed);
    if (events === 0) {
      this.#pushPoll(fd, slot);
      return;
    }
    this.#setState(fd, DISARMED);
    this.#handler(fd).ready(slot, events);
  }

  #connected(fd: number, slot: Slot, result: number): void {
    this.#unmark(fd, IN_CONNECT);
    this.#setState(fd, IDLE);
    if (result === 0 && this.#finishing[fd] === 1 && this.#pendingOf(fd) === 0) sys.shutdown(fd, SHUT_WR);
    this.#handler(fd).connected(slot, result === 0 ? 0 : -result);
  }

  #sent(fd: number, slot: Slot, result: number): void {
    const isTold = this.#isSendTold(fd);
    this.#unmark(fd, IN_SEND | IN_SEND_TOLD);
    if (this.#table.states[fd] === FAILED) return;
    const length = this.#sendLength[fd] as number;
    if (result === length) {
      if (this.#outputs[fd] !== undefined) this.#sendWaiting(fd, slot);
      else if (isTold) this.#drained(fd, slot);
    } else if (result >= 0 || result === -EAGAIN || result === -EINTR) {
      this.#putBack(fd, this.#lastSend(fd).subarray(Math.max(result, 0)));
      this.#sendWaiting(fd, slot);
    } else {
      this.#fail(fd, slot, -result);
    }
  }

  /** Puts bytes before all that waits. */
  #putBack(fd: number, bytes: Uint8Array): void {
    const later = this.#outputs[fd];
    if (later === undefined) this.#countActive(fd, -1);
    const output = new OutputQueue(this.#handler(fd).waiting);
    output.push(bytes, 0, bytes.length);
    while (later !== undefined && later.bytes > 0) {
      const first = later.first();
      output.push(first, 0, first.length);
      later.drop(first.length);
    }
    this.#outputs[fd] = output;
    if (later === undefined) this.#countActive(fd, 1);
  }

  #sentWaiting(fd: number, slot: Slot, result: number): void {
    this.#unmark(fd, IN_SEND_WAITING);
    if (this.#table.states[fd] === FAILED) return;
    if (result < 0 && result !== -EAGAIN && result !== -EINTR) {
      this.#fail(fd, slot, -result);
      return;
    }
    const output = this.#outputs[fd] as OutputQueue;
    if (result > 0) output.drop(result);
    if (output.bytes > 0) {
      this.#sendWaiting(fd, slot);
      return;
    }
    this.#countActive(fd, -1);
    this.#outputs[fd] = undefined;
    this.#countActive(fd, 1);
    this.#drained(fd, slot);
  }

  #drained(fd: number, slot: Slot): void {
    if (this.#finishing[fd] === 1) sys.shutdown(fd, SHUT_WR);
    this.#handler(fd).drained(slot);
  }

  #fail(fd: number, slot: Slot, errno: number): void {
    if (this.#table.states[fd] === FAILED) return;
    this.#setState(fd, FAILED);
    this.#countOutput(fd);
    this.#handler(fd).failed(slot, errno);
  }

  #countOutput(fd: number): void {
    this.#countActive(fd, -1);
    this.#dropOutput(fd);
  }

  #dropOutput(fd: number): void {
    this.#outputs[fd]?.discard();
    this.#outputs[fd] = undefined;
  }

  // Waiting.

  /** Waits, and takes the time. */
  #wait(timeoutMs: number): void {
    const ring = this.#ring;
    if (timeoutMs === 0 || ring.completions > 0) {
      ring.submit();
      if (this.#isUntold) this.#tellPass(performance.now());
      this.nowMs = performance.now();
      return;
    }
    const beganMs = performance.now();
    if (this.#isUntold) this.#tellPass(beganMs);
    const limitMs = this.#boundedTimeout(timeoutMs, beganMs);
    if (this.#spin.isWorthIt(this.active) && this.#ask(beganMs)) return;
    ring.submitAndWait(limitMs);
    this.nowMs = performance.now();
    this.#spin.slept(this.nowMs - beganMs, ring.completions);
  }

  #tellPass(endedMs: number): void {
    this.#isUntold = false;
    this.onPass?.(endedMs - this.nowMs);
  }

  /** Asks until there is a completion, or for so long as that is worth it. */
  #ask(beganMs: number): boolean {
    const ring = this.#ring;
    const untilMs = beganMs + SPIN_MS;
    do {
      ring.submit();
      this.nowMs = performance.now();
    } while (ring.completions === 0 && this.nowMs < untilMs);
    const { completions } = ring;
    if (completions > 0) this.#spin.paid(completions);
    else this.#spin.wasInVain();
    return completions > 0;
  }

  #stopResting(): void {
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#signal?.disable();
  }

  // Bookkeeping.

  #handler(fd: number): SlotHandler {
    return this.#table.handlers[fd] as SlotHandler;
  }

  #has(fd: number, what: number): boolean {
    return ((this.#inKernel[fd] as number) & what) !== 0;
  }

  #mark(fd: number, what: number): void {
    this.#inKernel[fd] = (this.#inKernel[fd] as number) | what;
  }

  #unmark(fd: number, what: number): void {
    this.#inKernel[fd] = (this.#inKernel[fd] as number) & ~what;
  }

  #lend(operation: number, slot: Slot, bytes: Uint8Array): void {
    this.#lent.set(userData(operation, slot), bytes);
  }

  #countActive(fd: number, step: 1 | -1): void {
    const state = this.#table.states[fd] as number;
    const isWaiting = state >= ACCEPTING && state <= ARMED;
    if ((!isWaiting && this.#outputs[fd] === undefined) || this.#background[fd] === 1) return;
    const before = this.active;
    this.active += step;
    if ((before === 0 || this.active === 0) && this.onActivity !== undefined) this.onActivity();
  }

  #grow(capacity: number): void {
    this.#inKernel = grown(this.#inKernel, capacity);
    this.#sendEntry = grown(this.#sendEntry, capacity);
    this.#sendSubmission = grown(this.#sendSubmission, capacity);
    this.#sendAddress = grown(this.#sendAddress, capacity);
    this.#sendLength = grown(this.#sendLength, capacity);
    this.#finishing = grown(this.#finishing, capacity);
    this.#background = grown(this.#background, capacity);
    this.#receiveWords = grown(this.#receiveWords, capacity);
    this.#armed = grown(this.#armed, capacity);
    this.#families = grown(this.#families, capacity);
  }

  #boundedTimeout(timeoutMs: number, nowMs: number): number {
    const nextMs = this.timers.nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return timeoutMs;
    const untilNext = Math.max(0, nextMs - nowMs);
    return timeoutMs < 0 ? untilNext : Math.min(timeoutMs, untilNext);
  }
}

/** What came for a slot while it was paused. */
interface Held {
  readonly bytes: OutputQueue;
  ended: boolean;
}

/** What the kernel is asked for where these events are wanted: see above on urgent data. */
function pollEvents(wanted: number): number {
  return (wanted & POLLPRI) === 0 ? wanted : wanted | POLLRDBAND;
}

/** Which of these events hold now. */
function pollNow(fd: number, events: number): number {
  const pollfd = new Int32Array([fd, events]);
  sys.poll(pollfd, 1, 0);
  return (pollfd[1] as number) >>> 16;
}

/** A completion's 64-bit user data, as a number: the operation above, the slot below. */
function userData(operation: number, slot: Slot): number {
  return operation * 2 ** 32 + slot;
}

/**
 * Drives stream protocols on a reactor: a connection object per client, no blocking. `evented-listener.ts` accepts them.
 *
 * A connection is the reactor's handler and the protocol's intents in one object, so that a message costs no lookup and
 * no allocation. Its idle deadline is set once: a message only notes the time, and the deadline moves itself on.
 */
import type {
  PeerAddress,
  ResourceValue,
  SharedStreamIntents,
  SharedStreamProtocol,
  StreamProtocol,
} from "../protocol/index.ts";
import {
  Deadline,
  type DeadlineOwner,
  IdleHandler,
  type OutputTally,
  type Reactor,
  type Slot,
} from "../reactor/index.ts";
import { ABORTED, ABORTED_BYTES, add, BYTES_IN, BYTES_OUT, CONNECTION_DURATION, ERRORS } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { tellClosed, tellOpened } from "./diagnostics.ts";
import { observe } from "./histograms.ts";
import type { OutputBudget } from "./output-budget.ts";
import { dueMs, takeOverdue } from "./patience.ts";
import { localOf, peerOf } from "./peer.ts";
import { resetOnClose } from "./reset.ts";
import { type DeskMember, joinDesk, notShared, type Sharer } from "./shared-state-desk.ts";
import { NOWHERE } from "./source-counts.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

const PATIENCE_ID = 0;
const LINGER_ID = 1;

/** What a connection has been through. */
const PEER_ENDED = 1;
const WE_ENDED = 2;
const PAUSED_BY_PROTOCOL = 4;
const PAUSED_BY_PRESSURE = 8;
const PROTOCOL_BLOCKED = 16;
const CLOSED = 32;
const AWAITS_REQUEST = 64;
const PAUSED = PAUSED_BY_PROTOCOL | PAUSED_BY_PRESSURE;

/** Makes the protocol of one connection. */
export type CreateProtocol = () => StreamProtocol | SharedStreamProtocol;

/** Whose the connections are. */
export interface ConnectionOwner {
  readonly reactor: Reactor;
  readonly task: Omit<RunningTask, "control" | "fd">;
  readonly output: OutputBudget;
  /** The first of the open connections, which form a list. */
  first: Connection | undefined;
  /** A connection has closed. */
  forget(connection: Connection): void;
}

/** One client. */
export class Connection extends IdleHandler implements SharedStreamIntents, Sharer, DeadlineOwner {
  next: Connection | undefined;
  previous: Connection | undefined = undefined;
  readonly #server: ConnectionOwner;
  readonly #slot: Slot;
  readonly #fd: number;
  /** Where its source is counted. */
  readonly place: number;
  readonly #protocol: StreamProtocol | SharedStreamProtocol;
  #member: DeskMember | undefined = undefined;
  readonly #deadline: Deadline | undefined = undefined;
  #linger: Deadline | undefined = undefined;
  #timers: ProtocolTimers | undefined = undefined;
  #state = 0;
  readonly #openedMs: number;
  #lastMs: number;

  constructor(server: ConnectionOwner, fd: number, create: CreateProtocol, place: number = NOWHERE) {
    super();
    this.#server = server;
    this.#fd = fd;
    this.place = place;
    this.#protocol = create();
    this.#openedMs = server.reactor.nowMs;
    this.#lastMs = this.#openedMs;
    if (this.#protocol.awaitsRequest !== undefined) this.#state = AWAITS_REQUEST;
    this.next = server.first;
    if (this.next !== undefined) this.next.previous = this;
    server.first = this;
    this.#slot = server.reactor.attach(fd, this);
    server.reactor.receive(this.#slot);
    tellOpened(server.task, fd);
    const atMs = this.#dueMs();
    if (atMs !== Number.POSITIVE_INFINITY) {
      this.#deadline = new Deadline(this, PATIENCE_ID);
      server.reactor.timers.set(this.#deadline, atMs);
    }
    if (this.#protocol.open !== undefined || this.#protocol.shared === true) this.#guard(() => this.#open());
  }

  /** Takes this one out of its owner's list. */
  unlink(): void {
    if (this.previous === undefined) this.#server.first = this.next;
    else this.previous.next = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
  }

  #open(): void {
    const { shared, service } = this.#server.task;
    if (this.#protocol.shared === true) this.#member = joinDesk(shared, service.name, this);
    this.#protocol.open?.(this);
  }

  // The reactor's side.

  get waiting(): OutputTally {
    return this.#server.output.tally;
  }

  override received(_slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    const { output, reactor, task } = this.#server;
    add(task.counters, BYTES_IN, end - start);
    this.#lastMs = reactor.nowMs;
    if (output.isPassed) output.relieve();
    if ((this.#state & (WE_ENDED | CLOSED)) !== 0) return;
    try {
      this.#protocol.data(this, bytes, start, end);
    } catch (error) {
      this.#blame(error);
    }
  }

  override ended(): void {
    this.#state |= PEER_ENDED;
    if ((this.#state & WE_ENDED) !== 0) {
      this.#closeIfDone();
    } else if (this.#protocol.end === undefined) {
      this.end();
    } else {
      this.#guard(() => this.#protocol.end?.(this));
    }
  }

  override drained(): void {
    this.#lastMs = this.#server.reactor.nowMs;
    if ((this.#state & PAUSED_BY_PRESSURE) !== 0) this.#unpause(PAUSED_BY_PRESSURE);
    if ((this.#state & PROTOCOL_BLOCKED) !== 0) {
      this.#state &= ~PROTOCOL_BLOCKED;
      this.#guard(() => this.#protocol.writable?.(this));
    }
    if ((this.#state & WE_ENDED) !== 0) this.#closeIfDone();
  }

  override failed(_slot: Slot, errno: number): void {
    if ((this.#state & WE_ENDED) === 0) add(this.#server.task.counters, ERRORS, 1);
    this.#close(describe("connection", errno));
  }

  expired(id: number): void {
    if (id === LINGER_ID) {
      this.#close("the peer did not end its side");
      return;
    }
    const { reactor, task } = this.#server;
    if (this.#protocol.awaitsRequest !== true) this.#state &= ~AWAITS_REQUEST;
    const atMs = this.#dueMs();
    if (atMs === Number.POSITIVE_INFINITY) return;
    if (atMs > reactor.nowMs) reactor.timers.set(this.#deadline as Deadline, atMs);
    else this.abort(takeOverdue(task.limits, task.counters, this.#openedMs, this.#lastMs, reactor.nowMs));
  }

  #dueMs(): number {
    return dueMs(this.#server.task.limits, this.#openedMs, this.#lastMs, (this.#state & AWAITS_REQUEST) !== 0);
  }

  /** Bytes of this connection that are held here: those that wait for the peer, and those that were received ahead. */
  get held(): number {
    const { reactor } = this.#server;
    return reactor.pending(this.#slot) + reactor.kept(this.#slot);
  }

  // The protocol's side.

  get nowMs(): number {
    return this.#server.reactor.nowMs;
  }

  get unixMs(): number {
    return Date.now();
  }

  get peer(): PeerAddress {
    return peerOf(this.#fd);
  }

  get local(): PeerAddress {
    return localOf(this.#fd);
  }

  write(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    if ((this.#state & (WE_ENDED | CLOSED)) !== 0) return false;
    const { reactor, task } = this.#server;
    add(task.counters, BYTES_OUT, end - start);
    reactor.send(this.#slot, bytes, start, end);
    const pending = reactor.pending(this.#slot);
    if (pending <= task.limits.highWaterBytes) return true;
    return this.#press(pending);
  }

  end(): void {
    if ((this.#state & (WE_ENDED | CLOSED)) !== 0) return;
    this.#state |= WE_ENDED;
    const { reactor, task } = this.#server;
    reactor.flush(this.#slot);
    if (this.#closeIfDone()) return;
    reactor.finish(this.#slot);
    // Go on reading, so that the peer's last words do not turn our close into a reset, but not for ever.
    this.#state &= ~PAUSED;
    if ((this.#state & PEER_ENDED) === 0) reactor.receive(this.#slot);
    this.#linger = new Deadline(this, LINGER_ID);
    reactor.timers.set(this.#linger, reactor.nowMs + task.limits.lingerMs);
  }

  abort(reason: string): void {
    if ((this.#state & CLOSED) !== 0) return;
    add(this.#server.task.counters, ABORTED, 1);
    resetOnClose(this.#fd);
    this.#close(reason);
  }

  pause(): void {
    this.#state |= PAUSED_BY_PROTOCOL;
    this.#server.reactor.pause(this.#slot);
  }

  resume(): void {
    this.#unpause(PAUSED_BY_PROTOCOL);
  }

  setTimer(id: number, atMs: number): void {
    this.#timers ??= new ProtocolTimers(this.#server.reactor.timers, (due) =>
      this.#guard(() => this.#protocol.timer?.(this, due)),
    );
    this.#timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#timers?.clear(id);
  }

  request(resource: string, body: ResourceValue): number {
    if (this.#member === undefined) throw notShared();
    return this.#member.request(resource, body);
  }

  publish(topic: string, bytes: Uint8Array): void {
    if (this.#member === undefined) throw notShared();
    this.#member.publish(topic, bytes);
  }

  subscribe(topic: string): void {
    if (this.#member === undefined) throw notShared();
    this.#member.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#member === undefined) throw notShared();
    this.#member.unsubscribe(topic);
  }

  // The desk's side.

  response(id: number, value: ResourceValue): void {
    const protocol = this.#protocol;
    if (protocol.shared === true) this.#guard(() => protocol.response?.(this, id, value));
  }

  message(topic: string, bytes: Uint8Array): void {
    const protocol = this.#protocol;
    if (protocol.shared === true) this.#guard(() => protocol.message?.(this, topic, bytes));
  }

  // Between the two.

  /** More waits than should: stop reading, so that the peer cannot make it grow; beyond the maximum, give up. */
  #press(pending: number): false {
    const { reactor, task } = this.#server;
    this.#state |= PROTOCOL_BLOCKED | PAUSED_BY_PRESSURE;
    if (pending > task.limits.maxBytes) {
      add(task.counters, ABORTED_BYTES, 1);
      this.abort(`more than ${task.limits.maxBytes} bytes wait for the peer`);
    } else {
      reactor.pause(this.#slot);
    }
    return false;
  }

  #unpause(reason: number): void {
    if ((this.#state & (PAUSED | CLOSED)) !== reason) {
      this.#state &= ~reason;
      return;
    }
    this.#state &= ~reason;
    if ((this.#state & PEER_ENDED) === 0) this.#server.reactor.receive(this.#slot);
  }

  #closeIfDone(): boolean {
    const done = PEER_ENDED | WE_ENDED;
    if ((this.#state & done) !== done || this.#server.reactor.pending(this.#slot) > 0) return false;
    this.#close(undefined);
    return true;
  }

  #close(reason: string | undefined): void {
    if ((this.#state & CLOSED) !== 0) return;
    this.#state |= CLOSED;
    const { reactor, task } = this.#server;
    const openMs = reactor.nowMs - this.#openedMs;
    observe(task.counters, CONNECTION_DURATION, openMs);
    tellClosed(task, this.#fd, openMs, reason);
    if (this.#deadline !== undefined) reactor.timers.clear(this.#deadline);
    if (this.#linger !== undefined) reactor.timers.clear(this.#linger);
    this.#timers?.clearAll();
    this.#member?.leave();
    task.held?.delete(this.#fd);
    reactor.close(this.#slot);
    this.#server.forget(this);
    try {
      this.#protocol.close?.(reason);
    } catch (error) {
      reportProtocol(task, error);
    }
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#blame(error);
    }
  }

  /** A protocol that throws loses its own connection, and nobody else's. */
  #blame(error: unknown): void {
    reportProtocol(this.#server.task, error);
    this.abort("the protocol failed");
  }
}

/**
 * Drives stream protocols on a reactor: one listener, a connection object per client, no blocking.
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
import { Deadline, type DeadlineOwner, IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import { close } from "../sys/index.ts";
import { ABORTED, ACCEPTED, ACTIVE, add, BYTES_IN, BYTES_OUT, ERRORS, REFUSED, TIMED_OUT } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { localOf, peerOf } from "./peer.ts";
import { resetOnClose } from "./reset.ts";
import { type DeskMember, joinDesk, notShared, type Sharer } from "./shared-state-desk.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

/** After the process ran out of descriptors or memory, how long to leave connections in the backlog. */
const ACCEPT_RETRY_MS = 100;

const RETRY_ID = 0;
const GRACE_ID = 1;

const IDLE_ID = 0;
const LINGER_ID = 1;

/** What a connection has been through. */
const PEER_ENDED = 1;
const WE_ENDED = 2;
const PAUSED_BY_PROTOCOL = 4;
const PAUSED_BY_PRESSURE = 8;
const PROTOCOL_BLOCKED = 16;
const CLOSED = 32;
const PAUSED = PAUSED_BY_PROTOCOL | PAUSED_BY_PRESSURE;

/** Makes the protocol of one connection. */
export type CreateProtocol = () => StreamProtocol | SharedStreamProtocol;

/** Whose the connections are. */
export interface ConnectionOwner {
  readonly reactor: Reactor;
  readonly task: Omit<RunningTask, "control" | "fd">;
  /** The first of the open connections, which form a list. */
  first: Connection | undefined;
  /** A connection has closed. */
  forget(connection: Connection): void;
}

/** The listener's side: accepts, counts, stops. */
export class EventedStreamServer extends IdleHandler implements ConnectionOwner, DeadlineOwner {
  readonly reactor: Reactor;
  readonly task: RunningTask;
  readonly #create: CreateProtocol;
  readonly #listener: Slot;
  readonly #retry = new Deadline(this, RETRY_ID);
  readonly #grace = new Deadline(this, GRACE_ID);
  readonly #stopped: () => void;
  #listening = true;
  #finished = false;
  first: Connection | undefined = undefined;

  /** @param stopped called once nothing is left to serve after {@link stop}. */
  constructor(reactor: Reactor, task: RunningTask, stopped: () => void) {
    super();
    if (task.service.stream === undefined) throw new TypeError(`${task.service.name} is not spoken over streams`);
    this.reactor = reactor;
    this.task = task;
    this.#create = task.service.stream(task.options, task);
    this.#stopped = stopped;
    this.#listener = reactor.attach(task.fd, this);
    reactor.accept(this.#listener);
  }

  override accepted(_slot: Slot, fd: number): void {
    const { counters, limits } = this.task;
    if (fd >= this.reactor.maxDescriptors) {
      this.#refuse(
        fd,
        `descriptor ${fd} is beyond the ${this.reactor.maxDescriptors} that ${this.reactor.backend} can watch`,
      );
      return;
    }
    add(counters, ACCEPTED, 1);
    add(counters, ACTIVE, 1);
    if ((counters[ACTIVE] as number) >= limits.maxConnections) this.reactor.pause(this.#listener);
    this.task.held?.add(fd);
    new Connection(this, fd, this.#create);
  }

  override failed(_slot: Slot, errno: number): void {
    add(this.task.counters, ERRORS, 1);
    this.task.report({
      where: "accept",
      message: `${describe("accept4", errno)}; trying again in ${ACCEPT_RETRY_MS} ms`,
    });
    this.reactor.timers.set(this.#retry, this.reactor.nowMs + ACCEPT_RETRY_MS);
  }

  /** Turns a connection away with a reset. */
  #refuse(fd: number, why: string): void {
    add(this.task.counters, REFUSED, 1);
    this.task.report({ where: "accept", message: `connection refused: ${why}` });
    resetOnClose(fd);
    close(fd);
  }

  expired(id: number): void {
    if (id === RETRY_ID) this.#listen();
    else this.#closeAll();
  }

  forget(connection: Connection): void {
    connection.unlink();
    const { counters, limits } = this.task;
    if ((counters[ACTIVE] as number) === limits.maxConnections) this.#listen();
    add(counters, ACTIVE, -1);
    if (!this.#listening && this.first === undefined) this.#finish();
  }

  /** Accepts no more; open connections may go on for `graceMs`. */
  stop(graceMs: number): void {
    if (this.#listening) {
      this.#listening = false;
      this.reactor.timers.clear(this.#retry);
      // Reports who was accepted already, and is served still.
      this.reactor.detach(this.#listener);
      this.task.control.closeSocket(this.task.fd);
    }
    if (this.first === undefined) this.#finish();
    else if (graceMs === 0) this.#closeAll();
    else this.reactor.timers.set(this.#grace, this.reactor.nowMs + graceMs);
  }

  #listen(): void {
    if (this.#listening) this.reactor.accept(this.#listener);
  }

  #closeAll(): void {
    while (this.first !== undefined) this.first.abort("server stopped");
  }

  #finish(): void {
    this.reactor.timers.clear(this.#grace);
    if (this.#finished) return;
    this.#finished = true;
    this.#stopped();
  }
}

/** One client. */
export class Connection extends IdleHandler implements SharedStreamIntents, Sharer, DeadlineOwner {
  next: Connection | undefined;
  previous: Connection | undefined = undefined;
  readonly #server: ConnectionOwner;
  readonly #slot: Slot;
  readonly #fd: number;
  readonly #protocol: StreamProtocol | SharedStreamProtocol;
  #member: DeskMember | undefined = undefined;
  readonly #deadline: Deadline | undefined = undefined;
  #linger: Deadline | undefined = undefined;
  #timers: ProtocolTimers | undefined = undefined;
  #state = 0;
  #lastMs: number;

  constructor(server: ConnectionOwner, fd: number, create: CreateProtocol) {
    super();
    this.#server = server;
    this.#fd = fd;
    this.#protocol = create();
    this.#lastMs = server.reactor.nowMs;
    this.next = server.first;
    if (this.next !== undefined) this.next.previous = this;
    server.first = this;
    this.#slot = server.reactor.attach(fd, this);
    server.reactor.receive(this.#slot);
    const { idleMs } = server.task.limits;
    if (idleMs > 0) {
      this.#deadline = new Deadline(this, IDLE_ID);
      server.reactor.timers.set(this.#deadline, this.#lastMs + idleMs);
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

  override received(_slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    const { reactor, task } = this.#server;
    add(task.counters, BYTES_IN, end - start);
    this.#lastMs = reactor.nowMs;
    if ((this.#state & WE_ENDED) !== 0) return;
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
    const dueMs = this.#lastMs + task.limits.idleMs;
    if (dueMs > reactor.nowMs) {
      reactor.timers.set(this.#deadline as Deadline, dueMs);
    } else {
      add(task.counters, TIMED_OUT, 1);
      this.abort("idle for too long");
    }
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
    if (pending > task.limits.maxBytes) this.abort(`more than ${task.limits.maxBytes} bytes wait for the peer`);
    else reactor.pause(this.#slot);
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
    const { reactor } = this.#server;
    if (this.#deadline !== undefined) reactor.timers.clear(this.#deadline);
    if (this.#linger !== undefined) reactor.timers.clear(this.#linger);
    this.#timers?.clearAll();
    this.#member?.leave();
    this.#server.task.held?.delete(this.#fd);
    reactor.close(this.#slot);
    this.#server.forget(this);
    try {
      this.#protocol.close?.(reason);
    } catch (error) {
      reportProtocol(this.#server.task, error);
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

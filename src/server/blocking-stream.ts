/**
 * Drives stream protocols by blocking: one client at a time, from its first byte to its last, before the next is
 * accepted. The textbook's iterative server, and the body of every design that gives a client a thread or a process.
 *
 * "Blocking" is poll(2) on two descriptors, the client's and the control's: a blocked accept or recv could not be told
 * to stop by anything but a signal, and Node runs no handler while it blocks.
 */
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, POLLIN, POLLOUT, SHUT_WR } from "../abi/index.ts";
import type {
  PeerAddress,
  ResourceValue,
  SharedStreamIntents,
  SharedStreamProtocol,
  StreamProtocol,
} from "../protocol/index.ts";
import { DeadlineHeap } from "../reactor/index.ts";
import { close, recv, send, shutdown } from "../sys/index.ts";
import { BlockingDoor } from "./blocking-door.ts";
import { ABORTED, ACCEPTED, ACTIVE, add, BYTES_IN, BYTES_OUT, CONNECTION_DURATION, ERRORS } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { tellClosed, tellOpened } from "./diagnostics.ts";
import { observe } from "./histograms.ts";
import { dueMs, takeOverdue } from "./patience.ts";
import { localOf, peerOf } from "./peer.ts";
import { resetOnClose } from "./reset.ts";
import { type DeskMember, joinDesk, notShared, type Sharer } from "./shared-state-desk.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";
import { NEWS, STOP_ASKED, waitFor } from "./wait.ts";

const INPUT_BYTES = 64 * 1024;
/** Output of one call of the protocol that is gathered before it is sent. */
const ARENA_BYTES = 64 * 1024;

/** Accepts and serves, one connection after the other, until the control says stop. */
export function serveStreamsOneByOne(task: RunningTask, serving: () => void): void {
  const create = streamFactory(task);
  const { control, counters } = task;
  const door = new BlockingDoor(task);
  serving();
  while (!control.isStopping) {
    const client = door.next();
    if (client === undefined) continue;
    add(counters, ACCEPTED, 1);
    new BlockingConversation(task, client.fd, create()).run();
    door.leave(client);
  }
  door.close();
  control.closeSocket(task.fd);
}

/** What makes the protocols of a worker's connections. */
export function streamFactory(task: RunningTask): () => StreamProtocol | SharedStreamProtocol {
  if (task.service.stream === undefined) throw new TypeError(`${task.service.name} is not spoken over streams`);
  return task.service.stream(task.options, task);
}

/** One client, from open to close, on the thread that calls {@link run}. */
export class BlockingConversation implements SharedStreamIntents, Sharer {
  readonly #task: RunningTask;
  readonly #fd: number;
  readonly #protocol: StreamProtocol | SharedStreamProtocol;
  #member: DeskMember | undefined;
  readonly #heap = new DeadlineHeap();
  readonly #timers: ProtocolTimers;
  readonly #input = new Uint8Array(INPUT_BYTES);
  readonly #arena = new Uint8Array(ARENA_BYTES);
  #arenaUsed = 0;
  #isPaused = false;
  #peerEnded = false;
  #weEnded = false;
  #closed = false;
  /** Why it is closed; undefined where it came to its end. */
  #reason: string | undefined;
  readonly #openedMs: number = performance.now();
  #lastMs = this.#openedMs;
  /** When to give up: after our own end, or after the order to stop. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  nowMs: number = this.#lastMs;

  constructor(task: RunningTask, fd: number, protocol: StreamProtocol | SharedStreamProtocol) {
    this.#task = task;
    this.#fd = fd;
    this.#protocol = protocol;
    this.#timers = new ProtocolTimers(this.#heap, (id) => this.#call(() => this.#protocol.timer?.(this, id)));
  }

  /**
   * Serves until the conversation is over, and closes the descriptor.
   * @param deadlineMs when it has to be over, on the clock of `performance.now()`
   */
  run(deadlineMs: number = Number.POSITIVE_INFINITY): void {
    const { counters, held } = this.#task;
    this.#deadlineMs = deadlineMs;
    held?.add(this.#fd);
    add(counters, ACTIVE, 1);
    tellOpened(this.#task, this.#fd);
    this.#call(() => this.#open());
    while (!this.#closed) this.#turn();
    this.#timers.clearAll();
    this.#member?.leave();
    add(counters, ACTIVE, -1);
    const openMs = performance.now() - this.#openedMs;
    observe(counters, CONNECTION_DURATION, openMs);
    tellClosed(this.#task, this.#fd, openMs, this.#reason);
    held?.delete(this.#fd);
    close(this.#fd);
    // Whoever is told that it has left, is told before the next client is there.
    this.#task.shared?.deliver();
  }

  #open(): void {
    const { shared, service } = this.#task;
    if (this.#protocol.shared === true) this.#member = joinDesk(shared, service.name, this);
    this.#protocol.open?.(this);
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
    if (this.#weEnded || this.#closed) return false;
    add(this.#task.counters, BYTES_OUT, end - start);
    if (this.#arenaUsed + end - start > ARENA_BYTES) {
      this.#flush();
      if (end - start > ARENA_BYTES) {
        this.#sendAll(bytes, start, end);
        return true;
      }
    }
    this.#arena.set(bytes.subarray(start, end), this.#arenaUsed);
    this.#arenaUsed += end - start;
    return true;
  }

  end(): void {
    if (this.#weEnded || this.#closed) return;
    this.#flush();
    this.#weEnded = true;
    this.#isPaused = false;
    shutdown(this.#fd, SHUT_WR);
    this.#deadlineMs = Math.min(this.#deadlineMs, this.nowMs + this.#task.limits.lingerMs);
    if (this.#peerEnded) this.#close(undefined);
  }

  abort(reason: string): void {
    if (this.#closed) return;
    add(this.#task.counters, ABORTED, 1);
    resetOnClose(this.#fd);
    this.#close(reason);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  setTimer(id: number, atMs: number): void {
    this.#timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#timers.clear(id);
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

  response(id: number, value: ResourceValue): void {
    const protocol = this.#protocol;
    if (protocol.shared === true && !this.#closed) this.#call(() => protocol.response?.(this, id, value));
  }

  message(topic: string, bytes: Uint8Array): void {
    const protocol = this.#protocol;
    if (protocol.shared === true && !this.#closed) this.#call(() => protocol.message?.(this, topic, bytes));
  }

  /** Waits for what comes first, bytes, a moment or news of what is shared, and passes it on. */
  #turn(): void {
    const { shared } = this.#task;
    shared?.deliver();
    if (this.#closed) return;
    const reads = !this.#isPaused && !this.#peerEnded;
    const isAsked = shared?.isIdle === false;
    const untilMs = isAsked ? 0 : Math.min(this.#heap.nextMs, this.#dueMs(), this.#deadlineMs);
    const ready = this.#wait(reads ? POLLIN : 0, untilMs);
    if (this.#closed) return;
    if (ready !== 0) {
      if (reads) this.#receive();
      else this.abort("the connection failed");
    }
    this.#heap.fire(this.nowMs);
    if (this.nowMs >= this.#deadlineMs) this.#close("the peer did not end its side");
    else if (this.nowMs >= this.#dueMs()) this.#timeOut();
  }

  #receive(): void {
    const count = recv(this.#fd, this.#input, INPUT_BYTES, MSG_DONTWAIT);
    if (count > 0) {
      add(this.#task.counters, BYTES_IN, count);
      this.#lastMs = this.nowMs;
      if (!this.#weEnded) this.#call(() => this.#protocol.data(this, this.#input, 0, count));
    } else if (count === 0) {
      this.#peerEnded = true;
      if (this.#weEnded) this.#close(undefined);
      else this.#call(() => (this.#protocol.end === undefined ? this.end() : this.#protocol.end(this)));
    } else if (count !== -EAGAIN && count !== -EINTR) {
      this.#fail(-count);
    }
  }

  /** Calls the protocol and sends what it wrote. One that throws loses its own connection. */
  #call(run: () => void): void {
    try {
      run();
    } catch (error) {
      reportProtocol(this.#task, error);
      this.abort("the protocol failed");
    }
    this.#flush();
  }

  #flush(): void {
    const used = this.#arenaUsed;
    this.#arenaUsed = 0;
    if (used > 0) this.#sendAll(this.#arena, 0, used);
  }

  /** Sends all, blocking: back-pressure is that nothing else happens meanwhile. A peer that does not read times out. */
  #sendAll(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end && !this.#closed) {
      const sent = send(this.#fd, bytes.subarray(from, end), end - from, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        from += sent;
        this.#lastMs = this.nowMs;
      } else if (sent === -EAGAIN) {
        this.#wait(POLLOUT, Math.min(this.#dueMs(), this.#deadlineMs));
        if (this.nowMs >= Math.min(this.#dueMs(), this.#deadlineMs)) this.#timeOut();
      } else if (sent !== -EINTR) {
        this.#fail(-sent);
      }
    }
  }

  /** The events of the client's descriptor, after an order to stop has been heeded. */
  #wait(events: number, untilMs: number): number {
    const ready = waitFor(this.#fd, events, this.#task.control, untilMs - performance.now());
    this.nowMs = performance.now();
    if ((ready & STOP_ASKED) === 0) return ready & ~NEWS;
    const { graceMs } = this.#task.control;
    if (graceMs === 0) this.abort("server stopped");
    else this.#deadlineMs = Math.min(this.#deadlineMs, this.nowMs + graceMs);
    return ready & ~(STOP_ASKED | NEWS);
  }

  #dueMs(): number {
    return dueMs(this.#task.limits, this.#openedMs, this.#lastMs, this.#protocol.awaitsRequest === true);
  }

  #timeOut(): void {
    const { counters, limits } = this.#task;
    this.abort(takeOverdue(limits, counters, this.#openedMs, this.#lastMs, this.nowMs));
  }

  #fail(errno: number): void {
    if (!this.#weEnded) add(this.#task.counters, ERRORS, 1);
    this.#close(describe("connection", errno));
  }

  #close(reason: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    try {
      this.#protocol.close?.(reason);
    } catch (error) {
      reportProtocol(this.#task, error);
    }
  }
}

/**
 * Datagrams with a socket for each peer, on a reactor.
 *
 * The first datagram of a peer comes to the socket that all know. It is answered by a new one, which is bound to the same
 * address and connected to the peer (connect(2), udp(7)): what the peer sends from then on comes there, for the kernel prefers
 * a socket that is connected to the sender, and the peer sees no other port than the one it asked. (TFTP's server answers
 * from another port, which a client of another protocol would take for a stranger's: RFC 1350 section 4.)
 *
 * SO_REUSEPORT lets several sockets have the address, and only this user's: SO_REUSEADDR would let in everybody's. Between
 * bind and connect a datagram of another peer may come to the new socket; it is answered as any.
 *
 * Where no more sockets can be had, and over unix sockets, of which there is one at a path, the one that all know answers.
 */
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  ECONNREFUSED,
  POLLIN,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "../abi/index.ts";
import { Deadline, type DeadlineOwner, IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import { bind, close, connect, getsockname, setsockopt, socket } from "../sys/index.ts";
import { complainOfReceive, DatagramAnswerer, DatagramReceiver } from "./one-datagram.ts";
import { localOf } from "./peer.ts";
import type { RunningTask } from "./task.ts";

/** Datagrams per report, so that one peer's flood leaves the others their turn. */
const MOST_PER_REPORT = 64;
const NAME_BYTES = 128;
const ON = new Int32Array([1]);

export class PeerSocketServer extends IdleHandler {
  readonly reactor: Reactor;
  readonly task: RunningTask;
  readonly receiver: DatagramReceiver;
  readonly answerer: DatagramAnswerer;
  readonly #stopped: () => void;
  readonly #slot: Slot;
  /** The encoded address that all sockets are bound to. */
  readonly #local: Uint8Array;
  readonly #family: number | undefined;
  /** By the bytes of their addresses. */
  readonly #peers = new Map<string, PeerSocket>();

  constructor(reactor: Reactor, task: RunningTask, stopped: () => void) {
    super();
    this.reactor = reactor;
    this.task = task;
    this.#stopped = stopped;
    this.#slot = reactor.attach(task.fd, this);
    this.#local = nameOf(task.fd);
    this.#family = { inet: AF_INET, inet6: AF_INET6, unix: undefined }[localOf(task.fd).family];
    if (this.#family !== undefined) setsockopt(task.fd, SOL_SOCKET, SO_REUSEPORT, ON, 4);
    this.receiver = new DatagramReceiver(task.fd, task.limits.maxDatagramBytes);
    this.answerer = new DatagramAnswerer(task, task.fd, reactor.timers);
    reactor.arm(this.#slot, POLLIN);
  }

  override ready(slot: Slot): void {
    const { answerer, receiver, task } = this;
    for (let i = 0; i < MOST_PER_REPORT; i++) {
      const received = receiver.receive();
      if (typeof received === "number") {
        complainOfReceive(task, -received);
        break;
      }
      answerer.take(received, this.#socketOf(received.name));
    }
    this.reactor.arm(slot, POLLIN);
  }

  /** What waits in the kernel is dropped: datagrams promise nothing else. */
  stop(_graceMs: number): void {
    for (const peer of this.#peers.values()) peer.close();
    this.reactor.detach(this.#slot);
    this.task.control.closeSocket(this.task.fd);
    this.answerer.dispose();
    this.receiver.dispose();
    this.#stopped();
  }

  forget(key: string): void {
    this.#peers.delete(key);
  }

  /** The descriptor that answers a peer. */
  #socketOf(name: Uint8Array): number {
    const key = String.fromCharCode(...name);
    const known = this.#peers.get(key);
    if (known !== undefined) return known.fd;
    const { maxConnections } = this.task.limits;
    if (this.#family === undefined || this.#peers.size >= maxConnections) return this.task.fd;
    const fd = openTo(this.#family, this.#local, name);
    if (fd < 0) return this.task.fd;
    this.#peers.set(key, new PeerSocket(this, fd, key));
    return fd;
  }
}

/** One peer. */
class PeerSocket extends IdleHandler implements DeadlineOwner {
  readonly fd: number;
  readonly #server: PeerSocketServer;
  readonly #key: string;
  readonly #slot: Slot;
  readonly #deadline = new Deadline(this);
  #lastMs: number;

  constructor(server: PeerSocketServer, fd: number, key: string) {
    super();
    const { reactor, task } = server;
    this.fd = fd;
    this.#server = server;
    this.#key = key;
    this.#slot = reactor.attach(fd, this);
    reactor.arm(this.#slot, POLLIN);
    this.#lastMs = reactor.nowMs;
    if (task.limits.idleMs > 0) reactor.timers.set(this.#deadline, this.#lastMs + task.limits.idleMs);
  }

  override ready(slot: Slot): void {
    const { answerer, reactor, receiver, task } = this.#server;
    this.#lastMs = reactor.nowMs;
    for (let i = 0; i < MOST_PER_REPORT; i++) {
      const received = receiver.receive(this.fd);
      if (typeof received !== "number") {
        answerer.take(received, this.fd);
      } else if (received === -ECONNREFUSED) {
        // An answer came to a port that nobody has any more.
        this.close();
        return;
      } else {
        if (received !== -EAGAIN) complainOfReceive(task, -received);
        break;
      }
    }
    reactor.arm(slot, POLLIN);
  }

  override failed(): void {
    this.close();
  }

  /** Set once: a datagram only notes the time, and the deadline moves itself on. */
  expired(): void {
    const { reactor, task } = this.#server;
    const dueMs = this.#lastMs + task.limits.idleMs;
    if (dueMs > reactor.nowMs) reactor.timers.set(this.#deadline, dueMs);
    else this.close();
  }

  close(): void {
    const { answerer, reactor } = this.#server;
    reactor.timers.clear(this.#deadline);
    answerer.leave(this.fd);
    reactor.close(this.#slot);
    this.#server.forget(this.#key);
  }
}

/** A socket at our address that is connected to a peer; negative where there is none to be had. */
function openTo(family: number, local: Uint8Array, peer: Uint8Array): number {
  const fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, ON, 4);
  const name = peer.slice();
  if (bind(fd, local, local.length) < 0 || connect(fd, name, name.length) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

function nameOf(fd: number): Uint8Array {
  const name = new Uint8Array(NAME_BYTES);
  const length = new Uint32Array([NAME_BYTES]);
  getsockname(fd, name, length);
  return name.slice(0, length[0]);
}

/**
 * The load: connections that each send 64 bytes, wait until they are back, and send the next. It runs in a process of its
 * own, on another core than the server, over our own epoll loop; where it is the slower side, requests a second say more of
 * it than of the server, and the server's processor time for each request is the figure to compare.
 */
import {
  AF_INET,
  encodeSockaddr,
  errnoMessage,
  errnoName,
  IPPROTO_TCP,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../../abi/index.ts";
import { createReactor, IdleHandler, type Reactor, type Slot } from "../../../reactor/index.ts";
import { setsockopt, socket } from "../../../sys/index.ts";
import { Histogram } from "./histogram.ts";
import { cpuUs, memoryBytes } from "./process-tree.ts";
import type { LoadOrder, LoadResult } from "./result.ts";

const MESSAGE_BYTES = 64;
/** Connections that are being made at the same time. */
const MAX_CONNECTING = 256;
/** A server that does nothing for so long has failed. */
const SILENCE_MS = 10_000;
const PASS_MS = 50;
/** How long a server may take to put closed connections away, and how often it is looked at. */
const SETTLING_MS = 5000;
const LOOK_MS = 50;
const US_PER_MS = 1000;
const NS_PER_MS = 1e6;
const NS_PER_US = 1000;
const MS_PER_SECOND = 1000;
const ON = new Int32Array([1]);
/** struct linger: closing resets, so that no port is left in TIME_WAIT. */
const LINGER_ZERO = new Int32Array([1, 0]);

const message = Uint8Array.from({ length: MESSAGE_BYTES }, (_, at) => (at * 7 + 1) & 0xff);

/** Runs one measurement. @throws Error where the server refuses, breaks off, is silent, or does not echo. */
export function runLoad(order: LoadOrder): LoadResult {
  const load = new Load(order);
  try {
    const before = memoryBytes(order.pid);
    load.connectAll();
    const after = memoryBytes(order.pid);
    load.run(order.warmUpMs);
    const latencies = new Histogram();
    load.latencies = latencies;
    const cpuBefore = cpuUs(order.pid);
    const startedMs = performance.now();
    load.run(order.measureMs);
    const elapsedMs = performance.now() - startedMs;
    const cpuAfter = cpuUs(order.pid);
    load.latencies = undefined;
    const requests = latencies.count;
    if (requests === 0) throw new Error(`the server answered nothing in ${Math.round(elapsedMs)} ms`);
    load.closeAll();
    settle(order.pid);
    return {
      requests,
      requestsPerSecond: (requests / elapsedMs) * MS_PER_SECOND,
      cpuUsPerRequest: cpuBefore === undefined || cpuAfter === undefined ? null : (cpuAfter - cpuBefore) / requests,
      bytesPerConnection: before === undefined || after === undefined ? null : (after - before) / order.connections,
      connectionsPerSecond: load.churn(),
      p50Us: latencies.quantile(0.5) / NS_PER_US,
      p99Us: latencies.quantile(0.99) / NS_PER_US,
      p999Us: latencies.quantile(0.999) / NS_PER_US,
    };
  } finally {
    load.dispose();
  }
}

/** Waits until the server has put away the connections that were closed: that work is not to count for the next ones. */
function settle(pid: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadlineMs = performance.now() + SETTLING_MS;
  let before = cpuUs(pid) ?? 0;
  while (performance.now() < deadlineMs) {
    Atomics.wait(pause, 0, 0, LOOK_MS);
    const now = cpuUs(pid) ?? 0;
    // Below a tenth of the core it is at rest; threads that have ended are not counted any more.
    if (now - before < LOOK_MS * US_PER_MS * 0.1) return;
    before = now;
  }
}

class Load {
  latencies: Histogram | undefined;
  readonly reactor: Reactor = createReactor("epoll");
  readonly address: Uint8Array;
  readonly #order: LoadOrder;
  readonly #clients = new Set<Client>();
  failure: Error | undefined;
  /** Connections whose first message has come back. */
  standing = 0;
  /** Whether a client goes on to its next message, or, in `churn`, to its next connection. */
  mode: "churn" | "ping" | "rest" = "rest";
  lastAnswerMs = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.address = encodeSockaddr({ family: "inet", address: "127.0.0.1", port: order.port });
  }

  /** Makes all connections, and sees the first message come back on each. */
  connectAll(): void {
    const { connections } = this.#order;
    this.lastAnswerMs = performance.now();
    for (;;) {
      while (this.#clients.size < connections && this.#clients.size - this.standing < MAX_CONNECTING) this.#open();
      if (this.standing === connections) return;
      this.#pass();
    }
  }

  /** Ping-pong on all connections for so long. */
  run(durationMs: number): void {
    const untilMs = performance.now() + durationMs;
    this.lastAnswerMs = performance.now();
    if (this.mode !== "ping") {
      this.mode = "ping";
      for (const client of this.#clients) client.ask();
    }
    while (performance.now() < untilMs) this.#pass();
  }

  closeAll(): void {
    this.mode = "rest";
    for (const client of this.#clients) client.close();
    this.#clients.clear();
    this.standing = 0;
  }

  /** Connects, sends one message, sees it come back, closes, and so on. @returns how often in a second. */
  churn(): number {
    const { churnMs, parallel } = this.#order;
    this.mode = "churn";
    const startedMs = performance.now();
    this.lastAnswerMs = startedMs;
    for (let opened = 0; opened < parallel; opened += 1) this.#open();
    // At least one, however slow: a process takes longer to start than a short measurement lasts.
    while (performance.now() < startedMs + churnMs || this.standing === 0) this.#pass();
    const rate = (this.standing / (performance.now() - startedMs)) * MS_PER_SECOND;
    this.closeAll();
    return rate;
  }

  /** A client's message has come back for the first time. */
  stands(client: Client): void {
    this.standing += 1;
    if (this.mode !== "churn") return;
    client.close();
    this.#clients.delete(client);
    this.#open();
  }

  dispose(): void {
    this.closeAll();
    this.reactor.dispose();
  }

  #open(): void {
    this.#clients.add(new Client(this));
  }

  #pass(): void {
    this.reactor.pass(PASS_MS);
    if (this.failure !== undefined) throw this.failure;
    const silentMs = performance.now() - this.lastAnswerMs;
    if (silentMs > SILENCE_MS) throw new Error(`the server answered nobody for ${SILENCE_MS / MS_PER_SECOND} seconds`);
  }
}

class Client extends IdleHandler {
  readonly #load: Load;
  readonly #slot: Slot;
  #outstanding = 0;
  #sentMs = 0;
  #isFirst = true;

  constructor(load: Load) {
    super();
    this.#load = load;
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new Error(`socket: ${errnoName(-fd)}, ${errnoMessage(-fd)}`);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, ON.byteLength);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, LINGER_ZERO, LINGER_ZERO.byteLength);
    this.#slot = load.reactor.attach(fd, this);
    load.reactor.connect(this.#slot, load.address);
  }

  override connected(slot: Slot, errno: number): void {
    if (errno !== 0) {
      this.failed(slot, errno);
      return;
    }
    this.#load.reactor.receive(slot);
    this.ask();
  }

  override received(_slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    const load = this.#load;
    if (this.#isFirst) this.#compare(bytes, start, end);
    this.#outstanding -= end - start;
    if (this.#outstanding > 0) return;
    const nowMs = performance.now();
    load.lastAnswerMs = nowMs;
    if (this.#isFirst) {
      this.#isFirst = false;
      load.stands(this);
      return;
    }
    load.latencies?.add((nowMs - this.#sentMs) * NS_PER_MS);
    if (load.mode === "ping") this.ask();
  }

  override ended(): void {
    this.#load.failure ??= new Error("the server closed a connection");
  }

  override failed(_slot: Slot, errno: number): void {
    this.#load.failure ??= new Error(`a connection failed: ${errnoName(errno)}, ${errnoMessage(errno)}`);
  }

  ask(): void {
    this.#outstanding = MESSAGE_BYTES;
    this.#sentMs = performance.now();
    this.#load.reactor.send(this.#slot, message, 0, MESSAGE_BYTES);
  }

  close(): void {
    this.#load.reactor.close(this.#slot);
  }

  #compare(bytes: Uint8Array, start: number, end: number): void {
    const offset = MESSAGE_BYTES - this.#outstanding;
    for (let at = start; at < end; at += 1) {
      if (bytes[at] === message[offset + at - start]) continue;
      this.#load.failure ??= new Error("the server does not send back what it was sent: it is no echo");
      return;
    }
  }
}

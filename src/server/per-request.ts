/**
 * Concurrent servers of datagrams: each request is a task of its own, so that one which takes long holds up no other.
 *
 * Either a worker is started for each request, as the textbook's server forks; or workers that are there already take
 * requests from the socket, one at a time. What a protocol remembers between datagrams it remembers for its worker alone:
 * for one request in the first form, for its share of them in the second. Whom it answers, and how often, is therefore
 * decided before a worker is started; of several workers that are there already, each counts for itself.
 */
import { decodeSockaddr, F_DUPFD_CLOEXEC, POLLIN } from "../abi/index.ts";
import type { DatagramGate } from "../protocol/index.ts";
import {
  createReactor,
  Deadline,
  DeadlineHeap,
  type DeadlineOwner,
  IdleHandler,
  NodeLoop,
  type Reactor,
  type Slot,
} from "../reactor/index.ts";
import { checked } from "../socket/index.ts";
import { close, fcntl } from "../sys/index.ts";
import { add, BYTES_IN, DATAGRAMS_DROPPED, DATAGRAMS_IN, ERRORS } from "./counters.ts";
import { CannotStart } from "./launch.ts";
import { complainOfReceive, DatagramAnswerer, DatagramReceiver, type ReceivedDatagram } from "./one-datagram.ts";
import { toPeerAddress } from "./peer.ts";
import type { Json } from "./service.ts";
import type { RunningTask, ServerHandle, ServerTask } from "./task.ts";
import { waitFor } from "./wait.ts";
import { MAX_ROWS } from "./worker-rows.ts";
import { Workers } from "./workers.ts";

/** After the system had no worker to give, how long to leave requests in the socket's buffer. */
const RETRY_MS = 100;

/** A worker for each request. */
export function startPerRequest(design: string, place: "threads" | "processes", task: ServerTask): ServerHandle {
  return new PerRequestServer(design, place, task);
}

/** A worker that is there already: takes requests until the control says stop. */
export function serveRequests(task: RunningTask, serving: () => void): void {
  const heap = new DeadlineHeap();
  const receiver = new DatagramReceiver(task.fd, task.limits.maxDatagramBytes);
  const answerer = new DatagramAnswerer(task, task.fd, heap);
  serving();
  while (!task.control.isStopping) {
    waitFor(task.fd, POLLIN, task.control, heap.nextMs - performance.now());
    heap.fire(performance.now());
    const received = receiver.receive();
    if (typeof received === "number") complainOfReceive(task, -received);
    else answerer.take(received);
  }
  answerer.dispose();
  receiver.dispose();
  task.control.closeSocket(task.fd);
}

/** A worker of one request: until the protocol has nothing more to do at a later time. */
export function serveOneRequest(task: RunningTask, serving: () => void): void {
  const heap = new DeadlineHeap();
  const answerer = new DatagramAnswerer(task, task.fd, heap);
  serving();
  answerer.take(fromPart(task.part));
  let untilMs = Number.POSITIVE_INFINITY;
  while (heap.size > 0 && performance.now() < untilMs) {
    waitFor(-1, 0, task.control, Math.min(heap.nextMs, untilMs) - performance.now());
    if (task.control.isStopping) untilMs = Math.min(untilMs, performance.now() + task.control.graceMs);
    heap.fire(performance.now());
  }
  answerer.dispose();
  task.control.closeSocket(task.fd);
}

interface RequestPart {
  readonly bytes: string;
  readonly name: string;
  readonly asked: string;
  readonly fullLength: number;
  readonly [key: string]: Json;
}

function toPart({ bytes, length, fullLength, name, asked }: ReceivedDatagram): RequestPart {
  const base64 = (part: Uint8Array): string => Buffer.from(part).toString("base64");
  return { bytes: base64(bytes.subarray(0, length)), name: base64(name), asked: base64(asked), fullLength };
}

function fromPart(part: Json): ReceivedDatagram {
  const { bytes: text, name, asked, fullLength } = part as unknown as RequestPart;
  const decode = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
  const bytes = decode(text);
  return { bytes, length: bytes.length, fullLength, name: decode(name), asked: decode(asked) };
}

/** Told of datagrams by the reactor: a handle's `ready` is another thing. */
class RequestHandler extends IdleHandler implements DeadlineOwner {
  readonly #server: PerRequestServer;

  constructor(server: PerRequestServer) {
    super();
    this.#server = server;
  }

  override ready(): void {
    this.#server.receiveSome();
  }

  expired(): void {
    this.#server.arm();
  }
}

class PerRequestServer implements ServerHandle {
  readonly ready: Promise<void> = Promise.resolve();
  readonly done: Promise<void>;
  readonly #task: ServerTask;
  readonly #workers: Workers;
  readonly #receiver: DatagramReceiver;
  readonly #gate: DatagramGate | undefined;
  readonly #reactor: Reactor = createReactor("epoll");
  readonly #loop: NodeLoop = new NodeLoop(this.#reactor);
  readonly #slot: Slot;
  readonly #retry: Deadline;
  #settle: () => void = () => {};
  #isReceiving = true;
  #isFinished = false;

  constructor(design: string, place: "threads" | "processes", task: ServerTask) {
    this.#task = task;
    this.#receiver = new DatagramReceiver(task.fd, task.limits.maxDatagramBytes);
    this.#gate = task.makeGate();
    const max = Math.min(task.limits.maxWorkers, MAX_ROWS);
    this.#workers = new Workers({ design, task, in: place, max, ended: (_worker, failure) => this.#ended(failure) });
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const handler = new RequestHandler(this);
    this.#retry = new Deadline(handler, 0);
    this.#slot = this.#reactor.attach(task.fd, handler);
    this.arm();
  }

  readonly workerCount = (): number => this.#workers.size;

  readonly refresh = (): void => this.#workers.sum();

  /** Requests wait in the socket's buffer while there are as many workers as there may be. */
  arm(): void {
    if (this.#isReceiving && !this.#workers.isFull && !this.#retry.isSet) this.#reactor.arm(this.#slot, POLLIN);
  }

  receiveSome(): void {
    while (!this.#workers.isFull && !this.#retry.isSet) {
      const received = this.#receiver.receive();
      if (typeof received === "number") {
        complainOfReceive({ counters: this.#workers.own, report: this.#task.report }, -received);
        break;
      }
      if (this.#admits(received)) this.#start(received);
    }
    this.arm();
  }

  /** What waits in the kernel is dropped: datagrams promise nothing else. */
  stop(graceMs: number): void {
    if (this.#isReceiving) {
      this.#isReceiving = false;
      this.#reactor.timers.clear(this.#retry);
      this.#reactor.detach(this.#slot);
      close(this.#task.fd);
    }
    this.#workers.stop(graceMs);
    this.#finishIfDone();
  }

  /** What is refused costs no worker. */
  #admits({ name, length }: ReceivedDatagram): boolean {
    if (this.#gate === undefined) return true;
    const peer = toPeerAddress(decodeSockaddr(name, 0, name.length));
    if (this.#gate.admit(peer, performance.now()) === undefined) return true;
    add(this.#workers.own, DATAGRAMS_IN, 1);
    add(this.#workers.own, BYTES_IN, length);
    return false;
  }

  #start(received: ReceivedDatagram): void {
    try {
      const fd = checked("fcntl", fcntl(this.#task.fd, F_DUPFD_CLOEXEC, 0));
      this.#workers.start({ fd, isConnection: false, part: toPart(received) });
    } catch (error) {
      add(this.#workers.own, DATAGRAMS_DROPPED, 1);
      add(this.#workers.own, ERRORS, 1);
      if (!(error instanceof CannotStart)) {
        this.#task.report({ where: "worker", message: `${(error as Error).message}; trying again in ${RETRY_MS} ms` });
      }
      this.#reactor.timers.set(this.#retry, this.#reactor.nowMs + RETRY_MS);
    }
  }

  #ended(failure: Error | undefined): void {
    if (failure !== undefined) {
      add(this.#workers.own, ERRORS, 1);
      this.#task.report({ where: "worker", message: failure.message });
    }
    if (this.#isReceiving) this.arm();
    else this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#workers.size > 0 || this.#isFinished) return;
    this.#isFinished = true;
    // Not from inside the reactor's own pass.
    setImmediate(() => {
      this.#loop.close();
      this.#reactor.dispose();
      this.#receiver.dispose();
      this.#workers.dispose();
      this.#settle();
    });
  }
}

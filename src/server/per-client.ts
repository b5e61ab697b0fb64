/**
 * A worker for each client: the server accepts, and gives the connection away.
 *
 * It accepts inside Node's loop, where workers can be started and their ends be seen. When there are as many as there may
 * be, it accepts no more: clients wait in the listener's queue, which costs nothing. A client for whom no worker can be
 * started, because the system has no more of something, is refused with a reset; then nobody is accepted for a moment.
 */

import { EAGAIN, POLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../abi/index.ts";
import {
  createReactor,
  Deadline,
  type DeadlineOwner,
  IdleHandler,
  NodeLoop,
  type Reactor,
  type Slot,
} from "../reactor/index.ts";
import { accept4, close } from "../sys/index.ts";
import { ACCEPT_RETRY_MS, Admission, REFUSED_PLACE } from "./admission.ts";
import { BlockingConversation, streamFactory } from "./blocking-stream.ts";
import { ACCEPTED, ACTIVE, add, addFor, ERRORS, REFUSED, REFUSED_WORKERS, RESTED_CONNECTIONS } from "./counters.ts";
import { tellRefused } from "./diagnostics.ts";
import { CannotStart } from "./launch.ts";
import { NOWHERE } from "./source-counts.ts";
import type { RunningTask, ServerHandle, ServerTask } from "./task.ts";
import { MAX_ROWS } from "./worker-rows.ts";
import { type WorkerHandle, Workers } from "./workers.ts";

export function startPerClient(design: string, place: "threads" | "processes", task: ServerTask): ServerHandle {
  return new PerClientServer(design, place, task);
}

/** The worker's part: one client, from its first byte to its last. */
export function serveClient(task: RunningTask, serving: () => void): void {
  const conversation = new BlockingConversation(task, task.fd, streamFactory(task)());
  serving();
  conversation.run();
}

/** Told by the reactor: a handle's `ready` is another thing than a handler's. */
class AcceptHandler extends IdleHandler implements DeadlineOwner {
  readonly #server: PerClientServer;

  constructor(server: PerClientServer) {
    super();
    this.#server = server;
  }

  override accepted(_slot: Slot, fd: number): void {
    this.#server.take(fd);
  }

  override failed(_slot: Slot, errno: number): void {
    this.#server.cope(errno);
  }

  override ready(): void {
    this.#server.tryAgain();
  }

  expired(): void {
    this.#server.listen();
  }
}

class PerClientServer implements ServerHandle {
  readonly ready: Promise<void> = Promise.resolve();
  readonly done: Promise<void>;
  readonly #task: ServerTask;
  readonly #workers: Workers;
  readonly #admission: Admission;
  /** Where each worker's client is counted. */
  readonly #places = new Map<WorkerHandle, number>();
  readonly #reactor: Reactor = createReactor("epoll");
  readonly #loop: NodeLoop = new NodeLoop(this.#reactor);
  readonly #listener: Slot;
  readonly #retry: Deadline;
  #settle: () => void = () => {};
  #isListening = true;
  #isFinished = false;

  constructor(design: string, place: "threads" | "processes", task: ServerTask) {
    this.#task = task;
    const { maxConnections, maxWorkers } = task.limits;
    const max = Math.min(maxWorkers, maxConnections, MAX_ROWS);
    this.#workers = new Workers({ design, task, in: place, max, ended: (worker, why) => this.#ended(worker, why) });
    const { fd, limits, report, name } = task;
    const counters = this.#workers.own;
    this.#admission = new Admission({ fd, limits, report, counters, index: 0, sources: undefined, service: { name } });
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const handler = new AcceptHandler(this);
    this.#retry = new Deadline(handler, 0);
    this.#listener = this.#reactor.attach(task.fd, handler);
    this.#reactor.accept(this.#listener);
  }

  readonly workerCount = (): number => this.#workers.size;

  readonly refresh = (): void => {
    this.#workers.sum();
    // Also those whose worker has not begun yet.
    this.#task.counters[ACTIVE] = this.#workers.size;
  };

  take(fd: number): void {
    const restMs = this.#admission.restMs(this.#reactor.nowMs);
    if (restMs > 0) this.#rest(restMs);
    const place = this.#admission.enter(fd);
    if (place === REFUSED_PLACE) return;
    add(this.#workers.own, ACCEPTED, 1);
    try {
      this.#places.set(this.#workers.start({ fd, isConnection: true }), place);
    } catch (error) {
      this.#admission.leave(place);
      addFor(this.#workers.own, REFUSED, REFUSED_WORKERS);
      tellRefused(this.#task.name, 0, REFUSED_WORKERS, 1);
      add(this.#workers.own, ERRORS, 1);
      if (!(error instanceof CannotStart)) this.#admission.tell((error as Error).message);
      this.#rest(ACCEPT_RETRY_MS);
      return;
    }
    if (!this.#workers.isFull) return;
    add(this.#workers.own, RESTED_CONNECTIONS, 1);
    this.#reactor.pause(this.#listener);
  }

  listen(): void {
    if (this.#isListening && !this.#workers.isFull && !this.#retry.isSet) this.#reactor.accept(this.#listener);
  }

  /** Nobody can be accepted. */
  cope(errno: number): void {
    add(this.#workers.own, ERRORS, 1);
    if (this.#admission.cope(errno)) this.#reactor.arm(this.#listener, POLLIN);
    else this.#rest(ACCEPT_RETRY_MS);
  }

  /** After a want of descriptors, somebody waits to be accepted. */
  tryAgain(): void {
    const fd = accept4(this.#task.fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      this.listen();
      this.take(fd);
    } else if (fd === -EAGAIN) {
      this.#reactor.arm(this.#listener, POLLIN);
    } else {
      this.cope(-fd);
    }
  }

  /** Accepts nobody for a while. */
  #rest(forMs: number): void {
    this.#reactor.pause(this.#listener);
    this.#reactor.timers.set(this.#retry, this.#reactor.nowMs + forMs);
  }

  stop(graceMs: number): void {
    if (this.#isListening) {
      this.#isListening = false;
      this.#reactor.timers.clear(this.#retry);
      this.#reactor.detach(this.#listener);
      close(this.#task.fd);
      this.#admission.close();
    }
    this.#workers.stop(graceMs);
    this.#finishIfDone();
  }

  #ended(worker: WorkerHandle, failure: Error | undefined): void {
    this.#admission.leave(this.#places.get(worker) ?? NOWHERE);
    this.#places.delete(worker);
    if (failure !== undefined) {
      add(this.#workers.own, ERRORS, 1);
      this.#task.report({ where: "worker", message: failure.message });
    }
    if (!this.#isListening) this.#finishIfDone();
    else this.listen();
  }

  #finishIfDone(): void {
    if (this.#workers.size > 0 || this.#isFinished) return;
    this.#isFinished = true;
    // Not from inside the reactor's own pass.
    setImmediate(() => {
      this.#loop.close();
      this.#reactor.dispose();
      this.refresh();
      this.#workers.dispose();
      this.#settle();
    });
  }
}

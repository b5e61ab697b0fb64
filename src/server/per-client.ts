/**
 * A worker for each client: the server accepts, and gives the connection away.
 *
 * It accepts inside Node's loop, where workers can be started and their ends be seen. When there are as many as there may
 * be, it accepts no more: clients wait in the listener's queue, which costs nothing. A client for whom no worker can be
 * started, because the system has no more of something, is refused with a reset; then nobody is accepted for a moment.
 */
import {
  createReactor,
  Deadline,
  type DeadlineOwner,
  IdleHandler,
  NodeLoop,
  type Reactor,
  type Slot,
} from "../reactor/index.ts";
import { close } from "../sys/index.ts";
import { BlockingConversation, streamFactory } from "./blocking-stream.ts";
import { ACCEPTED, ACTIVE, add, ERRORS, REFUSED } from "./counters.ts";
import { describe } from "./describe.ts";
import { CannotStart } from "./launch.ts";
import type { RunningTask, ServerHandle, ServerTask } from "./task.ts";
import { MAX_ROWS } from "./worker-rows.ts";
import { Workers } from "./workers.ts";

/** After the system had no worker to give, how long to leave clients in the listener's queue. */
const RETRY_MS = 100;

export function startPerClient(design: string, place: "threads" | "processes", task: ServerTask): ServerHandle {
  return new PerClientServer(design, place, task);
}

/** The worker's part: one client, from its first byte to its last. */
export function serveClient(task: RunningTask): void {
  new BlockingConversation(task, task.fd, streamFactory(task)()).run();
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
    this.#server.rest(describe("accept4", errno));
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
    this.#workers = new Workers({ design, task, in: place, max, ended: (_worker, failure) => this.#ended(failure) });
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const handler = new AcceptHandler(this);
    this.#retry = new Deadline(handler, 0);
    this.#listener = this.#reactor.attach(task.fd, handler);
    this.#reactor.accept(this.#listener);
  }

  readonly refresh = (): void => {
    this.#workers.sum();
    // Also those whose worker has not begun yet.
    this.#task.counters[ACTIVE] = this.#workers.size;
  };

  take(fd: number): void {
    add(this.#workers.own, ACCEPTED, 1);
    try {
      this.#workers.start({ fd, isConnection: true });
      if (this.#workers.isFull) this.#reactor.pause(this.#listener);
    } catch (error) {
      add(this.#workers.own, REFUSED, 1);
      this.rest(error instanceof CannotStart ? undefined : (error as Error).message);
    }
  }

  listen(): void {
    if (this.#isListening && !this.#workers.isFull) this.#reactor.accept(this.#listener);
  }

  /** Accepts nobody for a moment. */
  rest(why: string | undefined): void {
    add(this.#workers.own, ERRORS, 1);
    if (why !== undefined) {
      this.#task.report({ where: "accept", message: `${why}; trying again in ${RETRY_MS} ms` });
    }
    this.#reactor.pause(this.#listener);
    this.#reactor.timers.set(this.#retry, this.#reactor.nowMs + RETRY_MS);
  }

  stop(graceMs: number): void {
    if (this.#isListening) {
      this.#isListening = false;
      this.#reactor.timers.clear(this.#retry);
      this.#reactor.detach(this.#listener);
      close(this.#task.fd);
    }
    this.#workers.stop(graceMs);
    this.#finishIfDone();
  }

  #ended(failure: Error | undefined): void {
    if (failure !== undefined) {
      add(this.#workers.own, ERRORS, 1);
      this.#task.report({ where: "worker", message: failure.message });
    }
    if (!this.#isListening) this.#finishIfDone();
    else if (!this.#retry.isSet) this.listen();
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

/**
 * A fixed number of workers, each with a place: whoever dies is replaced. It is what stands behind pre-forked children, the
 * threads of a pool, and a loop that runs several times.
 *
 * The server keeps a copy of each listening socket for as long as it serves, so what waits in the socket's queue outlives
 * the worker that would have taken it.
 */
import { F_DUPFD_CLOEXEC } from "../abi/index.ts";
import { checked } from "../socket/index.ts";
import { close, fcntl } from "../sys/index.ts";
import { add, ERRORS } from "./counters.ts";
import type { Limits } from "./limits.ts";
import type { Json } from "./service.ts";
import type { ServerHandle, ServerTask } from "./task.ts";
import { type WorkerHandle, Workers } from "./workers.ts";

/** A worker that has lived for less than this is replaced later and later. */
const YOUNG_MS = 1000;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5000;

/** What one worker is for. */
export interface WorkerPlace {
  /** One of the task's sockets; the worker gets a copy. */
  readonly fd: number;
  readonly part: Json;
  readonly limits: Limits;
}

export interface StandingOptions {
  readonly design: string;
  readonly task: ServerTask;
  readonly in: "threads" | "processes";
  readonly places: readonly WorkerPlace[];
  readonly designMemory?: SharedArrayBuffer;
  /** Connections that a worker may have at a time. */
  readonly connectionsEach: number;
  /** Called when all have ended. */
  readonly cleanUp?: () => void;
}

/** @throws Error where the first workers cannot be started; the task's sockets are still the caller's then. */
export function startStanding(options: StandingOptions): ServerHandle {
  return new StandingWorkers(options);
}

interface Standing {
  readonly place: WorkerPlace;
  worker: WorkerHandle | undefined;
  startedMs: number;
  delayMs: number;
  timer: NodeJS.Timeout | undefined;
}

class StandingWorkers implements ServerHandle {
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  readonly #options: StandingOptions;
  readonly #workers: Workers;
  readonly #standing: readonly Standing[];
  #settle: (failure: Error | undefined) => void = () => {};
  #isReady = false;
  #failure: Error | undefined;
  #isListening = true;

  constructor(options: StandingOptions) {
    this.#options = options;
    const { design, task, places, designMemory, connectionsEach } = options;
    this.#workers = new Workers({
      design,
      task,
      in: options.in,
      max: places.length,
      connectionsEach,
      ...(designMemory === undefined ? {} : { designMemory }),
      ended: (worker, failure) => this.#ended(worker, failure),
    });
    this.#standing = places.map((place) => ({
      place,
      worker: undefined,
      startedMs: 0,
      delayMs: FIRST_DELAY_MS,
      timer: undefined,
    }));
    this.done = new Promise((resolve, reject) => {
      this.#settle = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    this.done.catch(() => {});
    this.ready = this.#startAll();
    this.ready.catch(() => {});
  }

  readonly workerCount = (): number => this.#workers.size;

  readonly refresh = (): void => this.#workers.sum();

  stop(graceMs: number): void {
    for (const standing of this.#standing) clearTimeout(standing.timer);
    if (this.#isListening) {
      this.#isListening = false;
      const { fd, moreFds } = this.#options.task;
      for (const listening of [fd, ...moreFds]) close(listening);
    }
    this.#workers.stop(graceMs);
    this.#finishIfDone();
  }

  async #startAll(): Promise<void> {
    try {
      for (const standing of this.#standing) this.#start(standing);
      await Promise.all(this.#standing.map(({ worker }) => worker?.ready));
      this.#isReady = true;
    } catch (error) {
      this.#failure ??= error as Error;
      this.stop(0);
      throw error;
    }
  }

  #start(standing: Standing): void {
    const { place } = standing;
    const fd = checked("fcntl", fcntl(place.fd, F_DUPFD_CLOEXEC, 0));
    standing.startedMs = performance.now();
    standing.worker = this.#workers.start({ ...place, fd, isConnection: false });
  }

  #ended(worker: WorkerHandle, failure: Error | undefined): void {
    const { task } = this.#options;
    const standing = this.#standing.find((candidate) => candidate.worker === worker) as Standing;
    standing.worker = undefined;
    if (this.#workers.isStopping) {
      if (!this.#isReady) this.#failure ??= failure;
      this.#finishIfDone();
      return;
    }
    if (!this.#isReady) return;
    add(this.#workers.own, ERRORS, 1);
    task.report({ where: "worker", message: `${failure?.message ?? "a worker has ended"}; it is replaced` });
    this.#replaceLater(standing);
  }

  /** At once, unless it dies again and again. */
  #replaceLater(standing: Standing): void {
    const livedMs = performance.now() - standing.startedMs;
    if (livedMs >= YOUNG_MS) {
      standing.delayMs = FIRST_DELAY_MS;
      this.#replace(standing);
      return;
    }
    standing.timer = setTimeout(() => this.#replace(standing), standing.delayMs);
    standing.delayMs = Math.min(LAST_DELAY_MS, standing.delayMs * 2);
  }

  #replace(standing: Standing): void {
    if (this.#workers.isStopping) return;
    try {
      this.#start(standing);
    } catch (error) {
      this.#options.task.report({ where: "worker", message: (error as Error).message });
      standing.startedMs = performance.now();
      this.#replaceLater(standing);
    }
  }

  #finishIfDone(): void {
    if (this.#workers.size > 0) return;
    this.#workers.dispose();
    this.#options.cleanUp?.();
    this.#settle(this.#failure);
  }
}

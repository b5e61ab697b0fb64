/** A design's loop on a worker thread of its own. */
import { Socket as NodeSocket } from "node:net";
import { Worker } from "node:worker_threads";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../abi/index.ts";
import { workerOptions } from "../reactor/index.ts";
import { checked } from "../socket/index.ts";
import { close, socketpair } from "../sys/index.ts";
import { atExit, notAtExit } from "./at-exit.ts";
import { ParentChannel } from "./channel-parent.ts";
import { Control, type ControlData } from "./control.ts";
import type { Counters } from "./counters.ts";
import { tellWorkerEnded, tellWorkerStarted, type WorkerMessage } from "./diagnostics.ts";
import type { HeldTable } from "./held.ts";
import type { Launched, ThreadLaunch } from "./launch.ts";
import type { Limits } from "./limits.ts";
import type { Json, ServiceReference } from "./service.ts";
import type { Hub, HubOrder } from "./shared-state.ts";
import type { Kind, ServerEvent, ServerHandle, ServerTask } from "./task.ts";
import type { SourceMemory } from "./worker-rows.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly design: string;
  readonly fd: number;
  readonly kind: Kind;
  readonly service: ServiceReference;
  readonly limits: Limits;
  readonly part: Json;
  readonly index: number;
  readonly counters: Counters;
  readonly control: ControlData;
  /** The thread's end of its socketpair, if it has one. */
  readonly channel: number | undefined;
  readonly memory: SharedArrayBuffer | undefined;
  readonly designMemory: SharedArrayBuffer | undefined;
  readonly sourceMemory: SourceMemory | undefined;
  readonly shareWords: Int32Array | undefined;
  readonly held: HeldTable | undefined;
}

/** What the thread says: that it serves, or that something went wrong while it goes on. */
export type ThreadMessage = { readonly ready: true } | { readonly event: ServerEvent };

/**
 * Starts a thread.
 * @throws Error where there is none to be had (ERR_WORKER_INIT_FAILED, or EMFILE for its channel).
 */
export function launchThread(launch: ThreadLaunch): Launched {
  const { hub, control, report, ...rest } = launch;
  const link = hub === undefined ? undefined : new ThreadLink(hub, (error) => void fail(error));
  const { design, fd, kind, service, limits, part, index, counters, memory, designMemory } = rest;
  const { sourceMemory, shareWords, held } = rest;
  const workerData: ThreadData = {
    design,
    fd,
    kind,
    service,
    limits,
    part,
    index,
    counters,
    memory,
    designMemory,
    sourceMemory,
    shareWords,
    held,
    control: control.transferable,
    channel: link?.fd,
  };
  let worker: Worker;
  try {
    worker = new Worker(new URL("./thread-entry.js", import.meta.url), {
      workerData,
      name: `portolan ${design}`,
      ...workerOptions(),
    });
  } catch (error) {
    link?.close();
    throw error;
  }
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    control.stop(0);
  };
  const ended = new Promise<Error | undefined>((resolve) => {
    worker.once("error", (error: Error) => {
      failure ??= error;
    });
    worker.once("exit", (status) => {
      link?.close();
      if (status !== 0) failure ??= new Error(`a ${design} thread has ended with status ${status}`);
      resolve(failure);
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.on("message", (message: ThreadMessage) => {
      if ("ready" in message) resolve();
      else report(message.event);
    });
    void ended.then((error) => (error === undefined ? resolve() : reject(error)));
  });
  // Whoever waits for one of the two hears of a failure; the other must not count as unhandled.
  ready.catch(() => {});
  return { ready, ended, kill: () => void worker.terminate() };
}

/** Runs a task under a design on one thread: the whole server. @param part what the design's thread is to know */
export function startThread(design: string, task: ServerTask, part: Json = null): ServerHandle {
  const { fd } = task;
  const control = Control.create();
  const launched = launchThread({
    design,
    ...task,
    control,
    part,
    index: 0,
    hub: undefined,
    designMemory: undefined,
    sourceMemory: undefined,
    shareWords: undefined,
    held: undefined,
  });
  const worker: WorkerMessage = { service: task.name, design, kind: "thread", worker: 0 };
  tellWorkerStarted(worker);
  let workers = 1;
  // A process cannot exit while one of its threads is blocked in a system call.
  const stopAtExit = (): void => control.stop(0);
  atExit(stopAtExit);
  const done = launched.ended.then((failure) => {
    notAtExit(stopAtExit);
    workers = 0;
    control.closeSocket(fd);
    control.close();
    tellWorkerEnded(worker, failure);
    if (failure !== undefined) throw failure;
  });
  done.catch(() => {});
  return { ready: launched.ready, done, stop: (graceMs) => control.stop(graceMs), workerCount: () => workers };
}

/** The socketpair between a thread and the hub. */
class ThreadLink {
  /** The thread's end. */
  readonly fd: number;
  readonly #channel: ParentChannel;
  readonly #leave: () => void;

  constructor(hub: Hub, failed: (error: Error) => void) {
    const pair = new Int32Array(2);
    const type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    checked("socketpair", socketpair(AF_UNIX, type, 0, pair));
    this.fd = pair[1] as number;
    const link = hub.join((news) => this.#channel.send(news as unknown as Json));
    this.#leave = () => link.close();
    const take = (order: Json): void => link.take(order as unknown as HubOrder);
    this.#channel = new ParentChannel(new NodeSocket({ fd: pair[0] as number }), take, failed);
  }

  /** When the thread has ended. */
  close(): void {
    this.#leave();
    this.#channel.close();
    close(this.fd);
  }
}

/** A design's loop on a worker thread of its own. */
import { Worker } from "node:worker_threads";
import { Control, type ControlData } from "./control.ts";
import type { Counters } from "./counters.ts";
import type { Limits } from "./limits.ts";
import type { ServiceReference } from "./service.ts";
import type { Kind, ServerEvent, ServerHandle, ServerTask } from "./task.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly design: string;
  readonly fd: number;
  readonly kind: Kind;
  readonly service: ServiceReference;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly control: ControlData;
}

/** What the thread says: that it serves, or that something went wrong while it goes on. */
export type ThreadMessage = { readonly ready: true } | { readonly event: ServerEvent };

/** Runs a task under a design on a thread of its own. */
export function startThread(design: string, task: ServerTask): ServerHandle {
  const control = Control.create();
  const { fd, kind, service, limits, counters } = task;
  const workerData: ThreadData = { design, fd, kind, service, limits, counters, control: control.transferable };
  const worker = new Worker(new URL("./thread-entry.js", import.meta.url), { workerData, name: `portolan ${design}` });
  // A process cannot exit while one of its threads is blocked in a system call.
  const stopAtExit = (): void => control.stop(0);
  process.once("exit", stopAtExit);

  let failure: Error | undefined;
  const done = new Promise<void>((resolve, reject) => {
    worker.once("error", (error) => {
      failure = error;
    });
    worker.once("exit", () => {
      process.off("exit", stopAtExit);
      control.closeSocket(fd);
      control.close();
      if (failure === undefined) resolve();
      else reject(failure);
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.on("message", (message: ThreadMessage) => {
      if ("ready" in message) resolve();
      else task.report(message.event);
    });
    done.then(resolve, reject);
  });
  // Whoever waits for one of the two hears of a failure; the other must not count as unhandled.
  ready.catch(() => {});
  done.catch(() => {});
  return { ready, done, stop: (graceMs) => control.stop(graceMs) };
}

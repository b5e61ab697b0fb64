/** Servers from start to stop: what `up` and `serve` have in common. */
import type { Limits, Placement, ServerDesign } from "../server/index.ts";
import { EXIT } from "../service/index.ts";
import { isSystemError } from "../socket/index.ts";
import type { Context } from "./context.ts";
import { describeFailure, Failure } from "./failure.ts";
import { Fleet, type Plan } from "./fleet.ts";
import type { Inheritance } from "./succession/inheritance.ts";
import { notifyManager } from "./succession/service-manager.ts";
import { Succession } from "./succession/succession.ts";
import type { UnixFolder } from "./unix-folder.ts";
import { JsonView } from "./views/json.ts";
import { LinesView } from "./views/lines.ts";
import { LiveView } from "./views/live.ts";
import type { View } from "./views/view.ts";

export interface RunOptions {
  readonly json: boolean;
  /** Whether counters are shown while the servers run. */
  readonly counters: boolean;
  readonly design: ServerDesign | undefined;
  readonly placement: Placement;
  /** Threads or processes of each server; the design's own number if undefined. */
  readonly workers?: number | undefined;
  readonly limits: Partial<Limits>;
  readonly graceMs: number;
  /** What a process before this one hands on; where to go on with it. */
  readonly inheritance: Inheritance | undefined;
  /** Where unix sockets are, if that is this process's to remove. */
  readonly folder?: UnixFolder;
  /** Whether to go on without the servers whose address is taken. */
  readonly skipTaken: boolean;
  /** What to do about an address that is taken, in a clause. */
  readonly takenCure: string;
}

/**
 * Serves until SIGINT or SIGTERM, or until a new process has taken over, which SIGHUP asks for. Showing counters also ends when nobody reads them any more; a server that was only
 * asked to serve goes on then, for a script that has read the endpoint may close the pipe.
 * @throws Failure, SystemError where a server cannot start, or dies.
 */
export async function runServers(
  plans: readonly Plan[],
  context: Context,
  self: string,
  options: RunOptions,
): Promise<void> {
  const stop = context.stopSignals().signal;
  const signal = options.counters ? AbortSignal.any([stop, context.out.broken]) : stop;
  const view = chooseView(context, self, options);
  const { design, placement, limits, workers, inheritance, folder } = options;
  const fleet = await Fleet.start(plans, {
    design,
    inheritance,
    placement,
    limits,
    workers,
    signal,
    trouble: (plan, event) => view.trouble(plan, event),
    refused: (plan, error) => {
      if (!isSystemError(error, "EADDRINUSE")) return error;
      if (!options.skipTaken) return new Failure(EXIT.UNAVAILABLE, `${error.message}; ${options.takenCure}`);
      view.skipped(plan, error);
      return undefined;
    },
  }).catch((error: unknown) => {
    inheritance?.refuse(describeFailure(error).message);
    throw error;
  });
  let successor: number | undefined;
  // A signal during the start: there is nothing to show.
  if (!signal.aborted) {
    if (fleet.members.length === 0) throw new Failure(EXIT.UNAVAILABLE, "every address is taken; nothing to serve");
    const succession = await Succession.open({
      fleet,
      context,
      inheritance,
      folder,
      reloading: () => view.reloading(),
      failed: (why) => view.reloadFailed(why),
    });
    view.started(fleet);
    if (inheritance === undefined) notifyManager("READY=1");
    else inheritance.accept();
    const timer = options.counters ? setInterval(() => look(view, context), view.intervalMs) : undefined;
    try {
      successor = await endOf(fleet, signal, succession);
    } finally {
      clearInterval(timer);
      succession.close();
    }
    if (successor === undefined) notifyManager("STOPPING=1");
    else folder?.leave();
    view.stopping(options.graceMs, successor);
  }
  await fleet.stop(options.graceMs, successor !== undefined);
  view.stopped();
}

/**
 * Waits until the signal comes or another process has taken over.
 * @returns that process's id
 * @throws what a server died of
 */
async function endOf(fleet: Fleet, signal: AbortSignal, { succeeded }: Succession): Promise<number | undefined> {
  try {
    const successor = await Promise.race([aborted(signal), fleet.died, succeeded]);
    if (successor !== undefined) return successor;
    if (!signal.aborted) throw new Error("a server has ended by itself");
    return undefined;
  } catch (error) {
    await fleet.stop(0);
    throw error;
  }
}

function look(view: View, { out }: Context): void {
  view.tick();
  out.checkReader();
}

function chooseView(context: Context, self: string, { json, counters }: RunOptions): View {
  if (json) return new JsonView(context.out, self);
  return counters && context.out.isTerminal ? new LiveView(context, self) : new LinesView(context, self);
}

/** Resolves when a signal is aborted, by whatever reason. */
function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

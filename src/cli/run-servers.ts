/** Servers from start to stop: what `up` and `serve` have in common. */
import type { Limits, MetricsEndpoint, Placement, Server, ServerDesign } from "../server/index.ts";
import { EXIT, usualEndpoint } from "../service/index.ts";
import { isSystemError } from "../socket/index.ts";
import type { Context } from "./context.ts";
import { describeFailure, Failure } from "./failure.ts";
import { Fleet, type Plan } from "./fleet.ts";
import { startMetrics } from "./metrics.ts";
import type { HangUps } from "./succession/hang-ups.ts";
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
  /** Where metrics are to be read, as an endpoint; nowhere if undefined. */
  readonly metrics: string | undefined;
  readonly hangUps: HangUps;
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
  const fleet = await startFleet(plans, signal, view, options);
  if (signal.aborted) {
    // A signal during the start: there is nothing to show. What a predecessor has handed on it keeps.
    await fleet.stop(options.graceMs, options.inheritance !== undefined);
    options.inheritance?.refuse("the new process was told to stop before it served");
    view.stopped();
    return;
  }
  if (fleet.members.length === 0) {
    const why = "every address is taken; nothing to serve";
    options.inheritance?.refuse(why);
    throw new Failure(EXIT.UNAVAILABLE, why);
  }
  await using metrics = await openMetrics(fleet, options);
  const successor = await runUntilEnd({ fleet, metrics, context, signal, view }, options);
  const { graceMs, folder } = options;
  if (successor === undefined) {
    notifyManager("STOPPING=1");
    view.stopping(graceMs, undefined);
    await fleet.stop(graceMs);
  } else {
    folder?.leave();
    // A scraper that stays has its next request answered, as clients have: it may be under way.
    const scraped = metrics?.succeed();
    view.stopping(graceMs, successor);
    await Promise.all([fleet.stop(graceMs, true), scraped && settledWithin(scraped, graceMs)]);
  }
  view.stopped();
}

/** @throws Failure, SystemError where one cannot start that has to; a predecessor has been told to go on then. */
async function startFleet(
  plans: readonly Plan[],
  signal: AbortSignal,
  view: View,
  options: RunOptions,
): Promise<Fleet> {
  const { design, placement, limits, workers, inheritance } = options;
  try {
    return await Fleet.start(plans, {
      design,
      inheritance,
      placement,
      limits,
      measureLoops: options.metrics !== undefined,
      workers,
      signal,
      trouble: (plan, event) => view.trouble(plan, event),
      refused: (plan, error) => {
        if (isSystemError(error, "EACCES") && error.port !== undefined) {
          const cure = `choose a port from 1024 on, such as ${usualEndpoint(plan.entry)}`;
          return new Failure(EXIT.NOPERM, `${error.message}; ${cure}`);
        }
        if (!isSystemError(error, "EADDRINUSE")) return error;
        if (!options.skipTaken) return new Failure(EXIT.UNAVAILABLE, `${error.message}; ${options.takenCure}`);
        view.skipped(plan, error);
        return undefined;
      },
    });
  } catch (error) {
    inheritance?.refuse(describeFailure(error).message);
    throw error;
  }
}

/** @throws what hinders it; the fleet has been stopped then, and a predecessor told to go on. */
async function openMetrics(fleet: Fleet, { metrics, inheritance }: RunOptions): Promise<MetricsEndpoint | undefined> {
  if (metrics === undefined) return undefined;
  try {
    const servers = (): Server[] => fleet.members.map(({ server }) => server);
    return await startMetrics(metrics, { servers }, inheritance);
  } catch (error) {
    await fleet.stop(0, inheritance !== undefined);
    inheritance?.refuse(describeFailure(error).message);
    throw error;
  }
}

interface Running {
  readonly fleet: Fleet;
  readonly metrics: MetricsEndpoint | undefined;
  readonly context: Context;
  readonly signal: AbortSignal;
  readonly view: View;
}

/** Shows that all serve, and how it goes. @returns the process id of a successor, if that is why it ends */
async function runUntilEnd(
  { fleet, metrics, context, signal, view }: Running,
  { hangUps, inheritance, folder, counters, metrics: listen }: RunOptions,
): Promise<number | undefined> {
  const succession = await Succession.open({
    fleet,
    metrics: metrics && { listen: listen as string, endpoint: metrics },
    inheritance,
    folder,
    reloading: () => view.reloading(),
    failed: (why) => view.reloadFailed(why),
  });
  view.started(fleet, metrics);
  if (inheritance === undefined) {
    notifyManager("READY=1");
  } else {
    inheritance.accept();
    folder?.take();
  }
  hangUps.onEach(() => succession.reload());
  const timer = counters ? setInterval(() => look(view, context), view.intervalMs) : undefined;
  try {
    return await endOf(fleet, signal, succession);
  } finally {
    clearInterval(timer);
    succession.close();
  }
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

/** Resolves when a promise does, or when the time is over. */
async function settledWithin(promise: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** Resolves when a signal is aborted, by whatever reason. */
function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

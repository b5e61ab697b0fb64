/** Several servers as one: started together, counted together, stopped together. */
import {
  type CounterValues,
  type Json,
  type Limits,
  type Placement,
  type Server,
  type ServerDesign,
  type ServerEvent,
  serve,
} from "../server/index.ts";
import type { ServiceEntry } from "../service/index.ts";
import { asUsage } from "./failure.ts";
import type { Inheritance } from "./succession/inheritance.ts";

/** A service at an endpoint, to be started. */
export interface Plan {
  readonly entry: ServiceEntry;
  readonly listen: string;
  /** The service's own, by name. */
  readonly options?: Json;
}

/** A server that runs. */
export interface Member {
  /** Where it was asked for, perhaps with port 0. */
  readonly listen: string;
  readonly entry: ServiceEntry;
  readonly server: Server;
}

export interface FleetOptions {
  readonly design: ServerDesign | undefined;
  readonly placement: Placement;
  readonly workers?: number | undefined;
  readonly limits: Partial<Limits>;
  /** Whether loops are to measure themselves, for metrics. */
  readonly measureLoops: boolean;
  /** Something went wrong that a server survived. */
  readonly trouble: (plan: Plan, event: ServerEvent) => void;
  /** A server could not start: gives what to fail with, or undefined to go on without it. */
  readonly refused: (plan: Plan, error: unknown) => unknown;
  /** What a process before this one hands on. */
  readonly inheritance: Inheritance | undefined;
  /** Once aborted, no more servers are started. */
  readonly signal: AbortSignal;
}

export class Fleet {
  readonly members: readonly Member[];
  /** Settles when a server has ended by itself: rejects with what ended it. */
  readonly died: Promise<void>;

  private constructor(members: readonly Member[]) {
    this.members = members;
    this.died = members.length === 0 ? Promise.resolve() : Promise.race(members.map(({ server }) => server.done));
    // Whoever waits for it hears of it; until then it must not count as unhandled.
    this.died.catch(() => {});
  }

  /**
   * Starts servers one after the other; where one cannot start, those that run are stopped again.
   * @throws what `refused` gives.
   */
  static async start(plans: readonly Plan[], options: FleetOptions): Promise<Fleet> {
    const members: Member[] = [];
    const trouble = onceForDesign(options.trouble);
    for (const plan of plans) {
      if (options.signal.aborted) break;
      try {
        members.push({ entry: plan.entry, listen: plan.listen, server: await startOne(plan, { ...options, trouble }) });
      } catch (error) {
        // Its own children hear a Ctrl-C too, and may have ended of it: that is no failure.
        if (options.signal.aborted) break;
        const failure = options.refused(plan, asUsage(error));
        if (failure === undefined) continue;
        const isSucceeded = options.inheritance !== undefined;
        await Promise.allSettled(members.map(({ server }) => server.stop({ isSucceeded })));
        throw failure;
      }
    }
    return new Fleet(members);
  }

  /** The sums of all counters. */
  totals(): CounterValues {
    const totals: Record<string, number> = {};
    for (const { server } of this.members) {
      for (const [name, value] of Object.entries(server.counters())) totals[name] = (totals[name] ?? 0) + value;
    }
    return totals as CounterValues;
  }

  /**
   * Stops all; resolves when they have ended, however they did.
   * @param isSucceeded whether others have the sockets
   */
  async stop(graceMs: number, isSucceeded = false): Promise<void> {
    await Promise.allSettled(this.members.map(({ server }) => server.stop({ graceMs, isSucceeded })));
  }
}

/** That another design serves is the same for every server: it is said once. */
function onceForDesign(trouble: FleetOptions["trouble"]): FleetOptions["trouble"] {
  let isTold = false;
  return (plan, event) => {
    if (event.where === "design" && isTold) return;
    isTold ||= event.where === "design";
    trouble(plan, event);
  };
}

function startOne(plan: Plan, options: FleetOptions): Promise<Server> {
  const { design, placement, limits, workers, measureLoops, trouble, inheritance } = options;
  const listenFd = inheritance?.take(plan.entry.name, plan.listen);
  return serve(plan.entry.reference(plan.options), {
    ...(listenFd === undefined ? { listen: plan.listen } : { listenFd }),
    placement,
    limits,
    measureLoops,
    report: (event) => trouble(plan, event),
    ...(design === undefined ? {} : { design: design.name }),
    ...(workers === undefined ? {} : { workers }),
  });
}

/** What a server design is given, and nothing else: a socket, a service, limits. */

import type { DatagramGate, ResourceFactory, SharesMemory } from "../protocol/index.ts";
import type { Control } from "./control.ts";
import type { Counters } from "./counters.ts";
import type { HeldDescriptors } from "./held.ts";
import type { Limits } from "./limits.ts";
import type { Json, Service, ServiceReference } from "./service.ts";
import type { SharedAccess } from "./shared-state-desk.ts";
import type { SourceCounts } from "./source-counts.ts";

/** The two kinds of socket a server is built on: connections, or datagrams. */
export type Kind = "stream" | "datagram";

/** Where a loop runs: on a thread of its own, blocking; or inside Node's loop on the thread that starts it. */
export type Placement = "thread" | "node";

/** A server to be started: what in it is data can be handed to a thread. */
export interface ServerTask {
  /** A listening stream socket, or a bound datagram socket; the server's from now on. */
  readonly fd: number;
  /** More sockets at the same address, for further workers: there are never more of them than those. */
  readonly moreFds: readonly number[];
  readonly kind: Kind;
  readonly service: ServiceReference;
  /** What the service calls itself. */
  readonly name: string;
  /** Whether loops are to measure their passes and how late their timers come. */
  readonly measuresLoops: boolean;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly placement: Placement;
  /** How many threads or processes are to serve; undefined: as many as the design likes. */
  readonly workers: number | undefined;
  /** What the service's conversations share, if they do. */
  readonly resources: Readonly<Record<string, ResourceFactory>> | undefined;
  /** Memory for all threads of the server, if the service asks for it. */
  readonly memory: SharedArrayBuffer | undefined;
  /** Makes what decides whom the service answers by datagrams, if it has that: for a design that decides before it starts a worker. */
  readonly makeGate: () => DatagramGate | undefined;
  /** Told of what goes wrong while the server goes on. */
  readonly report: Report;
}

/** A task on the thread where it runs. */
export interface RunningTask extends Pick<ServerTask, "fd" | "kind" | "limits" | "counters" | "report"> {
  readonly service: Service;
  readonly options: Json;
  readonly control: Control;
  /** Which of several workers this is, from 0. */
  readonly index: number;
  /** What this one of several workers is to do, as its design wrote it. */
  readonly part: Json;
  /** Undefined where the worker is not a thread of the server's process, or the service has not asked for it. */
  readonly memory: SharedArrayBuffer | undefined;
  /** What the threads of a design share among themselves, if they do. */
  readonly designMemory: SharedArrayBuffer | undefined;
  /** Where connections are counted by their source with those of other workers; undefined where there are no others. */
  readonly sources: SourceCounts | undefined;
  /** Where it counts sources of datagrams with others; undefined where it is the only worker. */
  readonly shares: SharesMemory | undefined;
  /** Where threads mark their connections, so that those can be closed for one that has died. */
  readonly held: HeldDescriptors | undefined;
  /** The way to what conversations share; undefined for a service whose conversations share nothing. */
  readonly shared: SharedAccess | undefined;
}

/** One thing that went wrong, for a log. */
export interface ServerEvent {
  /** `accept`, `protocol` … */
  readonly where: string;
  readonly message: string;
}

/** Who is told of what went wrong. */
export type Report = (event: ServerEvent) => void;

/** A server that runs. */
export interface ServerHandle {
  /** Settles when it serves; rejects where it cannot start. */
  readonly ready: Promise<void>;
  /** Settles when the server has stopped; rejects if it died. */
  readonly done: Promise<void>;
  /** Brings the task's counters up to date, where each of several workers counts on its own. */
  readonly refresh?: () => void;
  /** How many threads or processes serve now; absent where it is the caller's own loop. */
  readonly workerCount?: () => number;
  /** Takes no new work, lets open connections go on for at most `graceMs`, then closes them. */
  stop(graceMs: number): void;
}

/** Another design in the place of one that cannot run. */
export interface Substitute {
  readonly design: ServerDesign;
  /** Why the other cannot run, as a clause. */
  readonly why: string;
}

/** How connections meet loops, threads and processes. */
export interface ServerDesign {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** What a client costs under it, and who waits for whom. */
  readonly cost: string;
  /** When to use it. */
  readonly suits: string;
  readonly kinds: readonly Kind[];
  readonly placements: readonly Placement[];
  /** How many threads or processes it can be told to use; absent where there is nothing to tell. */
  readonly maxWorkers?: number;
  /** Whether its workers are processes, which see no memory of the server's threads. */
  readonly usesProcesses?: boolean;
  /** Whether each worker is to have a listening socket of its own, where an address can have several. */
  readonly socketPerWorker?: boolean;
  /** What serves where this machine does not let the design run; absent for one that runs everywhere. */
  substitute?(): Substitute | undefined;
  /** Starts a server; called on the thread that asked for it. */
  start(task: ServerTask): ServerHandle;
  /**
   * The part that runs on a thread or in a process of its own, blocking until the control says stop.
   * @param serving called once clients are served: what fails before that fails the start
   */
  run(task: RunningTask, serving: () => void): void;
}

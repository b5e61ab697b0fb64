/** What a server design is given, and nothing else: a socket, a service, limits. */
import type { Control } from "./control.ts";
import type { Counters } from "./counters.ts";
import type { Limits } from "./limits.ts";
import type { Json, Service, ServiceReference } from "./service.ts";

/** The two kinds of socket a server is built on: connections, or datagrams. */
export type Kind = "stream" | "datagram";

/** Where a loop runs: on a thread of its own, blocking; or inside Node's loop on the thread that starts it. */
export type Placement = "thread" | "node";

/** A server to be started: everything in it but `report` can be handed to a thread. */
export interface ServerTask {
  /** A listening stream socket, or a bound datagram socket; the server's from now on. */
  readonly fd: number;
  readonly kind: Kind;
  readonly service: ServiceReference;
  readonly limits: Limits;
  readonly counters: Counters;
  readonly placement: Placement;
  /** Told of what goes wrong while the server goes on. */
  readonly report: Report;
}

/** A task on the thread where it runs. */
export interface RunningTask extends Pick<ServerTask, "fd" | "kind" | "limits" | "counters" | "report"> {
  readonly service: Service;
  readonly options: Json;
  readonly control: Control;
}

/** One thing that went wrong, for a log. */
export interface ServerEvent {
  /** `accept`, `protocol` … */
  readonly where: string;
  readonly message: string;
}

export type Report = (event: ServerEvent) => void;

/** A server that runs. */
export interface ServerHandle {
  /** Settles when it serves; rejects where it cannot start. */
  readonly ready: Promise<void>;
  /** Settles when the server has stopped; rejects if it died. */
  readonly done: Promise<void>;
  /** Takes no new work, lets open connections go on for at most `graceMs`, then closes them. */
  stop(graceMs: number): void;
}

/** How connections meet loops, threads and processes. */
export interface ServerDesign {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  readonly kinds: readonly Kind[];
  readonly placements: readonly Placement[];
  /** Starts a server; called on the thread that asked for it. */
  start(task: ServerTask): ServerHandle;
  /** The part that runs on a thread of its own, blocking until the control says stop. */
  run(task: RunningTask): void;
}

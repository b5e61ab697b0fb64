/** Starting the part of a design that blocks: in a thread or in a process, it is given the same and tells the same. */
import type { Control } from "./control.ts";
import type { Counters } from "./counters.ts";
import type { HeldTable } from "./held.ts";
import type { Limits } from "./limits.ts";
import type { Json, ServiceReference } from "./service.ts";
import type { Hub, HubOrder } from "./shared-state.ts";
import type { Kind, Report } from "./task.ts";
import type { SourceMemory, WorkerRows } from "./worker-rows.ts";

/** What a worker is started with. */
export interface Launch {
  readonly design: string;
  /** Its own descriptor, or in a process its copy of it. */
  readonly fd: number;
  readonly kind: Kind;
  readonly service: ServiceReference;
  readonly limits: Limits;
  readonly part: Json;
  readonly control: Control;
  readonly counters: Counters;
  /** Its number, from 0. */
  readonly index: number;
  /** What its conversations share is here; undefined where they share nothing, or it is theirs alone. */
  readonly hub: Hub | undefined;
  readonly report: Report;
}

/** For threads. */
export interface ThreadLaunch extends Launch {
  readonly memory: SharedArrayBuffer | undefined;
  readonly designMemory: SharedArrayBuffer | undefined;
  readonly sourceMemory: SourceMemory | undefined;
  readonly shareWords: Int32Array | undefined;
  readonly held: HeldTable | undefined;
}

/** For processes. */
export interface ChildLaunch extends Launch {
  readonly rows: WorkerRows;
  /** Whether it counts sources of datagrams with the others. */
  readonly isSharing: boolean;
}

/** A worker that was started. */
export interface Launched {
  /** Of a process. */
  readonly pid?: number;
  /** Settles when it serves; rejects where it ends before. */
  readonly ready: Promise<void>;
  /** Settles when it has ended, with what it died of. */
  readonly ended: Promise<Error | undefined>;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
}

/** What a worker says of itself over a channel. Threads without a channel say it by message. */
export type WorkerNews =
  | HubOrder
  | readonly ["ready"]
  | readonly ["event", where: string, message: string]
  /** It could not start. */
  | readonly ["unable", message: string];

/** There is no process for a worker; why was reported. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";

  constructor() {
    super("no worker can be started");
  }
}

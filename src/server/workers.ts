/**
 * The workers of one server: threads or processes that are started, counted together, stopped and, at worst, killed.
 *
 * It lives inside Node's loop, on the thread that asked for the server, and never waits there. What workers do they do by
 * themselves; only their comings and goings are seen here.
 */
import { close } from "../sys/index.ts";
import { atExit, notAtExit } from "./at-exit.ts";
import { launchChild } from "./child.ts";
import { Control } from "./control.ts";
import { ACTIVE, type Counters, createCounters } from "./counters.ts";
import { tellWorkerEnded, tellWorkerStarted, type WorkerMessage } from "./diagnostics.ts";
import { createHeldTable, HeldDescriptors, type HeldTable } from "./held.ts";
import type { Launch, Launched } from "./launch.ts";
import type { Limits } from "./limits.ts";
import { resetOnClose } from "./reset.ts";
import type { Json } from "./service.ts";
import { Hub } from "./shared-state.ts";
import { reportingResource } from "./shared-state-access.ts";
import { SourceCounts, sourceShape } from "./source-counts.ts";
import type { ServerTask } from "./task.ts";
import { launchThread } from "./thread.ts";
import { clearRow, WorkerRows } from "./worker-rows.ts";

/** After the grace, how long a worker may take to end before it is killed. */
const KILL_AFTER_MS = 2000;

export interface WorkersOptions {
  readonly design: string;
  readonly task: ServerTask;
  readonly in: "threads" | "processes";
  /** How many there may be at a time. */
  readonly max: number;
  /** What the design's own threads share. */
  readonly designMemory?: SharedArrayBuffer;
  /** Connections that a worker may have at a time, where workers accept by themselves and count the sources. */
  readonly connectionsEach?: number;
  /** Called when one has ended, after what it left was closed. */
  readonly ended: (worker: WorkerHandle, failure: Error | undefined) => void;
}

/** What one worker is started for. */
export interface WorkerJob {
  /**
   * Its descriptor, which is the worker's from now on. A thread closes it, or it is closed when the thread has died; of a
   * process's, this process's copy is closed at once.
   */
  readonly fd: number;
  /** Whether the descriptor is a client's, who is to see a reset where nobody serves it; else it is closed quietly. */
  readonly isConnection: boolean;
  readonly part?: Json;
  readonly limits?: Limits;
}

export interface WorkerHandle {
  readonly index: number;
  readonly part: Json;
  /** Settles when it serves; rejects where it ends before. */
  readonly ready: Promise<void>;
  readonly control: Control;
}

interface Member extends WorkerHandle {
  readonly job: WorkerJob;
  readonly launched: Launched;
}

export class Workers {
  /** What the server itself counts. */
  readonly own: Counters = createCounters();
  readonly #options: WorkersOptions;
  readonly #rows: WorkerRows;
  readonly #sources: SourceCounts | undefined;
  readonly #held: HeldTable | undefined;
  readonly #hub: Hub | undefined;
  readonly #members = new Map<number, Member>();
  readonly #stopAtExit = (): void => this.#tellAll(0);
  #graceMs: number | undefined;
  #killer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  /** @throws SystemError EMFILE, ENOMEM … */
  constructor(options: WorkersOptions) {
    this.#options = options;
    const { task } = options;
    const inThreads = options.in === "threads";
    const { max, connectionsEach } = options;
    const isCounted = task.limits.maxPerSource > 0 && connectionsEach !== undefined;
    const shape = isCounted ? sourceShape(max, connectionsEach) : undefined;
    this.#rows = inThreads ? WorkerRows.forThreads(max, shape) : WorkerRows.forProcesses(max, shape);
    const memory = this.#rows.sourceMemory;
    this.#sources = memory && new SourceCounts(memory.words, memory.shape);
    this.#held = inThreads ? createHeldTable() : undefined;
    if (task.resources !== undefined) this.#hub = new Hub(task.resources, reportingResource(task.report));
    // A process cannot exit while one of its threads is blocked in a system call.
    atExit(this.#stopAtExit);
  }

  get size(): number {
    return this.#members.size;
  }

  get isFull(): boolean {
    return this.#members.size >= this.#options.max;
  }

  /**
   * Starts one. Where that is not possible the descriptor is closed, with a reset for a connection's peer.
   * @throws RangeError beyond `max`; Error where the system has no more threads, processes, memory or descriptors.
   */
  start(job: WorkerJob): WorkerHandle {
    const { fd, isConnection, part = null, limits = this.#options.task.limits } = job;
    let control: Control | undefined;
    let launched: Launched;
    const index = this.#freeIndex();
    const held = isConnection ? this.#heldBy(index) : undefined;
    try {
      const row = this.#rows.row(index);
      clearRow(row);
      control = Control.create(row.words);
      const { design, task } = this.#options;
      const { kind, service, report } = task;
      const { counters } = row;
      held?.add(fd);
      launched = this.#launch({
        design,
        fd,
        kind,
        service,
        limits,
        part,
        control,
        counters,
        index,
        hub: this.#hub,
        report,
      });
    } catch (error) {
      control?.close();
      held?.delete(fd);
      if (isConnection) resetOnClose(fd);
      close(fd);
      throw error;
    }
    if (this.#options.in === "processes") close(fd);
    const member: Member = { job, index, part, control, launched, ready: launched.ready };
    this.#members.set(index, member);
    tellWorkerStarted(this.#messageOf(member));
    void launched.ended.then((failure) => this.#end(member, failure));
    if (this.#graceMs !== undefined) control.stop(this.#graceMs);
    return member;
  }

  /** Asks all to stop, those too that are started from now on; a second call may shorten the grace. */
  stop(graceMs: number): void {
    this.#graceMs = graceMs;
    this.#tellAll(graceMs);
    clearTimeout(this.#killer);
    this.#killer = setTimeout(() => {
      for (const { launched } of this.#members.values()) launched.kill();
    }, graceMs + KILL_AFTER_MS);
    this.#killer.unref();
  }

  get isStopping(): boolean {
    return this.#graceMs !== undefined;
  }

  /** Adds up what all have counted, into the server's counters. */
  sum(): void {
    if (!this.#isDisposed) this.#rows.sum(this.own, this.#options.task.counters);
  }

  /** When all have ended. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.sum();
    this.#isDisposed = true;
    clearTimeout(this.#killer);
    notAtExit(this.#stopAtExit);
    this.#rows.dispose();
  }

  #launch(launch: Launch): Launched {
    const isSharing = this.#isSharing;
    if (this.#options.in === "processes") return launchChild({ ...launch, rows: this.#rows, isSharing });
    const { task, designMemory } = this.#options;
    return launchThread({
      ...launch,
      memory: task.memory,
      designMemory,
      sourceMemory: this.#rows.sourceMemory,
      shareWords: isSharing ? this.#rows.shareWords : undefined,
      held: this.#held,
    });
  }

  /** Whether workers answer datagrams that nobody has counted before. */
  get #isSharing(): boolean {
    const { connectionsEach, task } = this.#options;
    return task.kind === "datagram" && connectionsEach !== undefined;
  }

  #freeIndex(): number {
    for (let index = 0; index < this.#options.max; index++) if (!this.#members.has(index)) return index;
    throw new RangeError(`a server has at most ${this.#options.max} workers at a time`);
  }

  #heldBy(index: number): HeldDescriptors | undefined {
    return this.#held === undefined ? undefined : new HeldDescriptors(this.#held, index);
  }

  #tellAll(graceMs: number): void {
    for (const { control } of this.#members.values()) control.stop(graceMs);
  }

  #end(member: Member, failure: Error | undefined): void {
    const { index, control, job } = member;
    this.#members.delete(index);
    if (this.#options.in === "threads" && !job.isConnection) control.closeSocket(job.fd);
    this.#heldBy(index)?.closeAll();
    this.#sources?.clear(index);
    control.close();
    this.#rows.row(index).counters[ACTIVE] = 0;
    tellWorkerEnded(this.#messageOf(member), failure);
    this.#options.ended(member, failure);
  }

  #messageOf({ index, launched: { pid } }: Member): WorkerMessage {
    const { design, task } = this.#options;
    const kind = this.#options.in === "threads" ? "thread" : "process";
    return { service: task.name, design, kind, worker: index, ...(pid === undefined ? {} : { pid }) };
  }
}

/**
 * Who may come in, for whoever accepts: a limit for each source, a rate for all, and what to do when there are no more
 * descriptors. Where a limit is met there is one line in the log, and another at most every so often: what is refused a
 * thousand times a second must not write a thousand lines.
 */
import { errnoMessage, errnoName } from "../abi/index.ts";
import { close } from "../sys/index.ts";
import { AcceptRate } from "./accept-rate.ts";
import { add, addFor, REFUSED, REFUSED_DESCRIPTORS, REFUSED_SOURCE, RESTED_RATE } from "./counters.ts";
import { tellRefused } from "./diagnostics.ts";
import { isOutOfDescriptors, Reserve } from "./reserve.ts";
import { resetOnClose } from "./reset.ts";
import { NOWHERE, SourceCounts } from "./source-counts.ts";
import type { RunningTask } from "./task.ts";

/** After the system had nothing to accept with, how long to leave connections in the backlog. */
export const ACCEPT_RETRY_MS = 100;
/** Between two lines about the same thing. */
const QUIET_MS = 10_000;

/** A connection that is not let in; it is closed already. */
export const REFUSED_PLACE = -2;

/** A connection that was let in. */
export interface AcceptedClient {
  readonly fd: number;
  /** Where its source is counted. */
  readonly place: number;
}

type Task = Pick<RunningTask, "fd" | "counters" | "index" | "limits" | "report" | "sources"> & {
  readonly service: { readonly name: string };
};

export class Admission {
  readonly #task: Task;
  readonly #sources: SourceCounts | undefined;
  readonly #rate: AcceptRate | undefined;
  readonly #reserve = new Reserve();
  /** When each thing was last told, and how often it has happened since. */
  readonly #told = new Map<string, { atMs: number; since: number }>();

  constructor(task: Task) {
    const { acceptsPerSecond, maxConnections, maxPerSource } = task.limits;
    this.#task = task;
    if (maxPerSource > 0) this.#sources = task.sources ?? SourceCounts.alone(maxConnections);
    if (acceptsPerSecond > 0) this.#rate = new AcceptRate(acceptsPerSecond, performance.now());
  }

  /**
   * Decides on a connection that was accepted.
   * @returns where its source is counted, to be given to {@link leave}; {@link REFUSED_PLACE} where it was turned away
   */
  enter(fd: number): number {
    this.#reserve.restore();
    if (this.#sources === undefined) return NOWHERE;
    const { index, limits } = this.#task;
    const place = this.#sources.admit(index, fd, limits.maxPerSource);
    if (place !== NOWHERE) return place;
    this.turnAway(fd, REFUSED_SOURCE, `its source has ${limits.maxPerSource} already, and may have no more`);
    return REFUSED_PLACE;
  }

  /** A connection that was let in has ended. */
  leave(place: number): void {
    if (place !== NOWHERE) this.#sources?.release(place);
  }

  /** Counts a connection that was accepted. @returns for how long to accept none; 0: go on */
  restMs(nowMs: number): number {
    if (this.#rate === undefined) return 0;
    const waitMs = this.#rate.take(nowMs);
    if (waitMs > 0) add(this.#task.counters, RESTED_RATE, 1);
    return waitMs;
  }

  /** Refuses a connection, with a reset. @param counter of the reason */
  turnAway(fd: number, counter: number, why: string): void {
    addFor(this.#task.counters, REFUSED, counter);
    tellRefused(this.#task.service.name, this.#task.index, counter, 1);
    resetOnClose(fd);
    close(fd);
    this.tell(`connection refused: ${why}`, `refused ${counter}`);
  }

  /**
   * After accept4 has failed: where there are no descriptors left, turns away who waits.
   * @returns whether to wait for the next client; false where it has to be tried again later
   */
  cope(errno: number): boolean {
    const { counters, fd } = this.#task;
    const refused = isOutOfDescriptors(errno) ? this.#reserve.refuse(fd) : undefined;
    const call = `accept4: ${errnoName(errno)}, ${errnoMessage(errno)}`;
    if (refused === undefined) {
      this.tell(`${call}; trying again in ${ACCEPT_RETRY_MS} ms`);
      return false;
    }
    // That the last descriptor has been given out hurts nobody yet.
    if (refused === 0) return true;
    add(counters, REFUSED, refused);
    add(counters, REFUSED_DESCRIPTORS, refused);
    tellRefused(this.#task.service.name, this.#task.index, REFUSED_DESCRIPTORS, refused);
    const cure = "new clients are refused until others leave; ulimit -n or LimitNOFILE= allows more";
    this.tell(`${call}; ${cure}`, call, refused);
    return true;
  }

  /** When nobody is accepted any more. */
  close(): void {
    this.#reserve.close();
  }

  /**
   * Writes a line to the log, unless one about the same was written just now.
   * @param what it is about
   * @param times how often it has happened
   */
  tell(message: string, what: string = message, times = 1): void {
    const nowMs = performance.now();
    const told = this.#told.get(what);
    if (told !== undefined && nowMs - told.atMs < QUIET_MS) {
      told.since += times;
      return;
    }
    const more = told === undefined || told.since === 0 ? "" : ` (${told.since} more since this was last told)`;
    this.#told.set(what, { atMs: nowMs, since: 0 });
    this.#task.report({ where: "accept", message: message + more });
  }
}

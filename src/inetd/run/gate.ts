/** The bounds of one service: who may be let in now, and if not, why not. */
import { loadavg } from "node:os";
import type { ServiceLimits } from "../model.ts";

/** Why somebody is turned away, by xinetd's words. `cps` and `cpm`: too many in a second, or a minute. */
export type Refusal =
  | "address"
  | "cpm"
  | "cps"
  | "load"
  | "per_source_limit"
  | "process_limit"
  | "service_limit"
  | "time";

/** Whether it is one after which the service has to rest. */
export function isTooMany(refusal: Refusal | undefined): boolean {
  return refusal === "cps" || refusal === "cpm";
}

const MILLISECONDS = 1000;
const MINUTE_MS = 60_000;

/** Bounds of all services together. */
export class SharedGate {
  max: number;
  running = 0;

  constructor(max: number) {
    this.max = max;
  }
}

/** Bounds of one service. What is admitted has to be released. */
export class Gate {
  #limits: ServiceLimits;
  readonly #shared: SharedGate;
  readonly #bySource = new Map<string, number>();
  #running = 0;
  readonly #second = new Window(MILLISECONDS);
  readonly #minute = new Window(MINUTE_MS);
  #failuresSinceMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(limits: ServiceLimits, shared: SharedGate) {
    this.#limits = limits;
    this.#shared = shared;
  }

  get running(): number {
    return this.#running;
  }

  /** Takes other limits from now on; what runs goes on. */
  set limits(limits: ServiceLimits) {
    this.#limits = limits;
  }

  /** Counts one that comes. @returns `cps` or `cpm` where there were too many by now: then the service has to rest. */
  arrive(nowMs: number): Refusal | undefined {
    const { connectionsPerSecond, connectionsPerMinute } = this.#limits;
    const isMany = this.#second.count(nowMs) > connectionsPerSecond;
    if (this.#minute.count(nowMs) > connectionsPerMinute) return "cpm";
    return isMany ? "cps" : undefined;
  }

  /** After either: which bound it was, for the log. */
  tooMany(what: "connections" | "datagrams" | "starts"): string {
    const { connectionsPerSecond, connectionsPerMinute } = this.#limits;
    if (this.#minute.counted > connectionsPerMinute) return `more than ${connectionsPerMinute} ${what} in one minute`;
    return `more than ${connectionsPerSecond} ${what} in one second`;
  }

  /** Lets one in. @returns why not, and then nothing has been counted. */
  admit(source: string): Refusal | undefined {
    const { instances, perSource, maxLoad } = this.#limits;
    const ofSource = this.#bySource.get(source) ?? 0;
    if (this.#running >= instances) return "service_limit";
    if (ofSource >= perSource) return "per_source_limit";
    if (this.#shared.running >= this.#shared.max) return "process_limit";
    if (maxLoad !== undefined && (loadavg()[0] as number) >= maxLoad) return "load";
    this.#running++;
    this.#shared.running++;
    this.#bySource.set(source, ofSource + 1);
    return undefined;
  }

  /** One that was let in has ended. */
  release(source: string): void {
    this.#running--;
    this.#shared.running--;
    const ofSource = (this.#bySource.get(source) ?? 1) - 1;
    if (ofSource > 0) this.#bySource.set(source, ofSource);
    else this.#bySource.delete(source);
  }

  /** Counts a failure. @returns whether there are so many that the service has to rest. */
  fail(nowMs: number): boolean {
    const { failures, restSeconds } = this.#limits;
    if (nowMs - this.#failuresSinceMs > restSeconds * MILLISECONDS) {
      this.#failuresSinceMs = nowMs;
      this.#failures = 0;
    }
    this.#failures++;
    if (this.#failures < failures) return false;
    this.#failures = 0;
    return true;
  }

  /** How long a rest is that begins now: where a minute's bound was met, not less than what is left of that minute. */
  restMs(nowMs: number): number {
    const restMs = this.#limits.restSeconds * MILLISECONDS;
    const isMany = this.#minute.counted > this.#limits.connectionsPerMinute;
    return isMany ? Math.max(restMs, this.#minute.endMs - nowMs) : restMs;
  }
}

/** Counts what comes within a span of time, which begins with the first. */
class Window {
  counted = 0;
  endMs = Number.NEGATIVE_INFINITY;
  readonly #lengthMs: number;

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** @returns how many have come by now, this one included. */
  count(nowMs: number): number {
    if (nowMs >= this.endMs) {
      this.endMs = nowMs + this.#lengthMs;
      this.counted = 0;
    }
    return ++this.counted;
  }
}

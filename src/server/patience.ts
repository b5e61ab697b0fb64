/** How long a connection is waited for: the earliest of its bounds in time, and which it was. */
import { addFor, type Counters, TIMED_OUT, TIMED_OUT_HEADER, TIMED_OUT_IDLE, TIMED_OUT_TOTAL } from "./counters.ts";
import type { Limits } from "./limits.ts";

/** A bound in time that was passed. */
export interface Overdue {
  readonly counter: number;
  readonly reason: string;
}

const HEADER: Overdue = { counter: TIMED_OUT_HEADER, reason: "no complete request for too long" };
const IDLE: Overdue = { counter: TIMED_OUT_IDLE, reason: "idle for too long" };
const TOTAL: Overdue = { counter: TIMED_OUT_TOTAL, reason: "connected for too long" };

/**
 * When to look again whether a connection is overdue; Infinity: never.
 * @param lastMs when the last byte came or went
 * @param awaitsRequest whether its first complete request has yet to come, where the protocol knows
 */
export function dueMs(limits: Limits, openedMs: number, lastMs: number, awaitsRequest: boolean): number {
  const { headerMs, idleMs, totalMs } = limits;
  let due = idleMs > 0 ? lastMs + idleMs : Number.POSITIVE_INFINITY;
  if (totalMs > 0) due = Math.min(due, openedMs + totalMs);
  if (awaitsRequest && headerMs > 0) due = Math.min(due, openedMs + headerMs);
  return due;
}

/** Which bound was passed at `nowMs`, where {@link dueMs} was then or before; it is counted. */
export function takeOverdue(
  limits: Limits,
  counters: Counters,
  openedMs: number,
  lastMs: number,
  nowMs: number,
): string {
  const { idleMs, totalMs } = limits;
  let overdue = HEADER;
  if (totalMs > 0 && openedMs + totalMs <= nowMs) overdue = TOTAL;
  else if (idleMs > 0 && lastMs + idleMs <= nowMs) overdue = IDLE;
  addFor(counters, TIMED_OUT, overdue.counter);
  return overdue.reason;
}

/**
 * What a server counts. The numbers live in shared memory, written by the thread that serves and read by any other;
 * each has one writer, and a reader may see one a moment before its neighbour.
 */

import { type Histogram, placesOf } from "./histograms.ts";

/** Names of the counters, in the order of their places. */
export const COUNTER_NAMES = [
  "accepted",
  "active",
  "aborted",
  "bytesIn",
  "bytesOut",
  "datagramsIn",
  "datagramsOut",
  "datagramsDropped",
  "errors",
  "refused",
  "timedOut",
  // Why: each of the following is a part of a count above.
  "refusedDescriptors",
  "refusedSource",
  "refusedWorkers",
  "timedOutHeader",
  "timedOutIdle",
  "timedOutTotal",
  "abortedBytes",
  // How often accepting has rested, and clients were left in the backlog.
  "restedConnections",
  "restedRate",
  "abortedTotalBytes",
] as const;

/** The name of one count. */
export type CounterName = (typeof COUNTER_NAMES)[number];
/** `active` is a gauge; the others only grow. */
export type CounterValues = Readonly<Record<CounterName, number>>;

export const ACCEPTED = 0;
export const ACTIVE = 1;
export const ABORTED = 2;
export const BYTES_IN = 3;
export const BYTES_OUT = 4;
export const DATAGRAMS_IN = 5;
export const DATAGRAMS_OUT = 6;
export const DATAGRAMS_DROPPED = 7;
export const ERRORS = 8;
export const REFUSED = 9;
export const TIMED_OUT = 10;
/** Part of {@link REFUSED}: no descriptor was left, or none that the backend can watch. */
export const REFUSED_DESCRIPTORS = 11;
/** Part of {@link REFUSED}: the source had as many connections as one may have. */
export const REFUSED_SOURCE = 12;
/** Part of {@link REFUSED}: no thread or process could be started. */
export const REFUSED_WORKERS = 13;
/** Parts of {@link TIMED_OUT}. */
export const TIMED_OUT_HEADER = 14;
export const TIMED_OUT_IDLE = 15;
export const TIMED_OUT_TOTAL = 16;
/** Part of {@link ABORTED}: more waited for the peer than may. */
export const ABORTED_BYTES = 17;
export const RESTED_CONNECTIONS = 18;
export const RESTED_RATE = 19;
/** Part of {@link ABORTED}: more waited for all peers than may, and most for this one. */
export const ABORTED_TOTAL_BYTES = 20;

/** How long connections were open, when they closed. From 1 ms to 70 minutes. */
export const CONNECTION_DURATION: Histogram = { first: COUNTER_NAMES.length, unitsPerMs: 1, bounds: 23 };
/** What passes of a loop took, where that is measured. From 1 µs to 1 s. */
export const LOOP_PASS: Histogram = after(CONNECTION_DURATION, { unitsPerMs: 1000, bounds: 21 });
/** How late timers of a loop came, where that is measured. From 125 µs to 4 s. */
export const LOOP_LAG: Histogram = after(LOOP_PASS, { unitsPerMs: 8, bounds: 16 });

export type Counters = Float64Array;

export function createCounters(): Counters {
  const places = LOOP_LAG.first + placesOf(LOOP_LAG);
  return new Float64Array(new SharedArrayBuffer(places * Float64Array.BYTES_PER_ELEMENT));
}

export function counterNameAt(place: number): CounterName {
  return COUNTER_NAMES[place] as CounterName;
}

/** A copy of the counters, by name. */
export function readCounters(counters: Counters): CounterValues {
  const values: Partial<Record<CounterName, number>> = {};
  COUNTER_NAMES.forEach((name, place) => {
    values[name] = counters[place] as number;
  });
  return values as CounterValues;
}

/** Counts something refused, timed out or aborted: in all, and by its reason. */
export function addFor(counters: Counters, place: number, reason: number): void {
  add(counters, place, 1);
  add(counters, reason, 1);
}

export function add(counters: Counters, place: number, amount: number): void {
  counters[place] = (counters[place] as number) + amount;
}

function after(before: Histogram, shape: Omit<Histogram, "first">): Histogram {
  return { first: before.first + placesOf(before), ...shape };
}

/**
 * Measures a loop, where that was asked for: what each pass takes, which is the time of the clocks that the loop takes
 * anyway; and how late a timer comes that is set for this alone, since busy loops and busy processors are late alike.
 */
import { Deadline, type Reactor } from "../reactor/index.ts";
import { type Counters, LOOP_LAG, LOOP_PASS } from "./counters.ts";
import { observe } from "./histograms.ts";

/** Between two timers: often enough to see a loop that is late for long, seldom enough to leave an idle processor idle. */
const PROBE_EVERY_MS = 500;

/** @returns what ends it */
export function measureLoop(reactor: Reactor, counters: Counters): () => void {
  reactor.onPass = (tookMs) => observe(counters, LOOP_PASS, tookMs);
  const { timers } = reactor;
  const probe: Deadline = new Deadline({
    expired() {
      // Not the loop's own time: what the pass has done before its timers makes them late too.
      const nowMs = performance.now();
      observe(counters, LOOP_LAG, Math.max(0, nowMs - probe.atMs));
      timers.set(probe, nowMs + PROBE_EVERY_MS);
    },
  });
  timers.set(probe, performance.now() + PROBE_EVERY_MS);
  return () => {
    reactor.onPass = undefined;
    timers.clear(probe);
  };
}

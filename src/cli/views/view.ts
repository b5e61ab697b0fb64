/** How servers at work are shown: to people at a terminal, to people by a log, to machines. */

import { SOCK_DGRAM } from "../../abi/index.ts";
import type { CounterValues, MetricsEndpoint, ServerEvent } from "../../server/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import type { Fleet, Member, Plan } from "../fleet.ts";
import { formatBytes, plural } from "../table.ts";

export interface View {
  /** All servers listen, and metrics can be read there if anywhere. */
  started(fleet: Fleet, metrics: MetricsEndpoint | undefined): void;
  /** One of them could not start, and the others go on. */
  skipped(plan: Plan, error: Error): void;
  /** Something went wrong that the server survived. */
  trouble(plan: Plan, event: ServerEvent): void;
  /** Shows the counters as they are now; called every {@link View.intervalMs}. */
  tick(): void;
  readonly intervalMs: number;
  /** A new process is being started, to take over. */
  reloading(): void;
  /** It has not come to that, and this one goes on. */
  reloadFailed(why: string): void;
  /** The wish to stop has come, or another process has taken over. */
  stopping(graceMs: number, successor: number | undefined): void;
  /** All have stopped. */
  stopped(): void;
}

/** Whether a member serves datagrams, which have no connections. */
export function isDatagram(member: Member): boolean {
  return parseEndpoint(member.server.endpoint).type === SOCK_DGRAM;
}

/** Everything that did not go as it should, in one number. */
export function faults(counters: CounterValues): number {
  return counters.errors + counters.aborted + counters.datagramsDropped;
}

/** Counters in words: `1 connection (0 open), 6 B in, 6 B out, 0 errors`. */
export function describeCounters(member: Member, counters: CounterValues): string {
  const work = isDatagram(member)
    ? `${plural(counters.datagramsIn, "datagram")} in, ${counters.datagramsOut} out`
    : `${plural(counters.accepted, "connection")} (${counters.active} open)`;
  const bytes = `${formatBytes(counters.bytesIn)} in, ${formatBytes(counters.bytesOut)} out`;
  return `${work}, ${bytes}, ${plural(faults(counters), "error")}`;
}

/** Remembers what was shown, to tell what has changed since. */
export class Changes {
  readonly #shown = new Map<Member, string>();

  /** The members whose counters have changed since they were last asked for, with their counters. */
  take(members: readonly Member[]): (readonly [Member, CounterValues])[] {
    const changed: (readonly [Member, CounterValues])[] = [];
    for (const member of members) {
      const counters = member.server.counters();
      const text = JSON.stringify(counters);
      if (text === this.#shown.get(member)) continue;
      const isFirst = !this.#shown.has(member);
      this.#shown.set(member, text);
      // Nothing has happened yet: no news.
      if (isFirst && Object.values(counters).every((value) => value === 0)) continue;
      changed.push([member, counters]);
    }
    return changed;
  }
}

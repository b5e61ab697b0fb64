/** The metrics of a super-server, as data: docs/guide/metrics.md has a row for each, and a test compares. */
import { formatLabels, type MetricDescription, type MetricFamily, type Sample } from "../../server/index.ts";
import type { Refusal } from "./gate.ts";
import type { RunnerState } from "./runner.ts";
import type { Tally } from "./tally.ts";

/** What a service says of itself at a moment. */
export interface ServiceView {
  readonly id: string;
  readonly state: RunnerState;
  readonly running: number;
  readonly tally: Tally;
}

interface ServiceMetric extends MetricDescription {
  read(view: ServiceView): readonly Sample[];
}

/** Why somebody is not served: who may come has been said, or the program could not be started (`fork`). */
const REASONS: Readonly<Record<Refusal | "fork", true>> = {
  address: true,
  cpm: true,
  cps: true,
  fork: true,
  load: true,
  per_source_limit: true,
  process_limit: true,
  service_limit: true,
  time: true,
};

const metrics: readonly ServiceMetric[] = [
  {
    ...described("running", "gauge", [], "services", "Programs and connections that go on."),
    read: (view) => [{ labels: labelsOf(view), value: view.running }],
  },
  {
    ...described("resting", "gauge", [], "services", "1 while the service rests and takes nobody, else 0."),
    read: (view) => [{ labels: labelsOf(view), value: view.state === "resting" ? 1 : 0 }],
  },
  {
    ...described(
      "started_total",
      "counter",
      [],
      "starts",
      "Programs that were started, connections that were taken, and datagrams that a built-in service was given.",
    ),
    read: (view) => [{ labels: labelsOf(view), value: view.tally.started }],
  },
  {
    ...described("refused_total", "counter", ["reason"], "refusals", "Who was turned away, by the reason of the log."),
    read: (view) =>
      Object.keys(REASONS).map((reason) => ({
        labels: labelsOf(view, { reason }),
        value: view.tally.refused.get(reason) ?? 0,
      })),
  },
  {
    ...described(
      "rests_total",
      "counter",
      [],
      "rests",
      "How often the service has begun to rest; those who come wait.",
    ),
    read: (view) => [{ labels: labelsOf(view), value: view.tally.rests }],
  },
  {
    ...described("exits_total", "counter", ["status"], "programs", "Programs that have exited, by their status."),
    read: (view) => byNumber(view, "status", view.tally.exits),
  },
  {
    ...described("killed_total", "counter", ["signal"], "programs", "Programs that a signal has ended, by its number."),
    read: (view) => byNumber(view, "signal", view.tally.kills),
  },
  {
    ...described(
      "duration_seconds",
      "histogram",
      [],
      "seconds",
      "How long programs ran, and connections lasted, counted when they end.",
    ),
    read: (view) => [{ labels: labelsOf(view), value: view.tally.durations }],
  },
];

/** Every metric of a super-server, in the order in which they are told. */
export const inetdMetricDescriptions: readonly MetricDescription[] = metrics;

export function familiesOf(views: readonly ServiceView[]): MetricFamily[] {
  return metrics.map((metric) => ({ ...metric, samples: views.flatMap((view) => metric.read(view)) }));
}

function described(
  name: string,
  type: MetricDescription["type"],
  more: readonly string[],
  unit: string,
  help: string,
): MetricDescription {
  return { name: `portolan_inetd_${name}`, type, labels: ["service", ...more], unit, help };
}

function labelsOf({ id }: ServiceView, more: Readonly<Record<string, string>> = {}): string {
  return formatLabels({ service: id, ...more });
}

function byNumber(view: ServiceView, label: string, counts: ReadonlyMap<number, number>): Sample[] {
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([number, value]) => ({ labels: labelsOf(view, { [label]: String(number) }), value }));
}

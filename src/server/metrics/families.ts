/** The metrics there are, as data: docs/guide/metrics.md has a row for each, and a test compares. */
import { COUNTER_NAMES, type CounterName, type CounterValues } from "../counters.ts";
import { reasonOf } from "../diagnostics.ts";
import type { HistogramValues } from "../histograms.ts";
import type { KernelQueue } from "../kernel-queue.ts";
import type { ServerHistograms } from "../serve.ts";
import { formatLabels, type MetricType, type Sample } from "./exposition.ts";
import type { SystemFigures } from "./system.ts";

/** What a metric is. */
export interface MetricDescription {
  readonly name: string;
  readonly type: MetricType;
  /** Its labels, beside `le` of histograms. */
  readonly labels: readonly string[];
  /** What it is counted in: `connections`, `bytes`, `seconds` … */
  readonly unit: string;
  /** What it says, and where it is from. */
  readonly help: string;
}

/** What one server says of itself at a moment. */
export interface ServerView {
  /** {@link SERVER_LABELS}, as they are written. */
  readonly labels: string;
  readonly isDatagram: boolean;
  readonly counters: CounterValues;
  /** Of those that were aborted, how many were so for reasons that have no counter. */
  readonly abortedOtherwise: number;
  readonly workers: number | undefined;
  readonly histograms: ServerHistograms;
  readonly queue: KernelQueue | undefined;
}

interface ServerMetric extends MetricDescription {
  read(view: ServerView): readonly Sample[];
}

interface ProcessMetric extends MetricDescription {
  read(figures: SystemFigures): number | undefined;
}

const SERVER_LABELS = ["service", "design", "endpoint"] as const;

type Words = readonly [name: string, unit: string, help: string];
/** Of which servers a metric speaks. */
type Audience = "all" | "streams" | "datagrams";

/** Of every server. */
export const serverMetrics: readonly ServerMetric[] = [
  gauge(["connections_active", "connections", "Connections that are open."], "streams", (view) => view.counters.active),
  counter(["connections_accepted_total", "connections", "Connections that were let in."], "streams", "accepted"),
  parts(
    ["connections_refused_total", "connections", "Connections that were reset at once, by the limit that was met."],
    "refused",
  ),
  parts(
    ["connections_timed_out_total", "connections", "Connections that were reset for their slowness, by the limit."],
    "timedOut",
  ),
  parts(
    [
      "connections_aborted_total",
      "connections",
      "Connections that the server reset: too many bytes waited for the peer, a time-out, or other reasons, such as an error of the protocol or the end of the server.",
    ],
    "aborted",
    ({ counters, abortedOtherwise }) => ({ timeout: counters.timedOut, other: abortedOtherwise }),
  ),
  histogram(
    ["connection_duration_seconds", "seconds", "How long connections were open, counted when they close."],
    (view) => view.histograms.connectionDuration,
  ),
  parts(
    [
      "accept_rests_total",
      "rests",
      "How often accepting has rested, by the limit that was met; clients wait meanwhile.",
    ],
    "rested",
  ),
  gauge(
    ["accept_queue_length", "connections", "Connections that wait in the kernel to be accepted (TCP_INFO)."],
    "streams",
    (view) => view.queue?.waiting,
  ),
  gauge(
    [
      "accept_queue_limit",
      "connections",
      "How many may wait: the backlog of listen, cut to net.core.somaxconn (TCP_INFO).",
    ],
    "streams",
    (view) => view.queue?.limit,
  ),
  counter(
    [
      "accept_queue_drops_total",
      "connections",
      "Connection attempts dropped by the kernel at these sockets, because the queue was full and for rarer reasons (SO_MEMINFO).",
    ],
    "streams",
    (view) => view.queue?.dropped,
  ),
  counter(["received_bytes_total", "bytes", "Bytes that were received."], "all", "bytesIn"),
  counter(["sent_bytes_total", "bytes", "Bytes that the service gave to be sent."], "all", "bytesOut"),
  counter(["received_datagrams_total", "datagrams", "Datagrams that were received."], "datagrams", "datagramsIn"),
  counter(
    ["sent_datagrams_total", "datagrams", "Datagrams that the kernel took to be sent."],
    "datagrams",
    "datagramsOut",
  ),
  counter(
    [
      "dropped_datagrams_total",
      "datagrams",
      "Answers that the kernel did not take, and requests for which there was no worker.",
    ],
    "datagrams",
    "datagramsDropped",
  ),
  gauge(
    ["receive_queue_bytes", "bytes", "Memory of the datagrams that wait in the kernel to be read (SO_MEMINFO)."],
    "datagrams",
    (view) => view.queue?.waiting,
  ),
  gauge(
    ["receive_queue_limit_bytes", "bytes", "How much of it there may be (SO_MEMINFO)."],
    "datagrams",
    (view) => view.queue?.limit,
  ),
  counter(
    [
      "receive_queue_drops_total",
      "datagrams",
      "Datagrams dropped by the kernel at these sockets, because the queue was full and for rarer reasons (SO_MEMINFO).",
    ],
    "datagrams",
    (view) => view.queue?.dropped,
  ),
  counter(
    ["errors_total", "errors", "System calls and protocols that failed, and workers that died."],
    "all",
    "errors",
  ),
  gauge(
    ["workers_active", "workers", "Threads or processes that serve now; not told of a server in Node's own loop."],
    "all",
    (view) => view.workers,
  ),
  histogram(
    [
      "loop_pass_seconds",
      "seconds",
      "What passes of the loop took: from the news that peers wait to the last answer given to the kernel.",
    ],
    (view) => view.histograms.loopPass,
  ),
  histogram(
    ["loop_lag_seconds", "seconds", "How late timers of the loop came, twice in a second."],
    (view) => view.histograms.loopLag,
  ),
];

/** Of the process, and of the system around it. */
export const processMetrics: readonly ProcessMetric[] = [
  {
    ...ofHost(
      "listen_overflows_total",
      "Times that a full accept queue turned a connection away (ListenOverflows of netstat).",
    ),
    read: ({ listen }) => listen?.overflows,
  },
  {
    ...ofHost(
      "listen_drops_total",
      "Connection attempts dropped at listening sockets for any reason (ListenDrops of netstat).",
    ),
    read: ({ listen }) => listen?.drops,
  },
  {
    ...ofProcess(
      "cpu_seconds_total",
      "counter",
      "seconds",
      "Processor time of this process, all its threads, not its children.",
    ),
    read: ({ cpuSeconds }) => cpuSeconds,
  },
  {
    ...ofProcess(
      "resident_memory_bytes",
      "gauge",
      "bytes",
      "Memory of this process, not its children, that is resident.",
    ),
    read: ({ residentBytes }) => residentBytes,
  },
  {
    ...ofProcess("virtual_memory_bytes", "gauge", "bytes", "Size of its address space."),
    read: ({ virtualBytes }) => virtualBytes,
  },
  {
    ...ofProcess("open_fds", "gauge", "descriptors", "Descriptors that are open."),
    read: ({ openDescriptors }) => openDescriptors,
  },
  {
    ...ofProcess("max_fds", "gauge", "descriptors", "Descriptors that may be open (ulimit -n)."),
    read: ({ mostDescriptors }) => mostDescriptors,
  },
  {
    ...ofProcess("start_time_seconds", "gauge", "seconds", "When the process began, since 1970."),
    read: ({ startTimeSeconds }) => startTimeSeconds,
  },
];

/** Every metric, in the order in which they are written. */
export const metricDescriptions: readonly MetricDescription[] = [...serverMetrics, ...processMetrics].map(
  ({ name, type, labels, unit, help }) => ({ name, type, labels, unit, help }),
);

type Read = (view: ServerView) => number | undefined;

function counter(words: Words, audience: Audience, what: CounterName | Read): ServerMetric {
  const read = typeof what === "string" ? ({ counters }: ServerView): number => counters[what] : what;
  return single("counter", words, audience, read);
}

function gauge(words: Words, audience: Audience, read: Read): ServerMetric {
  return single("gauge", words, audience, read);
}

function single(type: MetricType, [name, unit, help]: Words, audience: Audience, read: Read): ServerMetric {
  return {
    ...{ name: `portolan_${name}`, type, labels: SERVER_LABELS, unit, help: help },
    read(view) {
      if (audience === "streams" ? view.isDatagram : audience === "datagrams" && !view.isDatagram) return [];
      const value = read(view);
      return value === undefined ? [] : [{ labels: view.labels, value }];
    },
  };
}

function histogram([name, unit, help]: Words, read: (view: ServerView) => HistogramValues | undefined): ServerMetric {
  return {
    ...{ name: `portolan_${name}`, type: "histogram", labels: SERVER_LABELS, unit, help },
    read(view) {
      const value = read(view);
      return value === undefined ? [] : [{ labels: view.labels, value }];
    },
  };
}

/**
 * Of streams: the counters whose names begin so, each under the rest of its name as the reason.
 * @param others further reasons
 */
function parts(
  [name, unit, help]: Words,
  whole: "aborted" | "refused" | "timedOut" | "rested",
  others: (view: ServerView) => Readonly<Record<string, number>> = () => ({}),
): ServerMetric {
  const counters = partsOf(whole);
  return {
    ...{ name: `portolan_${name}`, type: "counter", labels: [...SERVER_LABELS, "reason"], unit, help },
    read(view) {
      if (view.isDatagram) return [];
      const counted = counters.map((counter) => [reasonOf(whole, counter), view.counters[counter]] as const);
      return [...counted, ...Object.entries(others(view))].map(([reason, value]) => ({
        labels: withReason(view.labels, reason),
        value,
      }));
    },
  };
}

/** The counters that are parts of another, by its name. */
export function partsOf(whole: string): readonly CounterName[] {
  return COUNTER_NAMES.filter((counter) => counter.startsWith(whole) && counter !== whole);
}

function withReason(labels: string, reason: string): string {
  return `${labels},${formatLabels({ reason })}`;
}

function ofHost(name: string, help: string): MetricDescription {
  return { name: `portolan_host_${name}`, type: "counter", labels: [], unit: "connections", help };
}

function ofProcess(name: string, type: MetricType, unit: string, help: string): MetricDescription {
  return { name: `process_${name}`, type, labels: [], unit, help };
}

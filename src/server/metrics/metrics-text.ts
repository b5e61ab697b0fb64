/** What is known of servers and of the process that they are in, as the text of a Prometheus scrape. */
import { SOCK_DGRAM } from "../../abi/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import type { CounterValues } from "../counters.ts";
import type { Server } from "../serve.ts";
import { formatFamilies, formatLabels, type MetricFamily } from "./exposition.ts";
import { partsOf, processMetrics, type ServerView, serverMetrics } from "./families.ts";
import { readSystem } from "./system.ts";

/**
 * The metrics of some servers of this process, and of the process, in Prometheus's text format 0.0.4. docs/guide/metrics.md
 * says what each means. Servers of the same service, design and endpoint are one series, and are added up.
 *
 * @param servers those that were started with `measureLoops` tell of their loops too.
 * @param others further families, which are told between those of the servers and those of the process.
 *
 * @example
 * const service = { url: import.meta.resolve("portolan/service"), export: "echo", options: null };
 * await using server = await serve(service, { listen: "tcp://127.0.0.1:0", measureLoops: true });
 * console.log(metricsText([server]));
 */
export function metricsText(servers: Iterable<Server>, others: Iterable<MetricFamily> = []): string {
  const views = [...servers].map(viewOf);
  const ofServers = serverMetrics.map(
    (metric): MetricFamily => ({ ...metric, samples: views.flatMap((view) => metric.read(view)) }),
  );
  const figures = readSystem();
  const ofProcess = processMetrics.map((metric): MetricFamily => {
    const value = metric.read(figures);
    return { ...metric, samples: value === undefined ? [] : [{ labels: "", value }] };
  });
  return formatFamilies([...ofServers, ...others, ...ofProcess]);
}

function viewOf(server: Server): ServerView {
  const { service, design, endpoint } = server;
  const counters = server.counters();
  return {
    labels: formatLabels({ service, design, endpoint }),
    isDatagram: parseEndpoint(endpoint).type === SOCK_DGRAM,
    counters,
    abortedOtherwise: abortedOtherwise(server, counters),
    workers: server.workerCount(),
    histograms: server.histograms(),
    queue: server.kernelQueue(),
  };
}

const toldOtherwise = new WeakMap<Server, number>();

/**
 * The rest of a sum whose parts other threads count meanwhile, and are read after it: it may be too small for a moment, but
 * what was told once must not shrink.
 */
function abortedOtherwise(server: Server, counters: CounterValues): number {
  const parts = partsOf("aborted").reduce((sum, part) => sum + counters[part], counters.timedOut);
  const rest = Math.max(counters.aborted - parts, toldOtherwise.get(server) ?? 0);
  toldOtherwise.set(server, rest);
  return rest;
}

/** What `/metrics` says, as the parser of Prometheus's own client library for Python reads it. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEndpoint, Socket } from "portolan";
import { inetdMetricDescriptions } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import {
  type MetricDescription,
  type MetricsEndpoint,
  metricDescriptions,
  type Server,
  serve,
  serveMetrics,
} from "portolan/server";
import { findService } from "portolan/service";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { ask, serviceOf, shell, startServices } from "../support/inetd-kit.ts";
import { outputOf } from "../support/programs.ts";
import { until } from "../support/until.ts";

const CLIENTS = 10;
const MESSAGE = "x".repeat(64);
const DATAGRAMS = 5;

/** The system's own first: a python that somebody installed for themselves lacks the system's packages. */
const python = ["/usr/bin/python3", "python3"].find((candidate) => {
  try {
    execFileSync(candidate, ["-c", "import prometheus_client.parser"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

const READ = `
import json, sys, urllib.request
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.metrics_core import METRIC_NAME_RE
answer = urllib.request.urlopen(sys.argv[1])
families = list(text_string_to_metric_families(answer.read().decode()))
assert all(METRIC_NAME_RE.match(family.name) for family in families)
print(json.dumps({
  "content": answer.headers["Content-Type"],
  "families": [{
    "name": family.name,
    "type": family.type,
    "help": family.documentation,
    "samples": [{ "name": sample.name, "labels": sample.labels, "value": sample.value } for sample in family.samples],
  } for family in families],
}))
`;

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

// A name that a label must escape.
const scratch = mkdtempSync(join(tmpdir(), 'portolan "met\\rics" '));
const servers: Server[] = [];
let read: { readonly content: string; readonly families: readonly Family[] };

async function converse(options: { readonly port: number } | { readonly path: string }): Promise<void> {
  const client = connect(options);
  client.write(MESSAGE);
  await once(client, "data");
  client.end();
  client.resume();
  await once(client, "close");
}

async function readFrom({ url }: MetricsEndpoint): Promise<unknown> {
  return JSON.parse(await outputOf(spawn(python as string, ["-c", READ, url as string])));
}

beforeAll(async () => {
  if (python === undefined) return;
  const echo = findService("echo")!.reference(null);
  const path = join(scratch, "echo");
  for (const listen of ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", `unix://${path}`]) {
    servers.push(await serve(echo, { listen, measureLoops: true }));
  }
  const [tcp, udp, unix] = servers as [Server, Server, Server];
  const port = Number(tcp.endpoint.split(":")[2]);
  for (let client = 0; client < CLIENTS; client++) await converse({ port });
  await converse({ path });
  using datagrams = new Socket("inet", "dgram");
  const { address } = parseEndpoint(udp.endpoint);
  for (let i = 0; i < DATAGRAMS; i++) {
    await datagrams.sendTo("12345678", address);
    await datagrams.recvFrom(100);
  }
  await until(() => tcp.counters().active === 0 && unix.counters().active === 0);
  await until(() => udp.counters().datagramsOut === DATAGRAMS);
  await using metrics = await serveMetrics({ listen: "tcp://127.0.0.1:0", servers: () => servers });
  read = (await readFrom(metrics)) as typeof read;
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  closeThreadReactor();
  rmSync(scratch, { recursive: true });
});

function needsParser(context: TestContext): void {
  if (python !== undefined) return;
  if (process.env.CI) throw new Error("python3-prometheus-client is not installed");
  context.skip("python3-prometheus-client is not installed");
}

/** The types, helps and names that the parser makes of descriptions: it takes the ending of counters for a part of the format. */
function asParsed(descriptions: readonly MetricDescription[]): Pick<Family, "help" | "name" | "type">[] {
  return descriptions.map(({ name, type, help }) => ({
    name: type === "counter" ? name.replace(/_total$/, "") : name,
    type,
    help,
  }));
}

/** The value of the one sample of a name at an endpoint, with other labels if given. */
function valueAt(server: Server | undefined, name: string, labels: Record<string, string> = {}): number | undefined {
  const wanted = server === undefined ? labels : { endpoint: server.endpoint, ...labels };
  const found = read.families
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(wanted).every(([label, text]) => sample.labels[label] === text));
  expect(found.length, name).toBeLessThanOrEqual(1);
  return found[0]?.value;
}

describe("the parser of prometheus_client", () => {
  it("finds every metric, of its type, with its help and its labels, once", (context) => {
    needsParser(context);
    expect(read.content).toBe("text/plain; version=0.0.4; charset=utf-8");
    const found = read.families.map(({ name, type, help }) => ({ name, type, help }));
    expect(found).toEqual(asParsed(metricDescriptions));
    for (const [at, { samples, name, type }] of read.families.entries()) {
      const labels = [...(metricDescriptions[at]?.labels ?? [])].sort();
      for (const sample of samples) {
        expect(
          Object.keys(sample.labels)
            .filter((label) => label !== "le")
            .sort(),
          name,
        ).toEqual(labels);
        expect(Number.isFinite(sample.value), name).toBe(true);
        const endings = { counter: ["_total"], gauge: [""], histogram: ["_bucket", "_sum", "_count"] }[type] ?? [];
        expect(endings.map((ending) => name + ending)).toContain(sample.name);
      }
    }
  });

  it("reads what the clients did", (context) => {
    needsParser(context);
    const [tcp, udp, unix] = servers;
    expect(valueAt(tcp, "portolan_connections_accepted_total")).toBe(CLIENTS);
    expect(valueAt(tcp, "portolan_received_bytes_total")).toBe(CLIENTS * MESSAGE.length);
    expect(valueAt(tcp, "portolan_sent_bytes_total")).toBe(CLIENTS * MESSAGE.length);
    expect(valueAt(tcp, "portolan_connection_duration_seconds_count")).toBe(CLIENTS);
    expect(valueAt(tcp, "portolan_connections_active")).toBe(0);
    expect(valueAt(tcp, "portolan_connections_refused_total", { reason: "source" })).toBe(0);
    expect(valueAt(udp, "portolan_received_datagrams_total")).toBe(DATAGRAMS);
    expect(valueAt(udp, "portolan_sent_datagrams_total")).toBe(DATAGRAMS);
    expect(valueAt(udp, "portolan_received_bytes_total")).toBe(DATAGRAMS * 8);
    // By its name, in which there is all that has to be escaped.
    expect(unix?.endpoint).toContain('"met\\rics"');
    expect(valueAt(unix, "portolan_connections_accepted_total", { service: "echo", design: "epoll" })).toBe(1);
  });

  it("reads of a super-server what its services did", async (context) => {
    needsParser(context);
    const script = shell('read line; [ "$line" = kill ] && kill -9 $$; exit 3');
    await using started = await startServices([serviceOf({ id: 'scr"ipt', program: script })]);
    const { inetd, endpoint } = started;
    await ask(endpoint, "exit\n");
    await ask(endpoint, "kill\n");
    await started.seen("EXIT", 2);
    const told = { servers: () => inetd.servers, others: () => inetd.metrics() };
    await using metrics = await serveMetrics({ listen: "tcp://127.0.0.1:0", ...told });
    const { families } = (await readFrom(metrics)) as typeof read;
    const known = new Set(metricDescriptions.map(({ help }) => help));
    const ours = families.filter(({ help }) => !known.has(help));
    expect(ours.map(({ name, type, help }) => ({ name, type, help }))).toEqual(asParsed(inetdMetricDescriptions));
    const samples = ours.flatMap((family) => family.samples);
    const service = 'scr"ipt';
    const samplesOf = (name: string): unknown => samples.filter((sample) => sample.name === `portolan_inetd_${name}`);
    expect(samplesOf("started_total")).toEqual([
      { name: "portolan_inetd_started_total", labels: { service }, value: 2 },
    ]);
    expect(samplesOf("exits_total")).toMatchObject([{ labels: { service, status: "3" }, value: 1 }]);
    expect(samplesOf("killed_total")).toMatchObject([{ labels: { service, signal: "9" }, value: 1 }]);
    expect(samplesOf("duration_seconds_count")).toMatchObject([{ labels: { service }, value: 2 }]);
    expect(samplesOf("refused_total")).toHaveLength(9);
  });

  it("finds histograms that rise to their count", (context) => {
    needsParser(context);
    const histograms = read.families.filter(({ type }) => type === "histogram");
    expect(histograms).toHaveLength(3);
    for (const { name, samples } of histograms) {
      for (const { labels, value: count } of samples.filter((sample) => sample.name === `${name}_count`)) {
        const buckets = samples.filter(
          (sample) => sample.name === `${name}_bucket` && sample.labels.endpoint === labels.endpoint,
        );
        expect(buckets.at(-1)).toMatchObject({ labels: { le: "+Inf" }, value: count });
        for (let at = 1; at < buckets.length; at++) {
          expect(buckets[at]?.value).toBeGreaterThanOrEqual(buckets[at - 1]?.value ?? Number.NaN);
        }
        const bounds = buckets.slice(0, -1).map((bucket) => Number(bucket.labels.le));
        expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
      }
    }
  });

  it("reads of the process what the process says", (context) => {
    needsParser(context);
    const { rss } = process.memoryUsage();
    expect(valueAt(undefined, "process_resident_memory_bytes")).toBeGreaterThan(rss / 4);
    expect(valueAt(undefined, "process_resident_memory_bytes")).toBeLessThan(rss * 4);
    const cpu = process.cpuUsage();
    expect(valueAt(undefined, "process_cpu_seconds_total")).toBeLessThanOrEqual((cpu.user + cpu.system) / 1e6);
    expect(valueAt(undefined, "process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(valueAt(undefined, "process_start_time_seconds")).toBeLessThan(Date.now() / 1000);
  });
});

import { Child, type Placement } from "./children.ts";
import { descriptorsAtRest, descriptorsReach, Holder, pause, slackMs, until } from "./holder.ts";
import { countDescriptors, readMemory } from "./memory.ts";
import type { BenchName, Options } from "./options.ts";
import type { Case, Measurement } from "./report.ts";
import { Scraper } from "./scraper.ts";
import type { Programs, Transport } from "./servers.ts";
import type { Summary } from "./stats.ts";

/** How a figure is shown, and what it is good for. */
export interface Metric {
  /** Its name in JSON; the unit is last. */
  readonly key: string;
  /** Its head in the table. */
  readonly head: string;
  /** The table shows the value times this. */
  readonly scale: number;
  /** Whether ours is divided by each peer's, and the spread over the rounds is told. */
  readonly compared: boolean;
}

/** One server that runs and is to be measured. */
export interface Subject {
  readonly pid: number;
  readonly port: number;
  /** Where its metrics can be read, if it has any. */
  readonly metrics: string | undefined;
}

export interface Context {
  readonly options: Options;
  readonly programs: Programs;
  /** Where the load runs. */
  readonly placement: Placement;
}

export interface Bench {
  readonly name: BenchName;
  readonly transport: Transport;
  readonly metrics: readonly Metric[];
  readonly cases: (options: Options) => Case[];
  readonly measure: (subject: Subject, parameters: Case["parameters"], context: Context) => Promise<Measurement>;
  /** Words that belong beside the figures. */
  readonly flags: (summary: Readonly<Record<string, Summary>>) => string[];
}

/** From here on a side counts as having been busy all the time. */
const busyShare = 0.95;
/** A share of lost datagrams from which on it is told. */
const tellLossShare = 0.0001;

const echoMetrics: readonly Metric[] = [
  { key: "requestsPerSecond", head: "k/s", scale: 1e-3, compared: true },
  { key: "cpuPerRequestUs", head: "CPU us", scale: 1, compared: true },
  { key: "latencyP50Us", head: "p50 us", scale: 1, compared: false },
  { key: "latencyP99Us", head: "p99 us", scale: 1, compared: false },
  { key: "peakMemoryBytes", head: "peak MB", scale: 1e-6, compared: false },
  { key: "serverBusyShare", head: "server %", scale: 100, compared: false },
  { key: "loadBusyShare", head: "load %", scale: 100, compared: false },
];

const idleMetrics: readonly Metric[] = [
  { key: "connectedBytes", head: "B each, connected", scale: 1, compared: true },
  { key: "echoedBytes", head: "B each, echoed once", scale: 1, compared: true },
  { key: "emptyMemoryBytes", head: "before MB", scale: 1e-6, compared: false },
  { key: "fullMemoryBytes", head: "after MB", scale: 1e-6, compared: false },
  { key: "peakMemoryBytes", head: "peak MB", scale: 1e-6, compared: false },
];

const slowMetrics: readonly Metric[] = [
  { key: "requestsPerSecond", head: "k/s beside", scale: 1e-3, compared: true },
  { key: "keptShare", head: "of k/s alone", scale: 1, compared: true },
  { key: "cpuPerRequestUs", head: "CPU us beside", scale: 1, compared: false },
  { key: "cpuPerRequestAloneUs", head: "alone", scale: 1, compared: false },
  { key: "latencyP99Us", head: "p99 us beside", scale: 1, compared: false },
  { key: "latencyP99AloneUs", head: "alone", scale: 1, compared: false },
];

const inetdMetrics: readonly Metric[] = [
  { key: "connectionUs", head: "us each", scale: 1, compared: true },
  { key: "latencyP50Us", head: "p50 us", scale: 1, compared: false },
  { key: "latencyP99Us", head: "p99 us", scale: 1, compared: false },
];

export const benches: readonly Bench[] = [
  { name: "tcp-echo", transport: "tcp", metrics: echoMetrics, cases: tcpCases, measure: measureTcp, flags: echoFlags },
  { name: "udp-echo", transport: "udp", metrics: echoMetrics, cases: udpCases, measure: measureUdp, flags: echoFlags },
  {
    name: "udp-runs",
    transport: "udp",
    metrics: echoMetrics,
    cases: () => [udpRuns(64, 32, 1024), udpRuns(1400, 16, 256)],
    measure: measureUdp,
    flags: echoFlags,
  },
  tcpBench("tcp-few", [1, 4], 64, 1),
  tcpBench("tcp-many", [1000, 10_000], 64, 1),
  tcpBench("tcp-large", [64], 16 * 1024, 1),
  tcpBench("tcp-pipelined", [64], 64, 16),
  tcpBench("tcp-bulk", [1000], 16 * 1024, 16),
  {
    name: "tcp-connect",
    transport: "tcp",
    metrics: echoMetrics,
    cases: () => [{ label: "64 conversations at a time", parameters: { connections: 64 } }],
    measure: measureConnect,
    flags: echoFlags,
  },
  { name: "tcp-idle", transport: "tcp", metrics: idleMetrics, cases: idleCases, measure: measureIdle, flags: () => [] },
  { ...tcpBench("tcp-metrics", [64], 64, 1), transport: "metrics", measure: measureMetrics },
  {
    name: "tcp-slow",
    transport: "tcp",
    metrics: slowMetrics,
    cases: slowCases,
    measure: measureSlow,
    flags: echoFlags,
  },
  {
    name: "inetd",
    transport: "inetd",
    metrics: inetdMetrics,
    cases: () => [{ label: "a program for each connection, one after the other", parameters: { connections: 1 } }],
    measure: measureSequence,
    flags: () => [],
  },
];

/** An echo bench whose cases are fixed, for figures that one wants to name. */
function tcpBench(name: BenchName, connections: readonly number[], sizeBytes: number, depth: number): Bench {
  const cases = (options: Options): Case[] =>
    tcpCases({ ...options, connections, sizes: [sizeBytes], depths: [depth] });
  return { name, transport: "tcp", metrics: echoMetrics, cases, measure: measureTcp, flags: echoFlags };
}

function tcpCases(options: Options): Case[] {
  return options.connections.flatMap((connections) =>
    options.sizes.flatMap((sizeBytes) =>
      options.depths.map((depth) => ({
        label: `${plural(connections, "connection")}, ${sizeBytes} B${depth > 1 ? `, ${depth} deep` : ""}`,
        parameters: { connections, sizeBytes, depth },
      })),
    ),
  );
}

function udpCases(options: Options): Case[] {
  return options.flows.flatMap((flows) =>
    options.sizes.map((sizeBytes) => {
      const windowPerFlow = Math.max(1, Math.floor(options.window / flows));
      return {
        label: `${plural(flows, "flow")}, ${sizeBytes} B, ${windowPerFlow * flows} in flight`,
        parameters: { flows, sizeBytes, windowPerFlow },
      };
    }),
  );
}

/** One flow whose sends are runs of datagrams, for the kernel to cut. */
function udpRuns(sizeBytes: number, run: number, windowPerFlow: number): Case {
  return {
    label: `1 flow, runs of ${run} x ${sizeBytes} B, ${windowPerFlow} in flight`,
    parameters: { flows: 1, sizeBytes, windowPerFlow, run },
  };
}

function idleCases(options: Options): Case[] {
  return [{ label: `${options.idle} idle connections`, parameters: { connections: options.idle } }];
}

function slowCases(options: Options): Case[] {
  const { slow } = options;
  return [
    {
      label: `64 connections, 64 B, beside ${slow} slow ones`,
      parameters: { connections: 64, sizeBytes: 64, depth: 1, slow },
    },
  ];
}

async function measureTcp(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  return await measureEcho("load", ["-c", at.connections!, "-s", at.sizeBytes!, "-d", at.depth!], subject, context);
}

/** As {@link measureTcp}, and whoever has metrics is asked for them all the while. */
async function measureMetrics(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  if (subject.metrics === undefined) return await measureTcp(subject, at, context);
  const scraper = new Scraper(subject.metrics);
  try {
    const measured = await measureTcp(subject, at, context);
    return { ...measured, scrapes: await scraper.stop() };
  } finally {
    await scraper.stop();
  }
}

/** Alone, twice beside the slow, and alone again: what drifts evenly meanwhile falls out. */
async function measureSlow(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  const count = at.slow!;
  const alone = [await measureTcp(subject, at, context)];
  const beside: Measurement[] = [];
  const descriptors = await descriptorsAtRest(subject.pid);
  const slow = new Holder(subject, context);
  try {
    await slow.tell(`connect ${count}`);
    await descriptorsReach(subject.pid, descriptors + count);
    await slow.tell(`drip ${Math.ceil(count / secondsPerDrip)}`);
    beside.push(await measureTcp(subject, at, context), await measureTcp(subject, at, context));
    const held = countDescriptors(subject.pid);
    if (held < descriptors + count) throw new Error(`of ${count} slow connections ${held - descriptors} are left`);
  } finally {
    await slow.stop();
  }
  await until(
    () => countDescriptors(subject.pid) <= descriptors,
    () => "the server holds connections that are gone",
  );
  alone.push(await measureTcp(subject, at, context));
  const mean = (of: readonly Measurement[], key: string): number => (of[0]![key]! + of[1]![key]!) / 2;
  const requestsPerSecond = mean(beside, "requestsPerSecond");
  return {
    ...beside[0],
    requestsPerSecond,
    keptShare: requestsPerSecond / mean(alone, "requestsPerSecond"),
    cpuPerRequestUs: mean(beside, "cpuPerRequestUs"),
    cpuPerRequestAloneUs: mean(alone, "cpuPerRequestUs"),
    latencyP99Us: mean(beside, "latencyP99Us"),
    latencyP99AloneUs: mean(alone, "latencyP99Us"),
  };
}

async function measureConnect(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  return await measureEcho("connect", ["-c", at.connections!], subject, context);
}

async function measureUdp(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  const args = ["-n", at.flows!, "-s", at.sizeBytes!, "-W", at.windowPerFlow!, "-g", at.run ?? 1];
  return await measureEcho("udp-load", args, subject, context);
}

/** What `sequence` prints. */
interface SequenceReport {
  readonly connections: number;
  readonly windowNs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

async function measureSequence(
  subject: Subject,
  _at: Case["parameters"],
  { options, placement, programs }: Context,
): Promise<Measurement> {
  const measuredMs = Math.round(options.seconds * 1000);
  const command = [programs.native("sequence"), "-p", subject.port, "-t", measuredMs, "-w", options.warmupMs];
  const load = new Child("sequence", command.map(String), placement);
  try {
    const timeoutMs = measuredMs + options.warmupMs + slackMs;
    const report = await load.waitFor((line) => JSON.parse(line) as SequenceReport, timeoutMs);
    await load.finish(slackMs);
    return {
      connectionUs: report.windowNs / report.connections / 1e3,
      latencyP50Us: report.p50Us,
      latencyP99Us: report.p99Us,
    };
  } finally {
    await load.stop();
  }
}

/** What both load generators print. */
interface LoadReport {
  readonly requests: number;
  readonly windowNs: number;
  readonly serverCpuNs: number;
  readonly serverWaitNs: number;
  readonly loadBusyNs: number;
  readonly loadWaitNs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly lost: number;
}

async function measureEcho(
  program: string,
  args: readonly (string | number)[],
  subject: Subject,
  context: Context,
): Promise<Measurement> {
  const measuredMs = Math.round(context.options.seconds * 1000);
  const times = ["-t", measuredMs, "-w", context.options.warmupMs, "-p", subject.port, "-P", subject.pid];
  const command = [context.programs.native(program), ...args.map(String), ...times.map(String)];
  const timeoutMs = measuredMs + context.options.warmupMs + slackMs;
  const load = new Child(program, command, context.placement);
  try {
    const report = await load.waitFor((line) => JSON.parse(line) as LoadReport, timeoutMs);
    await load.finish(slackMs);
    return {
      requestsPerSecond: report.requests / (report.windowNs / 1e9),
      cpuPerRequestUs: report.serverCpuNs / report.requests / 1e3,
      latencyP50Us: report.p50Us,
      latencyP99Us: report.p99Us,
      latencyP999Us: report.p999Us,
      serverBusyShare: report.serverCpuNs / report.windowNs,
      // A side that waits for its core is held up by a third: neither by its own work nor by the other side.
      serverWaitShare: report.serverWaitNs / report.windowNs,
      loadBusyShare: report.loadBusyNs / report.windowNs,
      loadWaitShare: report.loadWaitNs / report.windowNs,
      loadBound: isLoadBound(report) ? 1 : 0,
      lostShare: report.lost / (report.requests + report.lost),
      peakMemoryBytes: readMemory(subject.pid).peakBytes,
    };
  } finally {
    await load.stop();
  }
}

/** Asked of each round by itself, for sums of medians are no medians of sums. */
export function isLoadBound(
  report: Pick<LoadReport, "windowNs" | "serverCpuNs" | "serverWaitNs" | "loadBusyNs" | "loadWaitNs">,
): boolean {
  const load = (report.loadBusyNs + report.loadWaitNs) / report.windowNs;
  const server = (report.serverCpuNs + report.serverWaitNs) / report.windowNs;
  return load >= busyShare && server < busyShare;
}

/**
 * A row is load-bound where, in half of the rounds or more, the load had no time left and the server had: the server
 * could do more than it shows.
 */
function echoFlags(summary: Readonly<Record<string, Summary>>): string[] {
  const flags: string[] = [];
  if ((summary.loadBound?.median ?? 0) >= 0.5) flags.push("load-bound");
  const lost = summary.lostShare?.median ?? 0;
  if (lost >= tellLossShare) flags.push(`${(lost * 100).toFixed(2)} % lost`);
  return flags;
}

/** So many connections are opened, used and kept before the first look, so that code and first buffers are paid for. */
const warmConnections = 100;
/** The memory counts as at rest when this many looks in a row differ by less than this; or after the last one. */
const restLooks = 3;
const restBytes = 64 * 1024;
const maxLooks = 40;

/** From one byte of a slow connection to its next. */
const secondsPerDrip = 10;

async function measureIdle(subject: Subject, at: Case["parameters"], context: Context): Promise<Measurement> {
  const count = at.connections!;
  const helper = new Holder(subject, context);
  try {
    await helper.tell(`connect ${warmConnections}`);
    await helper.tell("echo");
    const before = await memoryAtRest(subject.pid);
    const descriptors = countDescriptors(subject.pid);
    await helper.tell(`connect ${count}`);
    await descriptorsReach(subject.pid, descriptors + count);
    const connected = await memoryAtRest(subject.pid);
    await helper.tell("echo");
    const echoed = await memoryAtRest(subject.pid);
    return {
      connectedBytes: (connected.ownBytes - before.ownBytes) / count,
      echoedBytes: (echoed.ownBytes - before.ownBytes) / count,
      emptyMemoryBytes: before.ownBytes,
      fullMemoryBytes: echoed.ownBytes,
      emptyResidentBytes: before.rssBytes,
      fullResidentBytes: echoed.rssBytes,
      peakMemoryBytes: echoed.peakBytes,
    };
  } finally {
    await helper.stop();
  }
}

async function memoryAtRest(pid: number): ReturnType<typeof readMemoryLater> {
  let last = await readMemoryLater(pid);
  for (let look = 0, calm = 0; look < maxLooks && calm < restLooks; look++) {
    const next = await readMemoryLater(pid);
    calm = Math.abs(next.ownBytes - last.ownBytes) < restBytes ? calm + 1 : 0;
    last = next;
  }
  return last;
}

async function readMemoryLater(pid: number): Promise<ReturnType<typeof readMemory>> {
  await pause();
  return readMemory(pid);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

import { parseArgs } from "node:util";

export const benchNames = [
  "tcp-echo",
  "tcp-few",
  "tcp-many",
  "tcp-large",
  "tcp-pipelined",
  "tcp-bulk",
  "tcp-connect",
  "tcp-idle",
  "tcp-metrics",
  "tcp-slow",
  "udp-echo",
  "udp-runs",
  "inetd",
] as const;
export type BenchName = (typeof benchNames)[number];

/** What one run does; lists are multiplied out into cases. */
export interface Options {
  readonly benches: readonly BenchName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupMs: number;
  /** TCP connections at once. */
  readonly connections: readonly number[];
  /** Bytes per message. */
  readonly sizes: readonly number[];
  /** Messages per connection that are sent before the first answer is awaited. */
  readonly depths: readonly number[];
  /** UDP sockets that the load sends from. */
  readonly flows: readonly number[];
  /** Datagrams in flight, all flows together. */
  readonly window: number;
  /** Connections held by tcp-idle. */
  readonly idle: number;
  /** Slow connections of tcp-slow. */
  readonly slow: number;
  /** Names of servers; empty means all. */
  readonly only: readonly string[];
  readonly seed: number;
  /** Undefined means the first allowed core for the server, the second for the load. */
  readonly serverCores: string | undefined;
  readonly loadCore: string | undefined;
  readonly json: boolean;
  readonly jsonOut: string | undefined;
  readonly appendResults: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

export const usage = `Usage: npm run bench -- [BENCH...] [OPTION...]

Benches (default: tcp-echo udp-echo)
  tcp-echo       ping-pong over TCP: throughput, CPU per request, latency, memory
  tcp-few        the same with 1 and with 4 connections, where the way to the next request is what counts
  tcp-many       with 1,000 and with 10,000 connections
  tcp-large      with 64 connections and messages of 16 KB
  tcp-pipelined  with 64 connections that are 16 messages of 64 B ahead
  tcp-bulk       with 1,000 connections that are 16 messages of 16 KB ahead
  tcp-connect    connect, one echo, end: 64 conversations at a time
  tcp-idle       memory per idle connection, before and after each has echoed once
  tcp-metrics    tcp-echo with 64 connections, with and without metrics that are scraped once in a second
  tcp-slow       tcp-echo with 64 connections, alone and beside slow ones that send a byte every ten seconds
  udp-echo       datagrams in a window: as tcp-echo
  udp-runs       the same with runs of datagrams that cross the kernel as one (UDP_SEGMENT, UDP_GRO)
  inetd          a super-server that starts a small C program for each connection, one after the other

Options
  --rounds N           interleaved rounds; medians are reported (5)
  --seconds S          measured time of each run (3)
  --warmup-ms MS       time before it, not measured (1000)
  --connections N,...  TCP connections at once (1,64,1000)
  --size BYTES,...     bytes per message (64)
  --depth N,...        TCP messages sent before the first answer is awaited (1)
  --flows N,...        UDP sockets of the load (1,64)
  --window N           datagrams in flight, all flows together (128)
  --idle N             connections of tcp-idle, which it adds to the benches (10000)
  --slow N             slow connections of tcp-slow (2000)
  --only NAME,...      only these servers (see --list)
  --seed N             seed of the order within each round (random)
  --server-cores LIST  cores of the server (the first allowed)
  --load-core N        core of the load (the second allowed)
  --quick              smoke: one round of 0.5 s, few cases; no figures to quote
  --json               print the report as JSON instead of tables
  --json-out FILE      where the report is written (bench/build/results-DATE.json)
  --append-results     append rows to bench/RESULTS.md
  --list               list the benches with their cases, and the servers, and end
  --help               this text

Examples
  npm run bench -- tcp-echo udp-echo
  npm run bench -- tcp-echo --connections 64 --only portolan-epoll,c-epoll
  npm run bench -- tcp-idle --idle 10000 --rounds 3
  npm run bench -- tcp-metrics --rounds 20
  npm run bench -- tcp-slow --only portolan-epoll,portolan-uring --rounds 10
  npm run bench -- inetd`;

/** A mistake in the command line; the message says which option and what it takes. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @throws UsageError for an unknown bench or option, or a value out of its bounds.
 */
export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  const quick = values.quick ?? false;
  const list = (name: ListName, fallback: number[], low: number, high: number): number[] => {
    const text = values[name];
    return text === undefined ? fallback : text.split(",").map((part) => integer(name, part, low, high));
  };
  const one = (name: NumberName, fallback: number, low: number, high: number): number => {
    const text = values[name];
    return text === undefined ? fallback : integer(name, text, low, high);
  };
  const benches = positionals.map(benchName);
  if (values.idle !== undefined && !benches.includes("tcp-idle")) benches.push("tcp-idle");
  return {
    benches: benches.length === 0 ? ["tcp-echo", "udp-echo"] : [...new Set(benches)],
    rounds: one("rounds", quick ? 1 : 5, 1, 1000),
    seconds: decimal("seconds", values.seconds ?? (quick ? "0.5" : "3"), 0.05, 600),
    warmupMs: one("warmup-ms", quick ? 200 : 1000, 0, 60_000),
    connections: list("connections", quick ? [64] : [1, 64, 1000], 1, 60_000),
    sizes: list("size", [64], 1, 1 << 20),
    depths: list("depth", [1], 1, 4096),
    flows: list("flows", quick ? [1] : [1, 64], 1, 4096),
    window: one("window", 128, 1, 4096),
    idle: one("idle", quick ? 1000 : 10_000, 1, 50_000),
    slow: one("slow", quick ? 200 : 2000, 1, 50_000),
    only: values.only === undefined ? [] : values.only.split(","),
    seed: one("seed", Math.floor(Math.random() * 2 ** 32), 0, 2 ** 32 - 1),
    serverCores: coreList("server-cores", values["server-cores"]),
    loadCore: coreList("load-core", values["load-core"]),
    json: values.json ?? false,
    jsonOut: values["json-out"],
    appendResults: values["append-results"] ?? false,
    list: values.list ?? false,
    help: values.help ?? false,
  };
}

type ListName = "connections" | "size" | "depth" | "flows";
type NumberName = "rounds" | "warmup-ms" | "window" | "idle" | "slow" | "seed";

const flags = {
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warmup-ms": { type: "string" },
  connections: { type: "string" },
  size: { type: "string" },
  depth: { type: "string" },
  flows: { type: "string" },
  window: { type: "string" },
  idle: { type: "string" },
  slow: { type: "string" },
  only: { type: "string" },
  seed: { type: "string" },
  "server-cores": { type: "string" },
  "load-core": { type: "string" },
  quick: { type: "boolean" },
  json: { type: "boolean" },
  "json-out": { type: "string" },
  "append-results": { type: "boolean" },
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function benchName(text: string): BenchName {
  const found = benchNames.find((name) => name === text);
  if (found === undefined) throw new UsageError(`there is no bench '${text}'; there are ${benchNames.join(", ")}`);
  return found;
}

function integer(name: string, text: string, low: number, high: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) {
    throw new UsageError(`--${name} takes a whole number from ${low} to ${high}, not '${text}'`);
  }
  return value;
}

function decimal(name: string, text: string, low: number, high: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) {
    throw new UsageError(`--${name} takes a number from ${low} to ${high}, not '${text}'`);
  }
  return value;
}

function coreList(name: string, text: string | undefined): string | undefined {
  if (text !== undefined && !/^\d+(,\d+)*$/.test(text)) {
    throw new UsageError(`--${name} takes core numbers, as 0 or 0,2, not '${text}'`);
  }
  return text;
}

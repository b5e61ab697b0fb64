/** One measurement: a server in a process of its own, the load in another, each on its core. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { LoadOrder, LoadResult, Point } from "./result.ts";
import { onPath, type Subject } from "./subjects.ts";

const START_TIMEOUT_MS = 20_000;
const GRACE_MS = 3000;
/** Beyond what the measurement itself lasts: connecting ten thousand clients, starting a process for each. */
const LOAD_ALLOWANCE_MS = 60_000;
/** Descriptors that a load or a server has beside its connections. */
const OWN_DESCRIPTORS = 100;
const MAX_PARALLEL = 16;
/** As long as it takes at least until the hot functions of a server in JavaScript are compiled. */
const LEAST_WARM_UP_MS = 250;
/** A quarter of the time goes to warming up, another to opening and closing connections. */
const WARM_UP_PART = 0.25;
const CHURN_PART = 0.25;

/** On which cores server and load run; empty where there is only one, or no taskset(1). */
export interface Cores {
  readonly server: string | undefined;
  readonly load: string | undefined;
}

/** How to measure. */
export interface How {
  readonly cores: Cores;
  readonly measureMs: number;
  /** For what is compiled on the way. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The cores that this process may use. */
export function allowedCores(): number[] {
  const [, text = ""] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  return text.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/** The load's core is the first, the server's the second. */
export function chooseCores(cores: readonly number[], canPin: boolean = onPath("taskset") !== undefined): Cores {
  if (cores.length < 2 || !canPin) return { server: undefined, load: undefined };
  return { server: `${cores[1]}`, load: `${cores[0]}` };
}

/** Measures one subject with so many connections; what cannot be measured says why. */
export async function measure(subject: Subject, connections: number, how: How): Promise<Point> {
  const point = { subject: subject.name, connections };
  if (connections > subject.capacity) return { ...point, notMeasured: subject.bound };
  if (connections + OWN_DESCRIPTORS > openFilesLimit()) {
    return { ...point, notMeasured: `ulimit -n allows ${openFilesLimit()} descriptors` };
  }
  let command: readonly string[];
  try {
    command = subject.command(connections, how.folder);
  } catch (error) {
    return { ...point, notMeasured: (error as Error).message.split("\n")[0] as string };
  }
  try {
    const parallel = Math.min(MAX_PARALLEL, subject.capacity, Math.max(connections, 1));
    return { ...point, ...(await measureCommand(command, connections, parallel, how)) };
  } catch (error) {
    how.signal.throwIfAborted();
    return { ...point, notMeasured: (error as Error).message };
  }
}

/** Starts a server by its command, puts the load on it, and ends it. @throws Error saying what went wrong. */
export async function measureCommand(
  command: readonly string[],
  connections: number,
  parallel: number,
  { cores, measureMs, signal }: How,
): Promise<LoadResult> {
  const [program = "", ...args] = pinned(command, cores.server);
  const server = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const port = await portOf(server, signal);
    const order: LoadOrder = {
      port,
      pid: server.pid as number,
      connections,
      parallel,
      warmUpMs: Math.max(LEAST_WARM_UP_MS, measureMs * WARM_UP_PART),
      measureMs,
      churnMs: measureMs * CHURN_PART,
    };
    return await load(order, cores, signal);
  } finally {
    await end(server);
  }
}

async function load(order: LoadOrder, cores: Cores, signal: AbortSignal): Promise<LoadResult> {
  const entry = fileURLToPath(new URL("./load-entry.js", import.meta.url));
  const [program = "", ...args] = pinned([process.execPath, entry, JSON.stringify(order)], cores.load);
  const timeout = LOAD_ALLOWANCE_MS + 2 * order.measureMs;
  const { stdout } = await promisify(execFile)(program, args, { signal, timeout });
  const result = JSON.parse(stdout) as LoadResult | { readonly failure: string };
  if ("failure" in result) throw new Error(result.failure);
  return result;
}

/** taskset(1) becomes the program, so its pid is the program's. */
function pinned(command: readonly string[], core: string | undefined): readonly string[] {
  return core === undefined ? command : ["taskset", "-c", core, ...command];
}

/** Waits until a server says where it listens: `listening PORT`, or as `portolan serve --json`. */
async function portOf(server: ChildProcess, signal: AbortSignal): Promise<number> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
  const failed = new Promise<never>((_, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error("the server ended before it listened")));
    deadline.addEventListener("abort", () => reject(new Error("the server did not listen in time")), { once: true });
  });
  const told = new Promise<number>((resolve) => {
    lines.on("line", (line) => {
      const [, port] = /^listening (\d+)$/.exec(line) ?? /"endpoint":"tcp:\/\/127\.0\.0\.1:(\d+)"/.exec(line) ?? [];
      if (port !== undefined) resolve(Number(port));
    });
  });
  return await Promise.race([told, failed]);
}

/** Ends a server, politely first, and waits until it is gone. */
async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, "exit");
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), GRACE_MS);
  await gone;
  clearTimeout(timer);
}

/** Node raises the soft limit to the hard one, so that one counts, and children have it too. */
function openFilesLimit(): number {
  const [, hard = ""] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

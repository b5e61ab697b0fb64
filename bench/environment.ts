import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

/** Where the figures come from: without this they mean nothing. */
export interface Environment {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: readonly number[];
  readonly serverCores: string;
  readonly loadCore: string;
  readonly pinned: boolean;
  readonly node: string;
  readonly bun: string;
  readonly gcc: string;
  /** The one-minute load average at the start: what else the machine was doing. */
  readonly loadAverage: number;
}

/** The wishes of the user about cores; undefined where there are none. */
export interface CoreWishes {
  readonly serverCores: string | undefined;
  readonly loadCore: string | undefined;
}

export function readEnvironment(wishes: CoreWishes, bun: string | undefined): Environment {
  const cores = allowedCores();
  const serverCores = wishes.serverCores ?? String(cores[0] ?? 0);
  const taken = serverCores.split(",").map(Number);
  const loadCore = wishes.loadCore ?? String(cores.find((core) => !taken.includes(core)) ?? cores[0] ?? 0);
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores,
    serverCores,
    loadCore,
    pinned: !loadCore.split(",").some((core) => taken.includes(Number(core))),
    node: process.version,
    bun: bun === undefined ? "absent" : version(bun, ["--version"]),
    gcc: version("gcc", ["-dumpfullversion", "-dumpversion"]),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** The header of every report. */
export function describeEnvironment(environment: Environment): string {
  const { cores } = environment;
  const placement = environment.pinned
    ? `server on core ${environment.serverCores}, load on core ${environment.loadCore}`
    : `server and load share core ${environment.serverCores}: throughput is that of both together`;
  return [
    `${environment.date}, Linux ${environment.kernel}`,
    `${environment.cpu}, ${cores.length} ${cores.length === 1 ? "core" : "cores"}, ${placement}`,
    `Node ${environment.node}, Bun ${environment.bun}, gcc ${environment.gcc}, load average ${environment.loadAverage.toFixed(2)} at the start`,
  ].join("\n");
}

/** The cores of this process from /proc/self/status, for example "0-1,4". */
export function parseCoreList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .flatMap((part) => {
      const [first, last] = part.split("-").map(Number);
      return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
    });
}

function allowedCores(): number[] {
  const match = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return match ? parseCoreList(match[1]!) : cpus().map((_, i) => i);
}

function version(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] })
      .split("\n")[0]!
      .trim();
  } catch {
    return "absent";
  }
}

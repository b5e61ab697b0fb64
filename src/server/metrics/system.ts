/** Figures of the process and of the kernel's network, from proc(5). What a system does not tell is left out. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** Names as in proc_net(5), of the network namespace that the process is in. */
export interface ListenFigures {
  readonly overflows: number;
  readonly drops: number;
}

/** What is known at a moment. */
export interface SystemFigures {
  /** Processor time of all threads of this process, not of its children. */
  readonly cpuSeconds: number;
  readonly residentBytes: number | undefined;
  readonly virtualBytes: number | undefined;
  readonly openDescriptors: number | undefined;
  readonly mostDescriptors: number | undefined;
  /** When the process began, since 1970. */
  readonly startTimeSeconds: number;
  readonly listen: ListenFigures | undefined;
}

/** Taken once, for it is compared with that of the scrape before. */
const startTimeSeconds = Date.now() / 1000 - process.uptime();

export function readSystem(): SystemFigures {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: residentBytes(),
    virtualBytes: parseVirtualBytes(contents("/proc/self/stat")),
    openDescriptors: openDescriptors(),
    mostDescriptors: parseMostDescriptors(contents("/proc/self/limits")),
    startTimeSeconds,
    listen: parseListenFigures(contents("/proc/self/net/netstat")),
  };
}

function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    // It reads a file, for which there may be no descriptor.
    return undefined;
  }
}

function openDescriptors(): number | undefined {
  try {
    // Linux 6.2 and newer say so at once; else the folder is read, and is open itself meanwhile.
    return statSync("/proc/self/fd").size || readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

/** Field 23 of proc_pid_stat(5); the second is a name in parentheses, which may hold anything. */
export function parseVirtualBytes(stat: string): number | undefined {
  return numberOf(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[20]);
}

export function parseMostDescriptors(limits: string): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : numberOf(soft);
}

/** A line of names and one of values begin with `TcpExt:`. */
export function parseListenFigures(netstat: string): ListenFigures | undefined {
  const [names, values] = netstat
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  const value = (name: string): number | undefined => numberOf(values?.[names?.indexOf(name) ?? -1]);
  const overflows = value("ListenOverflows");
  const drops = value("ListenDrops");
  return overflows === undefined || drops === undefined ? undefined : { overflows, drops };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function contents(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What /proc says of other processes: their time, their children, their sockets. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { TestContext } from "vitest";

/** What `/proc` counts processor time in: sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

/** The fields of proc_pid_stat(5) behind the name, which may have blanks: the first is the state. */
function statOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
}

/** Processor time that a process has used so far, in its own code and in the kernel. */
export function processorMs(pid: number): number {
  const fields = statOf(pid);
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Whether it has ended, and nobody has waited for it. */
export function isZombie(pid: number): boolean {
  return statOf(pid)[0] === "Z";
}

/** The children of a process, of whichever thread. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  });
}

/** How many descriptors this process may have: the hard limit, to which Node raises the soft one as it starts. */
function descriptorLimit(): number {
  return Number(readFileSync("/proc/self/limits", "utf8").match(/Max open files\s+\d+\s+(\d+)/)?.[1]);
}

/** Whether this process may have so many descriptors. */
export function hasDescriptors(count: number): boolean {
  return descriptorLimit() >= count;
}

/** Skips a test for which this process may have too few descriptors, with the reason. */
export function needsDescriptors(context: TestContext, count: number): void {
  if (hasDescriptors(count)) return;
  context.skip(`this process may open ${descriptorLimit()} files; ${count} are needed (ulimit -Hn)`);
}

/** Inodes of the sockets that a process has. */
export function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

/** Inodes of IPv4 sockets of a table of proc_net(5), by their own port and their peer's; 0 for those without a peer. */
export function inodesAt(table: "tcp" | "udp", port: number, peerPort: number): string[] {
  const [local, remote] = [port, peerPort].map((each) => `:${each.toString(16).toUpperCase().padStart(4, "0")}`);
  return readFileSync(`/proc/net/${table}`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(local as string) && fields[2]?.endsWith(remote as string))
    .map((fields) => fields[9] as string)
    .sort();
}

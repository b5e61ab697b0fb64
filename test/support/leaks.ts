/** What this process holds open, read from /proc, and what a stretch of work left behind. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const pollIntervalMs = 10;

/** Each open thing, from its key (`fd 17`, `child 4242`) to what it is (`socket:[91342]`, the command's name). */
export type OpenThings = ReadonlyMap<string, string>;

/** The descriptors and child processes of this process, now. */
export function openThings(): OpenThings {
  return new Map([...openDescriptors(), ...childProcesses()]);
}

/**
 * Waits until nothing is open that was not open in `before`, `timeoutMs` at most.
 * @returns one line for each thing that is still open; none if all is well.
 */
export async function leftBehind(before: OpenThings, timeoutMs: number): Promise<string[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = [...openThings()].filter(([key, what]) => before.get(key) !== what);
    if (left.length === 0 || performance.now() >= deadline) {
      return left.map(([key, what]) => `${key}: ${what}`);
    }
    await delay(pollIntervalMs);
  }
}

function openDescriptors(): [string, string][] {
  const found: [string, string][] = [];
  for (const fd of readdirSync("/proc/self/fd")) {
    const target = readLink(`/proc/self/fd/${fd}`);
    // The descriptor that listed the folder is in the list, and closed by now.
    if (target !== null) {
      found.push([`fd ${fd}`, target]);
    }
  }
  return found;
}

/** Direct children, of whichever thread. Where the kernel does not tell (CONFIG_PROC_CHILDREN), there are none. */
function childProcesses(): [string, string][] {
  const found: [string, string][] = [];
  for (const thread of readdirSync("/proc/self/task")) {
    const pids = readText(`/proc/self/task/${thread}/children`).split(" ").filter(Boolean);
    for (const pid of pids) {
      found.push([`child ${pid}`, readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() || "(a zombie)"]);
    }
  }
  return found;
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What a server costs, whichever threads and processes it consists of: proc(5). */
import { readdirSync, readFileSync } from "node:fs";

const NS_PER_US = 1000;
const BYTES_PER_KB = 1024;

/** The process and all that descend from it. */
function processTree(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const task of list(`/proc/${parent}/task`)) {
      found.push(...read(`/proc/${parent}/task/${task}/children`).split(" ").filter(Boolean).map(Number));
    }
  }
  return found;
}

/** Time on a processor of all threads that live, in microseconds; undefined where the kernel does not count it. */
export function cpuUs(pid: number): number | undefined {
  let ns = 0;
  for (const member of processTree(pid)) {
    for (const task of list(`/proc/${member}/task`)) {
      // The first of three numbers: time spent on the processor, in nanoseconds.
      ns += Number(read(`/proc/${member}/task/${task}/schedstat`).split(" ")[0]);
    }
  }
  return ns > 0 ? ns / NS_PER_US : undefined;
}

/** Anonymous and shared memory of all its processes, a shared page divided by those who share it; undefined if untold. */
export function memoryBytes(pid: number): number | undefined {
  let bytes = 0;
  for (const member of processTree(pid)) {
    const rollup = read(`/proc/${member}/smaps_rollup`);
    for (const [, kilobytes] of rollup.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm)) {
      bytes += Number(kilobytes) * BYTES_PER_KB;
    }
  }
  return bytes > 0 ? bytes : undefined;
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** What has ended meanwhile reads as nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}

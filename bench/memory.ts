import { readdirSync, readFileSync } from "node:fs";

/** The memory of a server, all its processes together. */
export interface Memory {
  /** Resident pages of every kind (VmRSS), summed: pages that processes share count once for each. */
  readonly rssBytes: number;
  /**
   * What the server itself asked for: anonymous pages and shared memory, a shared page divided by those who share it.
   * Pages of program files are left out: they cost nothing per connection, and their share changes whenever anybody
   * else starts or ends the same program.
   */
  readonly ownBytes: number;
  /** The highest resident size that there was (VmHWM), summed over the processes that live. */
  readonly peakBytes: number;
}

/** The pid and all its descendants, by one pass over /proc. */
export function processTree(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readOrEmpty(`/proc/${name}/stat`);
    // The name in brackets may hold anything, so the fields are counted from the last bracket.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const siblings = childrenOf.get(parent) ?? [];
    siblings.push(Number(name));
    childrenOf.set(parent, siblings);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(childrenOf.get(each) ?? []));
  return tree;
}

export function readMemory(pid: number): Memory {
  let rss = 0;
  let own = 0;
  let peak = 0;
  for (const each of processTree(pid)) {
    const rollup = readOrEmpty(`/proc/${each}/smaps_rollup`);
    const status = readOrEmpty(`/proc/${each}/status`);
    rss += kilobytes(status, "VmRSS") ?? 0;
    // The counters of status are the second choice: kept per thread and summed late, they lag by some pages.
    own += kilobytes(rollup, "Pss_Anon") ?? kilobytes(status, "RssAnon") ?? 0;
    own += kilobytes(rollup, "Pss_Shmem") ?? kilobytes(status, "RssShmem") ?? 0;
    peak += kilobytes(status, "VmHWM") ?? 0;
  }
  return { rssBytes: rss * 1024, ownBytes: own * 1024, peakBytes: peak * 1024 };
}

/** How many descriptors the processes of a server hold: tells from outside when it has accepted everybody. */
export function countDescriptors(pid: number): number {
  let count = 0;
  for (const each of processTree(pid)) {
    try {
      count += readdirSync(`/proc/${each}/fd`).length;
    } catch {
      // It ended between the two looks.
    }
  }
  return count;
}

function kilobytes(text: string, field: string): number | undefined {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text);
  return match ? Number(match[1]) : undefined;
}

/** Processes end while one reads about them; such a one simply has nothing to tell. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

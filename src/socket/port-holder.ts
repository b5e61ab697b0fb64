/**
 * Who holds an address that is in use: best effort, from /proc, for the message of EADDRINUSE. See proc(5).
 *
 * The tables under /proc/net give the inode of each socket; the process whose descriptors link to `socket:[inode]` has
 * it. Of other users' processes only root sees the descriptors. A TCP socket that is bound but neither listens nor is
 * connected is in no table.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import {
  formatIPv4,
  formatIPv6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  parseIPv4,
  parseIPv6,
  type SocketAddress,
} from "../abi/index.ts";
import { formatAddress } from "./address.ts";

/** Processes looked into before giving up. */
const MAX_PROCESSES = 8192;
/** Descriptors looked at in each. */
const MAX_DESCRIPTORS_PER_PROCESS = 65_536;
/** Processes named in one message. */
const MAX_HOLDERS = 3;
/** A machine with a million sockets must not hold up an error message for ever: after so long the search ends. */
const SEARCH_LIMIT_MS = 2_000;
/** Read of a table between two looks at the clock. */
const CHUNK_BYTES = 64 * 1024;

/** The state that /proc/net/tcp gives a connection closed lately, which no process has any more. */
const TCP_TIME_WAIT = 6;

interface Entry {
  readonly inode: string;
  /** undefined where the table does not say. */
  readonly uid: string | undefined;
  readonly state: number;
}

/** Where to look, and for how long. */
interface Search {
  /** Where proc(5) is mounted. */
  readonly root: string;
  /** On the clock of performance.now(). */
  readonly deadlineMs: number;
}

/**
 * `held by pid 1234 (nc)`, or undefined where nothing can be found out.
 * @param protocol IPPROTO_TCP or IPPROTO_UDP for the internet families.
 * @param root where proc(5) is mounted.
 */
export function describeHolder(
  address: SocketAddress,
  protocol: number,
  { root = "/proc", limitMs = SEARCH_LIMIT_MS }: { readonly root?: string; readonly limitMs?: number } = {},
): string | undefined {
  const search = { root, deadlineMs: performance.now() + limitMs };
  try {
    const isUnix = address.family === "unix";
    const entries = isUnix ? unixEntries(formatAddress(address), search) : inetEntries(address, protocol, search);
    return entries.length === 0 ? undefined : describe(entries, search);
  } catch {
    // A missing or unreadable /proc only makes the message shorter.
    return undefined;
  }
}

function describe(entries: readonly Entry[], search: Search): string {
  const held = entries.filter((entry) => entry.inode !== "0");
  if (held.length === 0) {
    const hasLingering = entries.some((entry) => entry.state === TCP_TIME_WAIT);
    return hasLingering ? "earlier connections are in TIME_WAIT: set SO_REUSEADDR" : "held by the kernel";
  }
  const holders = findProcesses(new Set(held.map((entry) => `socket:[${entry.inode}]`)), search);
  if (holders.length > 0) return `held by ${holders.join(", ")}`;
  const owner = held[0]?.uid === undefined ? "a process" : `a process of uid ${held[0].uid}`;
  if (isLate(search)) return `held by ${owner}, not found in the time there was`;
  return `held by ${owner} that this one may not look into`;
}

function isLate({ deadlineMs }: Search): boolean {
  return performance.now() >= deadlineMs;
}

/** The entries of the TCP or UDP tables, both families, that stand in the way of a bind to this address. */
function inetEntries(address: SocketAddress, protocol: number, search: Search): Entry[] {
  if (address.family !== "inet" && address.family !== "inet6") return [];
  const table = { [IPPROTO_TCP]: "tcp", [IPPROTO_UDP]: "udp" }[protocol];
  if (table === undefined) return [];
  const found: Entry[] = [];
  for (const name of [table, `${table}6`]) {
    for (const line of readTable(name, search)) {
      // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
      const [, local = "", , state = "", , , , uid = "", , inode = ""] = line.trim().split(/\s+/);
      const [host = "", port = ""] = local.split(":");
      if (Number.parseInt(port, 16) !== address.port || !overlaps(host, address.address)) continue;
      found.push({ inode, uid, state: Number.parseInt(state, 16) });
    }
  }
  return found;
}

function unixEntries(path: string, search: Search): Entry[] {
  const found: Entry[] = [];
  for (const line of readTable("unix", search)) {
    // Num RefCount Protocol Flags Type St Inode Path; a path may have spaces in it.
    const [, inode = "", name] = /^\S+: (?:\S+ +){5}(\d+) (.*)$/.exec(line) ?? [];
    if (name === path) found.push({ inode, uid: undefined, state: 0 });
  }
  return found;
}

/** Of the thread's own network namespace, which need not be the process's. The kernel makes the lines as they are read. */
function* readTable(name: string, search: Search): Generator<string> {
  const fd = openSync(`${search.root}/thread-self/net/${name}`, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = "";
    let isHead = true;
    while (!isLate(search)) {
      const length = readSync(fd, chunk);
      if (length === 0) return;
      const lines = (rest + chunk.toString("latin1", 0, length)).split("\n");
      rest = lines.pop() ?? "";
      // The first line names the columns.
      yield* isHead ? lines.slice(1) : lines;
      isHead = false;
    }
  } finally {
    closeSync(fd);
  }
}

/** Whether two local addresses collide: they are the same, or one of them is the wildcard. */
function overlaps(tableHost: string, wanted: string): boolean {
  const held = unmapped(hostFromTable(tableHost));
  const own = unmapped(wanted.includes(":") ? formatIPv6(parseIPv6(wanted)) : formatIPv4(parseIPv4(wanted)));
  return held === own || isWildcard(held) || isWildcard(own);
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** An IPv4-mapped address collides with the IPv4 address in it. */
function unmapped(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice("::ffff:".length) : host;
}

/** The tables print addresses as 32-bit words in host byte order. */
function hostFromTable(hex: string): string {
  const bytes = Buffer.from(hex, "hex").swap32();
  return bytes.length === 4 ? formatIPv4(bytes) : formatIPv6(bytes);
}

function findProcesses(sockets: ReadonlySet<string>, search: Search): string[] {
  const holders: string[] = [];
  const own = String(process.pid);
  const others = readdirSync(search.root).filter((name) => /^[0-9]+$/.test(name) && name !== own);
  others.sort((a, b) => Number(a) - Number(b));
  // It is this very process often enough, and that is known at once.
  for (const pid of [own, ...others.slice(0, MAX_PROCESSES)]) {
    if (holders.length >= MAX_HOLDERS || isLate(search)) break;
    if (holdsOne(pid, sockets, search)) holders.push(`pid ${pid} (${commandOf(pid, search)})`);
  }
  return holders;
}

function holdsOne(pid: string, sockets: ReadonlySet<string>, search: Search): boolean {
  const folder = `${search.root}/${pid}/fd`;
  try {
    for (const fd of readdirSync(folder).slice(0, MAX_DESCRIPTORS_PER_PROCESS)) {
      if (sockets.has(linkTarget(`${folder}/${fd}`))) return true;
      if (isLate(search)) return false;
    }
  } catch {
    // Gone meanwhile, or another user's.
  }
  return false;
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function commandOf(pid: string, { root }: Search): string {
  if (pid === String(process.pid)) return "this process";
  try {
    return readFileSync(`${root}/${pid}/comm`, "utf8").trim();
  } catch {
    return "?";
  }
}

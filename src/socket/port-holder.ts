/**
 * Who holds an address that is in use: best effort, from /proc, for the message of EADDRINUSE. See proc(5).
 *
 * The tables under /proc/net give the inode of each socket; the process whose descriptors link to `socket:[inode]` has
 * it. Of other users' processes only root sees the descriptors. A TCP socket that is bound but neither listens nor is
 * connected is in no table.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
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

/** The state that /proc/net/tcp gives a connection closed lately, which no process has any more. */
const TCP_TIME_WAIT = 6;

interface Entry {
  readonly inode: string;
  readonly uid: string;
  readonly state: number;
}

/**
 * `held by pid 1234 (nc)`, or undefined where nothing can be found out.
 * @param protocol IPPROTO_TCP or IPPROTO_UDP for the internet families.
 */
export function describeHolder(address: SocketAddress, protocol: number): string | undefined {
  try {
    const entries = address.family === "unix" ? unixEntries(formatAddress(address)) : inetEntries(address, protocol);
    return entries.length === 0 ? undefined : describe(entries);
  } catch {
    // A missing or unreadable /proc only makes the message shorter.
    return undefined;
  }
}

function describe(entries: readonly Entry[]): string {
  const held = entries.filter((entry) => entry.inode !== "0");
  if (held.length === 0) {
    const hasLingering = entries.some((entry) => entry.state === TCP_TIME_WAIT);
    return hasLingering ? "earlier connections are in TIME_WAIT: set SO_REUSEADDR" : "held by the kernel";
  }
  const holders = findProcesses(new Set(held.map((entry) => `socket:[${entry.inode}]`)));
  if (holders.length > 0) return `held by ${holders.join(", ")}`;
  return `held by a process of uid ${held[0]?.uid} that this one may not look into`;
}

/** The entries of the TCP or UDP tables, both families, that stand in the way of a bind to this address. */
function inetEntries(address: SocketAddress, protocol: number): Entry[] {
  if (address.family !== "inet" && address.family !== "inet6") return [];
  const table = { [IPPROTO_TCP]: "tcp", [IPPROTO_UDP]: "udp" }[protocol];
  if (table === undefined) return [];
  const found: Entry[] = [];
  for (const name of [table, `${table}6`]) {
    for (const line of readTable(name)) {
      // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
      const [, local = "", , state = "", , , , uid = "", , inode = ""] = line.trim().split(/\s+/);
      const [host = "", port = ""] = local.split(":");
      if (Number.parseInt(port, 16) !== address.port || !overlaps(host, address.address)) continue;
      found.push({ inode, uid, state: Number.parseInt(state, 16) });
    }
  }
  return found;
}

function unixEntries(path: string): Entry[] {
  const found: Entry[] = [];
  for (const line of readTable("unix")) {
    // Num RefCount Protocol Flags Type St Inode Path
    const [, , , , , , inode = "", name] = line.trim().split(/\s+/);
    if (name === path) found.push({ inode, uid: "?", state: 0 });
  }
  return found;
}

/** Of the thread's own network namespace, which need not be the process's. */
function readTable(name: string): string[] {
  return readFileSync(`/proc/thread-self/net/${name}`, "latin1").split("\n").slice(1).filter(Boolean);
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

function findProcesses(sockets: ReadonlySet<string>): string[] {
  const holders: string[] = [];
  for (const pid of readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .slice(0, MAX_PROCESSES)) {
    if (holders.length >= MAX_HOLDERS) break;
    if (holdsOne(pid, sockets)) holders.push(`pid ${pid} (${commandOf(pid)})`);
  }
  return holders;
}

function holdsOne(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`).slice(0, MAX_DESCRIPTORS_PER_PROCESS)) {
      if (sockets.has(linkTarget(`/proc/${pid}/fd/${fd}`))) return true;
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

function commandOf(pid: string): string {
  if (pid === String(process.pid)) return "this process";
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "?";
  }
}

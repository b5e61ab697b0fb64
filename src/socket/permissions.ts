/**
 * Which permission was missing, where EPERM and EACCES leave that open. Found out after the failure, from what can be looked
 * at: undefined where nothing of it explains the refusal, as with a rule of a security module.
 */
import { accessSync, constants, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EACCES, EPERM, NETLINK_AUDIT, type SocketAddress } from "../abi/index.ts";
import type { Ancillary } from "./ancillary.ts";

const PORT_START = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/** Where the kernel has no such setting. */
const USUAL_PORT_START = 1024;
/** LAST_RESERVED_PORT of vsock(7), and one. */
const VSOCK_PORT_START = 1024;
/** Of paths without end, by symbolic links for example, no more is looked at. */
const MAX_ANCESTORS = 256;

/** Why an address could not be taken. @param result `-errno` of bind(2) */
export function explainBind(address: SocketAddress, result: number, protocol: number): string | undefined {
  if (result === -EPERM && address.family === "netlink" && address.groups !== 0) {
    return `these groups need ${membershipCapability(protocol)}`;
  }
  if (result !== -EACCES) return undefined;
  switch (address.family) {
    case "inet":
    case "inet6":
      return explainPort(address.port, portStart(), "the first port for everybody is");
    case "vsock":
      return explainPort(address.port, VSOCK_PORT_START, "the first vsock port for everybody is");
    case "unix":
      return address.kind === "path" && typeof address.path === "string" ? explainPath(address.path) : undefined;
    default:
      return undefined;
  }
}

/** What joining a group of a netlink protocol takes, for the groups that are not for everybody. netlink(7) */
export function membershipCapability(protocol: number): string {
  return protocol === NETLINK_AUDIT ? "CAP_AUDIT_READ" : "CAP_NET_ADMIN";
}

/** Why control data could not be sent: credentials that are not the sender's own. unix(7) */
export function explainCredentials(control: readonly Ancillary[]): string | undefined {
  const needs = new Set<string>();
  for (const entry of control) {
    if (entry.type !== "SCM_CREDENTIALS") continue;
    if (entry.pid !== process.pid) needs.add("the pid of another process needs CAP_SYS_ADMIN");
    if (!ownIds("Uid").includes(entry.uid)) needs.add("the uid of another user needs CAP_SETUID");
    if (!ownIds("Gid").includes(entry.gid)) needs.add("the gid of another group needs CAP_SETGID");
  }
  return needs.size === 0 ? undefined : [...needs].join("; ");
}

function explainPort(port: number, start: number, rule: string): string | undefined {
  return port < start ? `${rule} ${start}; one below needs CAP_NET_BIND_SERVICE` : undefined;
}

function portStart(): number {
  const text = textOf(PORT_START);
  return text === undefined ? USUAL_PORT_START : Number(text);
}

/** The outermost folder that may not be searched, else the one that would have to be written to. path_resolution(7) */
function explainPath(path: string): string | undefined {
  const folder = dirname(resolve(path));
  const ancestors: string[] = [];
  for (let at = folder; ancestors[0] !== at && ancestors.length < MAX_ANCESTORS; at = dirname(at))
    ancestors.unshift(at);
  const closed = ancestors.find((each) => !may(each, constants.X_OK));
  if (closed !== undefined) return `the directory ${closed} may not be searched by this user`;
  return may(folder, constants.W_OK) ? undefined : `the directory ${folder} may not be written to by this user`;
}

/** Real, effective, saved: any of them is one's own. proc_pid_status(5) */
function ownIds(kind: "Uid" | "Gid"): number[] {
  const line = textOf("/proc/self/status")?.match(new RegExp(`^${kind}:\\s*(.*)$`, "m"))?.[1];
  // The fourth is that of the file system.
  return (line ?? "").split(/\s+/).map(Number).slice(0, 3);
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

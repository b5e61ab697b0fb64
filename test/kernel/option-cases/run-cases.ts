/** Runs the cases of one group, one after the other, and says of each how it went. */
import { readFileSync } from "node:fs";
import { isSystemError } from "portolan";
import { type CaseTable, Skip } from "./kit.ts";

/** How an option was shown to work, or why not. */
export interface CaseResult {
  readonly option: string;
  readonly proof: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What went wrong, or why it was skipped. */
  readonly detail: string;
}

/** The groups, each a file. */
export const GROUPS: Readonly<Record<string, () => Promise<{ readonly cases: CaseTable }>>> = {
  ip: () => import("./cases-ip.ts"),
  ipv6: () => import("./cases-ipv6.ts"),
  mptcp: () => import("./cases-mptcp.ts"),
  multicast: () => import("./cases-multicast.ts"),
  netlink: () => import("./cases-netlink.ts"),
  packet: () => import("./cases-packet.ts"),
  socket: () => import("./cases-socket.ts"),
  "socket-peers": () => import("./cases-socket-peers.ts"),
  tcp: () => import("./cases-tcp.ts"),
  "tcp-repair": () => import("./cases-tcp-repair.ts"),
  udp: () => import("./cases-udp.ts"),
  vsock: () => import("./cases-vsock.ts"),
  xdp: () => import("./cases-xdp.ts"),
};

/** @throws Error for a group that there is not. */
export async function runCases(group: string): Promise<CaseResult[]> {
  const load = GROUPS[group];
  if (load === undefined) throw new Error(`no group of cases is called ${group}`);
  const { cases } = await load();
  const results: CaseResult[] = [];
  for (const [option, { proof, run }] of Object.entries(cases)) {
    try {
      await run(option);
      results.push({ option, proof, outcome: "passed", detail: "" });
    } catch (error) {
      const reason = reasonToSkip(error);
      if (reason !== undefined) results.push({ option, proof, outcome: "skipped", detail: reason });
      else results.push({ option, proof, outcome: "failed", detail: describe(error) });
    }
  }
  return results;
}

/** Why an error is no failure: the case says so, the kernel is too old, or the capability is not to be had here. */
function reasonToSkip(error: unknown): string | undefined {
  if (error instanceof Skip) return error.message;
  if (!isSystemError(error)) return undefined;
  if (error.code === "ENOPROTOOPT" && error.message.includes("it came with Linux")) return error.message;
  const isRefused = error.code === "EPERM" || error.code === "EACCES";
  if (!isRefused || !error.message.includes("needs CAP_") || isFirstUserNamespace()) return undefined;
  return `${error.message} in the machine's own user namespace, where we are not root`;
}

/** In the first user namespace each id is itself. user_namespaces(7) */
function isFirstUserNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

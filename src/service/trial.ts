/**
 * What to type to try a service: commands for programs that everybody has (nc, socat) and for our own. Each works as it
 * stands when pasted into a shell, and ends by itself unless a person is meant to type.
 */
import { SOCK_DGRAM, SOCK_STREAM } from "../abi/index.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../socket/index.ts";
import type { ServiceEntry, Trial } from "./entry.ts";

/** How long nc waits for further datagrams before it ends. */
const DATAGRAM_WAIT_SECONDS = 1;

/** A command to try a service with. */
export interface TrialCommand {
  /** What must be installed for it. `nc` is OpenBSD's: others have neither `-N` nor `-U`. */
  readonly program: "nc" | "socat" | "portolan";
  readonly command: string;
}

/**
 * Commands that try a service at an endpoint, best known first.
 * @param endpoint where it listens; a wildcard address is tried over loopback
 */
export function trialCommands(entry: ServiceEntry, endpoint: string): TrialCommand[] {
  const target = reachable(parseEndpoint(endpoint));
  const { callArguments, filter } = entry.trial;
  const input = inputOf(entry.trial, target);
  const before = input === undefined ? "" : `printf ${quote(input)} | `;
  const after = filter === undefined ? "" : ` | ${filter}`;
  const commands: TrialCommand[] = [];
  const nc = ncArguments(target, input !== undefined);
  if (nc !== undefined) commands.push({ program: "nc", command: `${before}nc ${nc}${after}` });
  const socat = socatAddress(target);
  if (socat !== undefined) commands.push({ program: "socat", command: `${before}socat - ${socat}${after}` });
  const call = ["portolan call", entry.name, quote(formatEndpoint(target)), callArguments];
  commands.push({ program: "portolan", command: call.filter((part) => part !== "").join(" ") });
  return commands;
}

/** What to send, as printf(1) reads it. Without any on a stream, the server speaks first, or a person types. */
function inputOf({ line, bytes }: Trial, { type }: Endpoint): string | undefined {
  if (bytes !== undefined) return bytes;
  const text = line ?? (type === SOCK_DGRAM ? "" : undefined);
  return text === undefined ? undefined : `${text.replaceAll("\\", "\\\\").replaceAll("%", "%%")}\\n`;
}

function ncArguments({ type, address }: Endpoint, halfCloses: boolean): string | undefined {
  if (address.family === "inet" || address.family === "inet6") {
    const mode = type === SOCK_DGRAM ? `-u -w ${DATAGRAM_WAIT_SECONDS} ` : halfCloses ? "-N " : "";
    return `${mode}${zoned(address)} ${address.port}`;
  }
  // nc speaks to a path only; for datagrams it wants a path of its own, which a pasted command would leave behind.
  if (address.family !== "unix" || address.kind !== "path" || typeof address.path !== "string") return undefined;
  return type === SOCK_STREAM ? `${halfCloses ? "-N " : ""}-U ${quote(address.path)}` : undefined;
}

function socatAddress({ type, address }: Endpoint): string | undefined {
  if (address.family === "inet" || address.family === "inet6") {
    const host = address.family === "inet" ? address.address : `[${zoned(address)}]`;
    return quote(`${type === SOCK_DGRAM ? "UDP" : "TCP"}:${host}:${address.port}`);
  }
  if (address.family !== "unix" || address.kind === "unnamed" || type !== SOCK_STREAM) return undefined;
  const name = address.kind === "path" ? address.path : address.name;
  if (typeof name !== "string") return undefined;
  const keyword = address.kind === "path" ? "UNIX-CONNECT" : "ABSTRACT-CONNECT";
  return quote(`${keyword}:${name.replace(/[\\:,!"'([{]/g, "\\$&")}`);
}

function zoned(address: { readonly address: string; readonly scopeId?: number }): string {
  return address.scopeId === undefined || address.scopeId === 0
    ? address.address
    : `${address.address}%${address.scopeId}`;
}

/** Where to connect to for a server that listens here. */
function reachable(endpoint: Endpoint): Endpoint {
  const { address } = endpoint;
  if (address.family === "inet" && address.address === "0.0.0.0") {
    return { ...endpoint, address: { ...address, address: "127.0.0.1" } };
  }
  if (address.family === "inet6" && address.address === "::") {
    return { ...endpoint, address: { ...address, address: "::1" } };
  }
  return endpoint;
}

/** Text as one word of a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `portolan addr bind`: what was asked for, and what the kernel has bound. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { encodeSockaddr, isIPv4, isIPv6, splitZone } from "../../../abi/index.ts";
import { EXIT } from "../../../service/index.ts";
import { formatAddress, getifaddrs, if_nametoindex, Socket, type SocketAddress } from "../../../socket/index.ts";
import { Failure, usage } from "../../failure.ts";
import { addExamples, addJsonOption, parser } from "../../options.ts";
import type { VerbSetup } from "../../verbs.ts";
import { oneOf } from "../../words.ts";
import { hexBytes, printFields } from "./print.ts";

interface BindOptions {
  readonly type: (typeof TYPES)[number];
  readonly wait: boolean;
  readonly json?: true;
}

/** An address that a socket can have: of IPv4 or IPv6. */
type Bound = SocketAddress & { readonly family: "inet" | "inet6" };

const MAX_PORT = 65535;
const TYPES = ["stream", "dgram"] as const;
/** Any time will do: the timer only keeps the process alive. */
const KEEP_ALIVE_MS = 1 << 30;

export function defineBind(command: Command, { context, self }: VerbSetup): void {
  command
    .summary("what was asked for, and what the kernel has bound")
    .description(
      "Binds a socket and shows what was asked for and what the kernel has bound, then waits, so that other tools " +
        "can look at it. A TCP socket listens as well, for most tools do not show one that is only bound.",
    )
    .argument("[address]", "an IPv4 or IPv6 address; any, 0.0.0.0 and :: are all of this machine's", "any")
    .argument("[port]", "0 lets the kernel choose an ephemeral one", parser(readPort), 0)
    .option("--type <type>", "stream (TCP) or dgram (UDP)", parser(oneOf(TYPES, readType)), "stream" as const)
    .option("--no-wait", "end at once");
  addJsonOption(command);
  addExamples(command, self, [
    ["portolan addr bind 127.0.0.1 0", "this address, a port of the kernel's choice"],
    ["portolan addr bind any 7700 --no-wait", "every address of this machine, this port"],
    ["portolan addr bind ::1 0 --type dgram", "UDP over IPv6"],
  ]);
  command.action(async (host: string, port: number, options: BindOptions) => {
    const asked = readAddress(host, port);
    // Before anything is printed: who reads it may answer with a signal.
    const stopped = options.wait ? context.stopSignals().signal : undefined;
    using socket = new Socket(asked.family, options.type);
    const before = socket.localAddress;
    socket.bind(asked);
    if (options.type === "stream") socket.listen();
    const bound = socket.localAddress as Bound;
    if (options.json === true) context.out.json({ event: "bound", pid: process.pid, asked, before, bound });
    else print({ asked, before, bound }, options, context);
    if (stopped !== undefined) await aborted(AbortSignal.any([stopped, context.out.broken]));
  });
}

function print(
  { asked, before, bound }: { readonly asked: Bound; readonly before: SocketAddress; readonly bound: Bound },
  { type, wait }: BindOptions,
  context: VerbSetup["context"],
): void {
  printFields(context, [
    ["asked", `${formatAddress(asked)}, in memory ${hexBytes(encodeSockaddr(asked))}`],
    ["before bind", `${formatAddress(before)}, says getsockname`],
    ["bound", `${formatAddress(bound)}, in memory ${hexBytes(encodeSockaddr(bound))}`],
    ["the address", explainAddress(bound)],
    ["the port", explainPort(asked)],
  ]);
  if (!wait) return;
  const flags = type === "stream" ? "-tlnp" : "-ulnp";
  context.out.line();
  context.out.line(
    `It stays bound until Ctrl-C. Look at it, in another terminal: ss ${flags} 'sport = :${bound.port}'`,
  );
}

function explainAddress(bound: Bound): string {
  if (bound.address !== "0.0.0.0" && bound.address !== "::") return "explicit: reached at this address only";
  const families = bound.family === "inet" ? ["inet"] : ["inet", "inet6"];
  const own = getifaddrs().flatMap(({ address }) => {
    return address !== undefined && "port" in address && families.includes(address.family) ? [hostOf(address)] : [];
  });
  return `any: reached at every address of this machine, now ${[...new Set(own)].join(", ")}`;
}

function hostOf(address: SocketAddress): string {
  return "address" in address && typeof address.address === "string" ? address.address : formatAddress(address);
}

function explainPort(asked: Bound): string {
  if (asked.port !== 0) return "explicit: as asked";
  return `ephemeral: 0 asks for a free one, of those from ${ephemeralRange()} (ip_local_port_range)`;
}

function ephemeralRange(): string {
  return readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").trim().replace(/\s+/, " to ");
}

function readAddress(host: string, port: number): Bound {
  if (host === "any") return { family: "inet", address: "0.0.0.0", port };
  if (isIPv4(host)) return { family: "inet", address: host, port };
  const parts = splitZone(host);
  if (parts === null || !isIPv6(host)) {
    throw new Failure(EXIT.DATAERR, `"${host}" is no IPv4 or IPv6 address to bind to, nor the word any`);
  }
  const { address, zone } = parts;
  if (zone === undefined) return { family: "inet6", address, port };
  return { family: "inet6", address, port, scopeId: /^[0-9]{1,9}$/.test(zone) ? Number(zone) : if_nametoindex(zone) };
}

function readPort(text: string): number {
  if (/^[0-9]+$/.test(text) && Number(text) <= MAX_PORT) return Number(text);
  throw new Failure(EXIT.DATAERR, `a port is a whole number from 0 to ${MAX_PORT}, not "${text}"`);
}

function readType(text: string): BindOptions["type"] {
  const type = TYPES.find((known) => known === text);
  if (type !== undefined) return type;
  throw usage(`--type takes ${TYPES.join(" or ")}, not "${text}"`);
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // A socket that nothing waits on does not keep Node alive.
    const alive = setInterval(() => {}, KEEP_ALIVE_MS);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

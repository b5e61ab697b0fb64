/** `portolan resolve`: look-ups of hosts and services, the new way and the old, with every field of the answers. */
import type { Command } from "commander";
import { AF, AI, encodeSockaddr, flagNames, htons, IPPROTO, inet_pton, nameOf, SOCK } from "../../abi/index.ts";
import { EXIT } from "../../service/index.ts";
import {
  type AddressInfo,
  formatAddress,
  getaddrinfo,
  gethostbyname,
  gethostbyname2,
  getservbyname,
  getservbyport,
  type HostEntry,
  type LookupHints,
  type ServiceEntry,
} from "../../socket/index.ts";
import type { Context } from "../context.ts";
import { asUsage, Failure, usage } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb } from "../verbs.ts";
import { oneOf } from "../words.ts";
import { hexBytes, printFields } from "./addr/print.ts";

const FAMILIES = ["inet", "inet6"] as const;
const TYPES = ["stream", "dgram", "raw", "seqpacket"] as const;
const DEFAULT_TIMEOUT_SECONDS = 30;
const MAX_TIMEOUT_SECONDS = 3600;

interface ResolveOptions {
  readonly family?: (typeof FAMILIES)[number];
  readonly type?: (typeof TYPES)[number];
  readonly passive?: true;
  readonly canonicalName?: true;
  readonly numericHost?: true;
  readonly numericService?: true;
  readonly v4Mapped?: true;
  readonly all?: true;
  readonly addressConfig?: true;
  readonly classic?: true;
  readonly timeout: number;
  readonly json?: true;
}

export const verb: Verb = {
  define(command, { context, self }) {
    command
      .argument("<host>", "a name or an address; - is none, C's NULL")
      .argument("[service]", "a name from /etc/services, or a port")
      .option(
        "--family <family>",
        `only addresses of this family: ${FAMILIES.join(", ")}`,
        choice("--family", FAMILIES),
      )
      .option("--type <type>", `only for this type of socket: ${TYPES.join(", ")}`, choice("--type", TYPES));
    addFlags(command)
      .option("--classic", "the old way: gethostbyname and getservbyname, struct hostent and servent")
      .option("--timeout <seconds>", "how long to wait for name servers", readTimeout, DEFAULT_TIMEOUT_SECONDS);
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan resolve localhost http", "every socket that would do"],
      ["portolan resolve ::1 http --family inet6 --type stream", "one family, one type"],
      ["portolan resolve - 7007 --passive --type stream", "what a server would bind to"],
      ["portolan resolve localhost http --classic", "as before getaddrinfo"],
    ]);
    command.action(async (host: string, service: string | undefined, options: ResolveOptions) => {
      try {
        if (options.classic === true) await classic(host, service, options, context);
        else await modern(host, service, options, context);
      } catch (error) {
        throw asUsage(error);
      }
    });
  },
};

/** The flags of getaddrinfo(3). */
function addFlags(command: Command): Command {
  return command
    .option("--passive", "without a host, addresses to bind to (AI_PASSIVE)")
    .option("--canonical-name", "ask for the canonical name (AI_CANONNAME)")
    .option("--numeric-host", "the host is an address: look no name up (AI_NUMERICHOST)")
    .option("--numeric-service", "the service is a port: look no name up (AI_NUMERICSERV)")
    .option("--v4-mapped", "with inet6, IPv4 addresses as ::ffff:… where there are no others (AI_V4MAPPED)")
    .option("--all", "with --v4-mapped, those also beside others (AI_ALL)")
    .option("--address-config", "only families that this machine has addresses of (AI_ADDRCONFIG)");
}

async function modern(
  host: string,
  service: string | undefined,
  options: ResolveOptions,
  { out, colours }: Context,
): Promise<void> {
  const { family, type, passive, canonicalName, numericHost, numericService, v4Mapped, all, addressConfig } = options;
  const flags = { passive, canonicalName, numericHost, numericService, v4Mapped, all, addressConfig };
  const hints: LookupHints = { family, type, ...flags };
  const limits = { timeoutMs: options.timeout * 1000 };
  const infos = await getaddrinfo(host === "-" ? null : host, service ?? null, { ...hints, ...limits });
  if (options.json === true) {
    for (const info of infos) out.json({ event: "addrinfo", ...info });
    return;
  }
  const columns = ["ai_flags", "ai_family", "ai_socktype", "ai_protocol", "ai_addrlen", "ai_addr", "ai_canonname"];
  const [titles = "", ...lines] = formatTable(
    columns.map((title) => (title === "ai_addrlen" ? { title, align: "right" } : { title })),
    infos.map(addrinfoRow),
  );
  for (const line of [colours.dim(titles), ...lines]) out.line(line);
}

function addrinfoRow({ flags, family, type, protocol, address, canonicalName }: AddressInfo): string[] {
  return [
    flags === 0 ? "0" : flagNames(AI, flags).join("|"),
    typeof family === "number" ? nameOf(AF, family) : `AF_${family.toUpperCase()}`,
    typeof type === "number" ? nameOf(SOCK, type) : `SOCK_${type.toUpperCase()}`,
    nameOf(IPPROTO, protocol),
    String(encodeSockaddr(address).length),
    formatAddress(address),
    canonicalName ?? "NULL",
  ];
}

async function classic(
  host: string,
  service: string | undefined,
  options: ResolveOptions,
  context: Context,
): Promise<void> {
  const limits = { timeoutMs: options.timeout * 1000 };
  const { family, json } = options;
  const protocol = protocolOf(options.type);
  const call = family === undefined ? `gethostbyname("${host}")` : `gethostbyname2("${host}", ${familyText(family)})`;
  const isNamed = host !== "-";
  const entry = isNamed ? await findHost(host, family, limits) : undefined;
  const found = service === undefined ? undefined : await findService(service, protocol, limits);
  if (json === true) {
    if (entry !== undefined) context.out.json({ event: "hostent", ...entry });
    if (found !== undefined) context.out.json({ event: "servent", ...found });
    return;
  }
  if (entry !== undefined) printHost(call, entry, context);
  if (service === undefined || found === undefined) return;
  if (isNamed) context.out.line();
  printService(service, protocol, found, context);
}

interface Limits {
  readonly timeoutMs: number;
}

function findHost(host: string, family: ResolveOptions["family"], limits: Limits): Promise<HostEntry> {
  return family === undefined ? gethostbyname(host, limits) : gethostbyname2(host, family, limits);
}

/** The old way of a service has no digits: a port is looked up by number. */
async function findService(service: string, protocol: string | null, limits: Limits): Promise<ServiceEntry> {
  const isPort = /^[0-9]+$/.test(service);
  const found = isPort
    ? await getservbyport(Number(service), protocol, limits)
    : await getservbyname(service, protocol, limits);
  if (found !== null) return found;
  const over = protocol === null ? "" : ` over ${protocol}`;
  throw new Failure(
    EXIT.UNAVAILABLE,
    `there is no service ${JSON.stringify(service)}${over}: /etc/services lists them`,
  );
}

function protocolOf(type: ResolveOptions["type"]): string | null {
  if (type === undefined) return null;
  if (type === "stream") return "tcp";
  if (type === "dgram") return "udp";
  throw usage(`the classic look-up of services knows --type stream and dgram, not ${type}`);
}

function printHost(call: string, entry: HostEntry, context: Context): void {
  const { addressType } = entry;
  const number = addressType === "inet" ? AF.AF_INET : AF.AF_INET6;
  const inMemory = (address: string): string => hexBytes(inet_pton(number, address) ?? new Uint8Array(0));
  context.out.line(`struct hostent of ${call}`);
  printFields(
    context,
    [
      ["h_name", entry.name],
      ["h_aliases", listText(entry.aliases)],
      ["h_addrtype", familyText(addressType)],
      ["h_length", String(entry.length)],
      ["h_addr_list", listText(entry.addresses.map((address) => `${address} (${inMemory(address)})`))],
    ],
    "  ",
  );
}

function printService(service: string, protocol: string | null, entry: ServiceEntry, context: Context): void {
  const wanted = protocol === null ? "NULL" : `"${protocol}"`;
  const isPort = /^[0-9]+$/.test(service);
  const call = isPort ? `getservbyport(htons(${service}), ${wanted})` : `getservbyname("${service}", ${wanted})`;
  const inMemory = hexBytes(new Uint8Array(Uint16Array.of(htons(entry.port)).buffer));
  context.out.line(`struct servent of ${call}`);
  printFields(
    context,
    [
      ["s_name", entry.name],
      ["s_aliases", listText(entry.aliases)],
      ["s_port", `htons(${entry.port}), in memory ${inMemory}`],
      ["s_proto", entry.protocol],
    ],
    "  ",
  );
}

function listText(items: readonly string[]): string {
  return items.length === 0 ? "(none)" : items.join(", ");
}

function familyText(family: string | number): string {
  return typeof family === "number" ? nameOf(AF, family) : `AF_${family.toUpperCase()}`;
}

function choice<Value extends string>(option: string, values: readonly Value[]): (text: string) => Value {
  return oneOf(values, (text) => {
    const value = values.find((known) => known === text);
    if (value !== undefined) return value;
    throw usage(`${option} takes one of ${values.join(", ")}, not ${JSON.stringify(text)}`);
  });
}

function readTimeout(text: string): number {
  const seconds = Number(text);
  if (text !== "" && seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
  throw usage(`--timeout takes seconds, more than 0 and at most ${MAX_TIMEOUT_SECONDS}, not "${text}"`);
}

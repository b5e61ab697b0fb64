/** The classic form, a line for a service: inetd.conf, as inetd(8) of OpenBSD has it. */
import {
  DEFAULT_SERVICE_LIMITS,
  type InetdService,
  type ListenPlace,
  type Origin,
  type ReadConfig,
  type ServiceLimits,
} from "../model.ts";
import { assemble } from "./assemble.ts";
import { MAX_VALUES } from "./bounds.ts";
import { readBuiltIn } from "./builtin.ts";
import { completeProgram, completeService, NOBODY } from "./draft.ts";
import { checkEndpoint, familyOf, hostInEndpoint, type Reading, readPort, UNIX_SCHEMES } from "./places.ts";
import { Problems, quote } from "./problems.ts";
import type { ConfigWorld } from "./world.ts";

/** How long a service rests that was started more often than its line allows: inetd's ten minutes. */
const REST_SECONDS = 600;
const ANY_ADDRESS = "*";

/**
 * Reads the text of an inetd.conf. What is wrong with a line is told by its number, and the other lines count.
 * @param file what messages call it.
 */
export function parseClassic(text: string, file: string, world: ConfigWorld): ReadConfig {
  const problems = new Problems();
  const reading: ClassicReading = { problems, world, addresses: [ANY_ADDRESS] };
  const services: InetdService[] = [];
  for (const { line, words, swallowed } of entriesOf(text)) {
    const errors = problems.errors;
    if (swallowed !== undefined) {
      const message = `the line begins with a blank, so it goes on with line ${line}: its words are arguments there`;
      problems.warning({ file, line: swallowed }, message, "begin it without a blank if it is a service of its own");
    }
    const read = readEntry(words, { file, line }, reading);
    if (problems.errors === errors) services.push(...read);
  }
  return assemble(services, problems);
}

interface ClassicReading extends Reading {
  /** Of the last line that had addresses only: those of lines that have none. */
  addresses: readonly string[];
}

interface Entry {
  /** From 1: where it begins. */
  readonly line: number;
  readonly words: readonly string[];
  /** A later line of it that looks like a service of its own. */
  readonly swallowed: number | undefined;
}

/** Comments begin a line; a line that begins with a blank goes on with the entry before it. */
function entriesOf(text: string): Entry[] {
  const entries: { line: number; words: string[]; swallowed: number | undefined }[] = [];
  let isOpen = false;
  text.split("\n").forEach((content, index) => {
    const words = content.split(/[ \t\r]+/).filter((word) => word !== "");
    const isContinued = isOpen && /^[ \t]/.test(content);
    isOpen = false;
    if (words.length === 0 || content.startsWith("#")) return;
    isOpen = true;
    const last = entries.at(-1);
    if (isContinued && last !== undefined) {
      for (const word of words) last.words.push(word);
      if (words.length > FIELDS.length && /^(?:stream|dgram)$/.test(words[1] ?? "")) last.swallowed ??= index + 1;
    } else if (words[0]?.startsWith("#")) isOpen = false;
    else entries.push({ line: index + 1, words, swallowed: undefined });
  });
  return entries;
}

function readEntry(words: readonly string[], origin: Origin, reading: ClassicReading): InetdService[] {
  const { problems } = reading;
  const [first = "", type, protocol, waiting, account, path, ...argv] = words;
  if (words.length === 1 && first.endsWith(":")) {
    reading.addresses = splitAddresses(first.slice(0, -1));
    return [];
  }
  if (
    path === undefined ||
    type === undefined ||
    protocol === undefined ||
    waiting === undefined ||
    account === undefined
  ) {
    const missing = FIELDS.slice(words.length).join(", ");
    problems.error(origin, `the line ends before: ${missing}`, `a line has: ${FIELDS.join(", ")}, and the arguments`);
    return [];
  }
  const socket = readSocket(type, protocol, origin, reading);
  const { isWaiting, limits } = readWaiting(waiting, origin, reading);
  const name = readName(first, socket?.isUnix === true);
  if (name.service.includes("/") && socket?.isUnix !== true) {
    problems.error(
      origin,
      `${quote(name.service)} is a service of RPC, which is not served here`,
      "leave the line out",
    );
    return [];
  }
  const serves =
    path === "internal"
      ? socket && readBuiltIn(name.service, socket, origin, problems)
      : readProgram(path, argv, account, origin, reading);
  if (socket === undefined || serves === undefined) return [];
  const wait = isWaiting && serves.kind === "program";
  return placesOf(name, socket, origin, reading).map(({ id, place }) =>
    completeService({
      id,
      name: name.service,
      origin,
      wait,
      listen: { type: socket.type, ...place },
      serves,
      limits: { ...DEFAULT_SERVICE_LIMITS, ...limits },
      // As inetd does by itself: only what is refused is told.
      log: { target: undefined, onSuccess: [], onFailure: ["HOST"] },
    }),
  );
}

const FIELDS = ["service", "socket type", "protocol", "wait or nowait", "user", "program"];

interface Name {
  readonly service: string;
  /** Undefined: those of the last line that had addresses only. */
  readonly addresses: readonly string[] | undefined;
}

function readName(word: string, isUnix: boolean): Name {
  // inetd(8): an address before a path has no meaning, and a path may have a colon.
  if (isUnix) return { service: word.replace(/^[^/@]*:(?=[/@])/, ""), addresses: undefined };
  const colon = word.lastIndexOf(":");
  if (colon < 0) return { service: word, addresses: undefined };
  return { service: word.slice(colon + 1), addresses: splitAddresses(word.slice(0, colon)) };
}

function splitAddresses(text: string): string[] {
  return text.split(",").map((address) => address.replace(/^\[(.*)\]$/, "$1"));
}

interface SocketKind {
  readonly type: ListenPlace["type"];
  readonly isUnix: boolean;
  readonly protocol: string;
  readonly transport: "tcp" | "udp";
  /** `4`, `6`, `46` (one socket of IPv6 for both), or empty: one of each. */
  readonly family: string;
}

function readSocket(type: string, protocol: string, origin: Origin, { problems }: Reading): SocketKind | undefined {
  if (type !== "stream" && type !== "dgram" && type !== "seqpacket") {
    const known = type === "raw" || type === "rdm" ? `sockets of type ${type} are not served here` : undefined;
    problems.error(origin, known ?? `${quote(type)} is no socket type`, "write stream, dgram or seqpacket");
    return undefined;
  }
  const [name = "", ...sizes] = protocol.split(",");
  for (const size of sizes) {
    if (/^(?:snd|rcv)buf=[0-9]+[km]?$/i.test(size)) {
      problems.warning(origin, `${size} is not used: the kernel sizes the buffers of sockets by itself`);
    } else problems.error(origin, `${quote(size)} is no size of a buffer`, "write sndbuf=64k or rcvbuf=64k");
  }
  if (name === "unix") return { type, isUnix: true, protocol: name, transport: "tcp", family: "" };
  if (name.startsWith("rpc/")) {
    problems.error(origin, "services of RPC are not served here", "leave the line out");
    return undefined;
  }
  const [, transport, family = ""] = /^(tcp|udp)(4|6|46)?$/.exec(name) ?? [];
  if (transport !== "tcp" && transport !== "udp") {
    problems.error(
      origin,
      `${quote(name)} is no protocol that is served here`,
      "write tcp, udp (or tcp4, tcp6 …) or unix",
    );
    return undefined;
  }
  if (type !== (transport === "tcp" ? "stream" : "dgram")) {
    const cure = `write stream tcp or dgram udp`;
    problems.error(origin, `${transport} has no sockets of type ${type}`, cure);
    return undefined;
  }
  return { type, isUnix: false, protocol: name, transport, family };
}

function readWaiting(
  text: string,
  origin: Origin,
  { problems }: Reading,
): { isWaiting: boolean; limits: Partial<ServiceLimits> } {
  const [, word, max] = /^(wait|nowait)(?:[.:]([0-9]{1,9}))?$/.exec(text) ?? [];
  if (word === undefined || max === "0") {
    problems.error(origin, `${quote(text)} says neither wait nor nowait`, "write wait, nowait, wait.40 or nowait.40");
  }
  if (max === undefined) return { isWaiting: word === "wait", limits: {} };
  // All of a minute's may come in one second.
  const connectionsPerSecond = Number.POSITIVE_INFINITY;
  const limits = { connectionsPerSecond, connectionsPerMinute: Number(max), restSeconds: REST_SECONDS };
  return { isWaiting: word === "wait", limits };
}

function readProgram(
  path: string,
  argv: readonly string[],
  account: string,
  origin: Origin,
  { problems }: Reading,
): ReturnType<typeof completeProgram> | undefined {
  const [, user = "", group] = /^([^.:]*)(?:[.:](.*))?$/.exec(account) ?? [];
  if (user === "" || group === "") {
    problems.error(origin, `${quote(account)} is no user`, "write a user, or user.group, or user:group");
  }
  if (!path.startsWith("/")) {
    problems.error(origin, `the program ${quote(path)} has no absolute path`, "write the path from / on, or internal");
    return undefined;
  }
  if (argv.length > MAX_VALUES) problems.error(origin, `a program has at most ${MAX_VALUES} arguments`);
  const own = path.slice(path.lastIndexOf("/") + 1);
  if (argv.length === 0) {
    problems.warning(origin, `${path} has no arguments; the first is its own name`, `write ${path} ${own}`);
  } else if (argv[0]?.startsWith("-")) {
    const cure = `write ${path} ${own} ${argv[0]} …`;
    problems.warning(origin, `the first argument of ${path} is its own name, and here it is ${quote(argv[0])}`, cure);
  }
  const comment = argv.find((word) => word.startsWith("#"));
  if (comment !== undefined) {
    problems.warning(origin, `${quote(comment)} is an argument of ${path}: comments have lines of their own`);
  }
  if (argv.some((word) => /^["']/.test(word))) {
    problems.warning(origin, `quotes have no meaning here: ${path} gets them, and words end at blanks`);
  }
  return completeProgram({
    path,
    argv: argv.length === 0 ? [own] : argv,
    credentials: { ...NOBODY, user, group, hasGroups: true, ...(group === undefined ? {} : { isOwnGroupLeft: true }) },
  });
}

interface NamedPlace {
  readonly id: string;
  readonly place: Pick<ListenPlace, "endpoint" | "v6Only">;
}

/** One for each address, and for each family where an entry does not say which. */
function placesOf(name: Name, socket: SocketKind, origin: Origin, reading: ClassicReading): NamedPlace[] {
  const { problems, world } = reading;
  const { type, isUnix, transport, family, protocol } = socket;
  const { service } = name;
  if (isUnix) {
    if (!/^[/@]/.test(service)) {
      problems.error(
        origin,
        `${quote(service)} is no path of a unix socket`,
        "it begins with /, or @ for an abstract one",
      );
      return [];
    }
    const endpoint = checkEndpoint(`${UNIX_SCHEMES[type]}${service}`, type, origin, reading);
    return endpoint === undefined ? [] : [{ id: service, place: { endpoint, v6Only: undefined } }];
  }
  const port = readPort(service, transport, origin, reading);
  if (port === undefined) return [];
  const at = (host: string, v6Only?: boolean): NamedPlace["place"] => ({
    endpoint: checkEndpoint(`${transport}://${hostInEndpoint(host)}:${port}`, type, origin, reading),
    v6Only,
  });
  return (name.addresses ?? reading.addresses).flatMap((address): NamedPlace[] => {
    const found = familyOf(address);
    if (address !== ANY_ADDRESS) {
      const isOther = (family === "4" && found === "inet6") || (family.startsWith("6") && found === "inet");
      if (isOther) problems.error(origin, `${address} is no address of ${protocol}`, `write ${transport}`);
      return [{ id: `${service}/${protocol}@${address}`, place: at(address) }];
    }
    if (family === "46") return [{ id: `${service}/${protocol}`, place: at("::", false) }];
    const places: NamedPlace[] = [];
    if (family !== "6") places.push({ id: `${service}/${family === "" ? transport : protocol}`, place: at("0.0.0.0") });
    if (family === "6" || (family === "" && world.hasIPv6)) {
      places.push({ id: `${service}/${transport}6`, place: at("::", true) });
    }
    return places;
  });
}

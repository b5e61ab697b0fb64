/** Which kinds of sockets this kernel has; and what it means when it has one not. */
import {
  AF,
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNSPEC,
  EACCES,
  EAFNOSUPPORT,
  ENODEV,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  errnoName,
  IPPROTO,
  NETLINK,
  nameOf,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../abi/index.ts";
import { close, socket } from "../sys/index.ts";
import { causeOf } from "./causes.ts";
import type { SystemErrorDetails } from "./errors.ts";
import { type SocketKind, socketKinds } from "./families-table.ts";
import { familyText, typeText } from "./names.ts";

/** Whether this kernel makes one kind of socket for this process. */
export interface SocketSupport {
  /** `AF_INET` … */
  readonly family: string;
  /** `SOCK_STREAM` …; undefined where the kernel has nothing of the whole family. */
  readonly type: string | undefined;
  /** `IPPROTO_TCP` …, or the number of a protocol without a name; undefined likewise. */
  readonly protocol: string | undefined;
  /** The numbers, for socket(2). */
  readonly numbers: { readonly family: number; readonly type?: number; readonly protocol?: number };
  /** What people call it: `TCP`. */
  readonly name: string | undefined;
  /** `denied`: the kernel has it, and this process may not. */
  readonly status: "yes" | "denied" | "no";
  /** C's name of what socket(2) said; undefined where it made one. */
  readonly code: string | undefined;
  /** What that means. */
  readonly cause: string | undefined;
  /** What making one takes, whoever asks: `CAP_NET_RAW`. */
  readonly needs: string | undefined;
}

/** Types tried of families that the table knows nothing about. */
const COMMON_TYPES = [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW] as const;

/**
 * Asks the kernel for a socket of every kind there is, and closes those that it makes. Asking makes the kernel load the
 * modules that it has for them, where the process may cause that. In the order of the families' numbers.
 *
 *     const missing = probeSockets().filter(({ status }) => status !== "yes");
 */
export function probeSockets(): SocketSupport[] {
  const families = [...new Set(Object.values(AF))].filter((family) => family !== AF_UNSPEC).sort((a, b) => a - b);
  return families.flatMap(probeFamily);
}

/**
 * What an error about making a socket says: which one, and why the kernel did not: `AF_INET SOCK_STREAM IPPROTO_SCTP`,
 * `this kernel has no SCTP`.
 * @param errno of either sign.
 */
export function explainSocketFailure(
  family: number,
  type: number,
  protocol: number,
  errno: number,
): SystemErrorDetails {
  const subject = `${familyText(family)} ${typeText(type)} ${protocolText(family, protocol)}`;
  return { subject, cause: causeOfFailure(family, type, protocol, Math.abs(errno)) };
}

/** `IPPROTO_TCP`, `NETLINK_ROUTE`; `protocol 7` where it has no name in its family. */
function protocolText(family: number, protocol: number): string {
  if (family === AF_NETLINK) return nameOf(NETLINK, protocol);
  const isInternet = family === AF_INET || family === AF_INET6;
  const name = isInternet && protocol !== 0 ? nameOf(IPPROTO, protocol) : String(protocol);
  return name === String(protocol) ? `protocol ${protocol}` : name;
}

function causeOfFailure(family: number, type: number, protocol: number, errno: number): string | undefined {
  const kind = socketKinds.find((one) => one.family === family && one.type === type && one.protocol === protocol);
  switch (errno) {
    case EAFNOSUPPORT:
      return `this kernel has no ${familyText(family)}`;
    case EPERM:
    case EACCES: {
      const needs = kind?.needs ?? (type === SOCK_RAW ? "CAP_NET_RAW" : undefined);
      return needs === undefined ? undefined : `this kind of socket needs ${needs}`;
    }
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
      return kind === undefined ? otherTypes(family, type, protocol) : `this kernel has no ${kind.name}`;
    case ENODEV:
      return "no device or transport that this kernel has carries it";
    default:
      return undefined;
  }
}

/** A protocol that is spoken over other types of socket than the one asked for; 0 is none by name. */
function otherTypes(family: number, type: number, protocol: number): string | undefined {
  const others = socketKinds.filter((one) => one.family === family && one.protocol === protocol && protocol !== 0);
  const [first] = others;
  if (first === undefined) return undefined;
  return `${first.name} goes over ${others.map((one) => typeText(one.type)).join(" or ")}, not ${typeText(type)}`;
}

function probeFamily(family: number): SocketSupport[] {
  const known = socketKinds.filter((kind) => kind.family === family);
  const rows = (known.length > 0 ? known : unknownKinds(family)).map(probe);
  const isMissing = rows.every(({ code }) => code === "EAFNOSUPPORT");
  const [first] = rows as [SocketSupport];
  if (!isMissing) return known.length > 0 ? rows : rows.filter(({ status }) => status !== "no");
  return [{ ...first, type: undefined, protocol: undefined, numbers: { family }, name: undefined, needs: undefined }];
}

function unknownKinds(family: number): SocketKind[] {
  return COMMON_TYPES.map((type) => ({ family, type, protocol: 0, name: familyText(family) }));
}

function probe({ family, type, protocol, name, needs }: SocketKind): SocketSupport {
  const result = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (result >= 0) close(result);
  const code = result < 0 ? errnoName(result) : undefined;
  const cause =
    code === undefined ? undefined : (causeOfFailure(family, type, protocol, -result) ?? causeOf("socket", code));
  return {
    family: familyText(family),
    type: typeText(type),
    protocol: protocolText(family, protocol).replace("protocol ", ""),
    numbers: { family, type, protocol },
    name,
    status: result >= 0 ? "yes" : result === -EPERM || result === -EACCES ? "denied" : "no",
    code,
    cause,
    needs,
  };
}

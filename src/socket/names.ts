/** Families and types by their short names, as the constructor of `Socket` takes them. */
import {
  AF,
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  AF_VSOCK,
  nameOf,
  SOCK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../abi/index.ts";

/** An address family by name; any other goes by its AF_ number. */
export type FamilyName = "inet" | "inet6" | "netlink" | "packet" | "unix" | "vsock";
/** A socket type by name; any other goes by its SOCK_ number. */
export type TypeName = "dgram" | "raw" | "seqpacket" | "stream";

const INT_MAX = 0x7fff_ffff;
const INT_MIN = -0x8000_0000;

const FAMILIES: { readonly [Name in FamilyName]: number } = {
  inet: AF_INET,
  inet6: AF_INET6,
  netlink: AF_NETLINK,
  packet: AF_PACKET,
  unix: AF_UNIX,
  vsock: AF_VSOCK,
};

const TYPES: { readonly [Name in TypeName]: number } = {
  dgram: SOCK_DGRAM,
  raw: SOCK_RAW,
  seqpacket: SOCK_SEQPACKET,
  stream: SOCK_STREAM,
};

/** The AF_ number. @throws TypeError for a name that is none */
export function familyNumber(family: FamilyName | number): number {
  return toNumber("address family", family, FAMILIES);
}

/** The SOCK_ number, without the flags that C adds to it: they are always set here. @throws TypeError for a name that is none */
export function typeNumber(type: TypeName | number): number {
  return toNumber("socket type", type, TYPES) & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/** @throws RangeError for what does not fit into a C int, of which the kernel would see the lower bits. */
export function checkInt(what: string, value: number, min: number = INT_MIN): number {
  if (Number.isInteger(value) && value >= min && value <= INT_MAX) return value;
  throw new RangeError(`${what} is an integer from ${min} to ${INT_MAX}, not ${String(value)}`);
}

/** `AF_INET`, or the number of a family without a name. */
export function familyText(family: number): string {
  return nameOf(AF, family);
}

/** `SOCK_STREAM`, or the number of a type without a name. */
export function typeText(type: number): string {
  return nameOf(SOCK, type);
}

function toNumber(what: string, value: string | number, names: Readonly<Record<string, number>>): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= INT_MAX) return value;
  if (typeof value === "string" && Object.hasOwn(names, value)) return names[value] as number;
  const known = Object.keys(names).join(", ");
  throw new TypeError(`${what} ${JSON.stringify(value)} is none of ${known}, nor a number`);
}

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
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../abi/index.ts";

/** An address family by name; any other goes by its AF_ number. */
export type FamilyName = "inet" | "inet6" | "netlink" | "packet" | "unix" | "vsock";
/** A socket type by name; any other goes by its SOCK_ number. */
export type TypeName = "dgram" | "raw" | "seqpacket" | "stream";

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

/** The SOCK_ number. @throws TypeError for a name that is none */
export function typeNumber(type: TypeName | number): number {
  return toNumber("socket type", type, TYPES);
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
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  if (typeof value === "string" && Object.hasOwn(names, value)) return names[value] as number;
  const known = Object.keys(names).join(", ");
  throw new TypeError(`${what} ${JSON.stringify(value)} is none of ${known}, nor a number`);
}

/**
 * Socket addresses: what is written in a program, and struct sockaddr as the kernel has it. Numbers are in host byte
 * order on the program's side, ports and protocols and flow labels too; the codec swaps.
 */
import { htonl, htons, ntohl, ntohs, readI32, readU16, readU32, writeU16, writeU32 } from "./byte-order.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK } from "./generated/constants.ts";
import {
  SOCKADDR_IN,
  SOCKADDR_IN6,
  SOCKADDR_LL,
  SOCKADDR_NL,
  SOCKADDR_STORAGE,
  SOCKADDR_UN,
  SOCKADDR_UN_SIZES,
  SOCKADDR_VM,
} from "./generated/layouts.ts";
import { formatIPv4, formatIPv6, parseIPv4Into, parseIPv6Into, splitZone } from "./inet.ts";

/** struct sockaddr_in. ip(7) */
export interface InetAddress {
  readonly family: "inet";
  /** Four decimal parts. */
  readonly address: string;
  readonly port: number;
}

/** struct sockaddr_in6. ipv6(7) */
export interface Inet6Address {
  readonly family: "inet6";
  /** Decoded without a zone; encoded also with a numeric one, `fe80::1%3`, when there is no `scopeId`. */
  readonly address: string;
  readonly port: number;
  /** Flow label and traffic class; absent is 0. */
  readonly flowinfo?: number;
  /** The interface's index for a link-local address; absent is 0. */
  readonly scopeId?: number;
}

/**
 * struct sockaddr_un. unix(7). Paths and names are bytes to the kernel: decoded, they are text when the bytes are valid
 * UTF-8 and the bytes themselves when not; both encode, so nothing is lost. An unnamed address is that of a socket that
 * was not bound; bound to it, a socket gets an abstract name from the kernel.
 */
export type UnixAddress =
  | { readonly family: "unix"; readonly kind: "path"; readonly path: string | Uint8Array }
  | { readonly family: "unix"; readonly kind: "abstract"; readonly name: string | Uint8Array }
  | { readonly family: "unix"; readonly kind: "unnamed" };

/** struct sockaddr_ll. packet(7) */
export interface PacketAddress {
  readonly family: "packet";
  /** An ETH_P_ constant. */
  readonly protocol: number;
  readonly ifindex: number;
  /** An ARPHRD_ constant. */
  readonly hatype: number;
  /** A PACKET_TYPE constant. */
  readonly pkttype: number;
  /** The hardware address, 6 bytes for Ethernet. */
  readonly address: Uint8Array;
}

/** struct sockaddr_nl. netlink(7) */
export interface NetlinkAddress {
  readonly family: "netlink";
  /** The port id; 0 is the kernel. */
  readonly pid: number;
  /** Multicast groups 1 to 32, as bits. */
  readonly groups: number;
}

/** struct sockaddr_vm. vsock(7) */
export interface VsockAddress {
  readonly family: "vsock";
  readonly cid: number;
  readonly port: number;
}

/** An address of a family that this codec does not know, or one too short for its family. */
export interface UnknownAddress {
  readonly family: "unknown";
  /** An AF_ constant; AF_UNSPEC when there were not even the bytes of the family. */
  readonly familyNumber: number;
  /** What follows the family. */
  readonly bytes: Uint8Array;
}

/** Any socket address, told apart by `family`. */
export type SocketAddress =
  | InetAddress
  | Inet6Address
  | UnixAddress
  | PacketAddress
  | NetlinkAddress
  | VsockAddress
  | UnknownAddress;

/** Room for every address: struct sockaddr_storage. */
export const MAX_SOCKADDR_BYTES: number = SOCKADDR_STORAGE.size;

/** The longest path of a unix socket in bytes, without its NUL. unix(7) */
export const MAX_UNIX_PATH_BYTES: number = SOCKADDR_UN_SIZES.sun_path - 1;

/** The longest abstract name in bytes, without the NUL that goes before it. unix(7) */
export const MAX_ABSTRACT_NAME_BYTES: number = SOCKADDR_UN_SIZES.sun_path - 1;

/** The longest hardware address that a packet socket takes; the kernel's MAX_ADDR_LEN. */
export const MAX_HARDWARE_ADDRESS_BYTES = 32;

/** The IPv6 address of RFC 2133 had no scope id, and the kernel still takes it. */
const SHORT_IN6_SIZE: number = SOCKADDR_IN6.sin6_scope_id;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The address as a struct sockaddr of its own. @throws RangeError naming the part that is out of range */
export function encodeSockaddr(address: SocketAddress): Uint8Array;
/**
 * Writes the address as a struct sockaddr and returns its length, the `addrlen` of bind(2) and connect(2).
 * @throws RangeError naming the part that is out of range, or when the address does not fit
 */
export function encodeSockaddr(address: SocketAddress, into: Uint8Array, offset?: number): number;
export function encodeSockaddr(address: SocketAddress, into?: Uint8Array, offset = 0): Uint8Array | number {
  if (into !== undefined) return encodeInto(address, into, offset);
  const room = new Uint8Array(MAX_SOCKADDR_BYTES);
  return room.slice(0, encodeInto(address, room, 0));
}

function encodeInto(address: SocketAddress, into: Uint8Array, offset: number): number {
  switch (address.family) {
    case "inet":
      return encodeInet(address, into, offset);
    case "inet6":
      return encodeInet6(address, into, offset);
    case "unix":
      return encodeUnix(address, into, offset);
    case "packet":
      return encodePacket(address, into, offset);
    case "netlink":
      return encodeNetlink(address, into, offset);
    case "vsock":
      return encodeVsock(address, into, offset);
    case "unknown":
      return encodeUnknown(address, into, offset);
    default:
      throw new RangeError(`address family "${(address as { family: unknown }).family}" is not one of ${FAMILIES}`);
  }
}

const FAMILIES = "inet, inet6, unix, packet, netlink, vsock, unknown";

function encodeInet({ address, port }: InetAddress, into: Uint8Array, offset: number): number {
  const { size } = SOCKADDR_IN;
  start(into, offset, size, AF_INET);
  checkInteger("port", port, 0xffff);
  if (typeof address !== "string" || !parseIPv4Into(address, into, offset + SOCKADDR_IN.sin_addr)) {
    throw new RangeError(`${hostText(address)} is not an IPv4 address`);
  }
  writeU16(into, offset + SOCKADDR_IN.sin_port, htons(port));
  return size;
}

function encodeInet6(value: Inet6Address, into: Uint8Array, offset: number): number {
  const { size } = SOCKADDR_IN6;
  start(into, offset, size, AF_INET6);
  const { port, flowinfo = 0 } = value;
  checkInteger("port", port, 0xffff);
  checkInteger("flowinfo", flowinfo, 0xffffffff);
  const parts = typeof value.address === "string" ? splitZone(value.address) : null;
  if (parts === null || !parseIPv6Into(parts.address, into, offset + SOCKADDR_IN6.sin6_addr)) {
    throw new RangeError(`${hostText(value.address)} is not an IPv6 address`);
  }
  const scopeId = value.scopeId ?? zoneIndex(parts.zone, value.address);
  checkInteger("scopeId", scopeId, 0xffffffff);
  writeU16(into, offset + SOCKADDR_IN6.sin6_port, htons(port));
  writeU32(into, offset + SOCKADDR_IN6.sin6_flowinfo, htonl(flowinfo));
  writeU32(into, offset + SOCKADDR_IN6.sin6_scope_id, scopeId);
  return size;
}

/** JavaScript has no types at run time: a field that was forgotten is told from a text that is no address. */
function hostText(address: unknown): string {
  return typeof address === "string" ? `host "${address}"` : `address ${String(address)}`;
}

/** Only a numeric zone can be had without asking the kernel for the interface's index. */
function zoneIndex(zone: string | undefined, address: string): number {
  if (zone === undefined) return 0;
  if (/^[0-9]{1,10}$/.test(zone)) return Number(zone);
  throw new RangeError(`zone "${zone}" of host "${address}" is not an interface index; give its scopeId`);
}

function encodeUnix(value: UnixAddress, into: Uint8Array, offset: number): number {
  const { sun_path } = SOCKADDR_UN;
  switch (value.kind) {
    case "unnamed":
      start(into, offset, sun_path, AF_UNIX);
      return sun_path;
    case "abstract": {
      const name = toBytes("abstract name", value.name, MAX_ABSTRACT_NAME_BYTES);
      const length = sun_path + 1 + name.length;
      start(into, offset, length, AF_UNIX);
      into.set(name, offset + sun_path + 1);
      return length;
    }
    case "path": {
      const path = toBytes("path", value.path, MAX_UNIX_PATH_BYTES);
      if (path.length === 0) throw new RangeError("path is empty: an unnamed address has a kind of its own");
      if (path.includes(0)) throw new RangeError(`path ${JSON.stringify(value.path)} has a NUL in it`);
      const length = sun_path + path.length + 1;
      start(into, offset, length, AF_UNIX);
      into.set(path, offset + sun_path);
      return length;
    }
    default:
      throw new RangeError(`kind "${(value as { kind: unknown }).kind}" is not one of path, abstract, unnamed`);
  }
}

function toBytes(what: string, value: string | Uint8Array, max: number): Uint8Array {
  if (typeof value === "string" && /\p{Surrogate}/u.test(value)) {
    throw new RangeError(`${what} ${JSON.stringify(value)} has half a surrogate pair, which no UTF-8 stands for`);
  }
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  if (!(bytes instanceof Uint8Array)) throw new RangeError(`${what} ${String(value)} is neither text nor a Uint8Array`);
  if (bytes.length > max) {
    const shown = typeof value === "string" ? ` ${JSON.stringify(value)}` : "";
    throw new RangeError(`${what}${shown} is ${bytes.length} bytes long; ${max} is the limit`);
  }
  return bytes;
}

function encodePacket(value: PacketAddress, into: Uint8Array, offset: number): number {
  const { address } = value;
  if (!(address instanceof Uint8Array)) throw new RangeError(`hardware address ${String(address)} is no Uint8Array`);
  checkInteger("protocol", value.protocol, 0xffff);
  checkInteger("ifindex", value.ifindex, 0x7fffffff);
  checkInteger("hatype", value.hatype, 0xffff);
  checkInteger("pkttype", value.pkttype, 0xff);
  checkInteger("address length", address.length, MAX_HARDWARE_ADDRESS_BYTES);
  const length = Math.max(SOCKADDR_LL.size, SOCKADDR_LL.sll_addr + address.length);
  start(into, offset, length, AF_PACKET);
  writeU16(into, offset + SOCKADDR_LL.sll_protocol, htons(value.protocol));
  writeU32(into, offset + SOCKADDR_LL.sll_ifindex, value.ifindex);
  writeU16(into, offset + SOCKADDR_LL.sll_hatype, value.hatype);
  into[offset + SOCKADDR_LL.sll_pkttype] = value.pkttype;
  into[offset + SOCKADDR_LL.sll_halen] = address.length;
  into.set(address, offset + SOCKADDR_LL.sll_addr);
  return length;
}

function encodeNetlink({ pid, groups }: NetlinkAddress, into: Uint8Array, offset: number): number {
  const { size } = SOCKADDR_NL;
  checkInteger("pid", pid, 0xffffffff);
  checkInteger("groups", groups, 0xffffffff);
  start(into, offset, size, AF_NETLINK);
  writeU32(into, offset + SOCKADDR_NL.nl_pid, pid);
  writeU32(into, offset + SOCKADDR_NL.nl_groups, groups);
  return size;
}

function encodeVsock({ cid, port }: VsockAddress, into: Uint8Array, offset: number): number {
  const { size } = SOCKADDR_VM;
  checkInteger("cid", cid, 0xffffffff);
  checkInteger("port", port, 0xffffffff);
  start(into, offset, size, AF_VSOCK);
  writeU32(into, offset + SOCKADDR_VM.svm_cid, cid);
  writeU32(into, offset + SOCKADDR_VM.svm_port, port);
  return size;
}

function encodeUnknown({ familyNumber, bytes }: UnknownAddress, into: Uint8Array, offset: number): number {
  checkInteger("familyNumber", familyNumber, 0xffff);
  if (!(bytes instanceof Uint8Array)) throw new RangeError(`bytes ${String(bytes)} is no Uint8Array`);
  checkInteger("length of bytes", bytes.length, MAX_SOCKADDR_BYTES - 2);
  start(into, offset, 2 + bytes.length, familyNumber);
  into.set(bytes, offset + 2);
  return 2 + bytes.length;
}

/** Checks the room, clears it (the kernel looks at padding too) and writes the family. */
function start(into: Uint8Array, offset: number, length: number, family: number): void {
  if (offset < 0 || into.length - offset < length) {
    throw new RangeError(`the address takes ${length} bytes, and ${Math.max(0, into.length - offset)} are there`);
  }
  into.fill(0, offset, offset + length);
  writeU16(into, offset, family);
}

function checkInteger(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name} ${value} is not an integer from 0 to ${max}`);
  }
}

/**
 * The address that a struct sockaddr of `length` bytes holds. It never throws: a family that is not known, or a length
 * too short for its family, gives an {@link UnknownAddress}. A length beyond the bytes is cut to them, since the kernel
 * says how long an address was even when the room for it was shorter.
 */
export function decodeSockaddr(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset): SocketAddress {
  const available = Math.max(0, Math.min(length, bytes.length - offset));
  if (available < 2) return { family: "unknown", familyNumber: 0, bytes: copy(bytes, offset, offset + available) };
  const family = readU16(bytes, offset);
  if (family === AF_INET && available >= SOCKADDR_IN.size) return decodeInet(bytes, offset);
  if (family === AF_INET6 && available >= SHORT_IN6_SIZE) return decodeInet6(bytes, offset, available);
  if (family === AF_UNIX) return decodeUnix(bytes, offset, available);
  if (family === AF_PACKET && available >= SOCKADDR_LL.sll_addr) return decodePacket(bytes, offset, available);
  if (family === AF_NETLINK && available >= SOCKADDR_NL.size) {
    const pid = readU32(bytes, offset + SOCKADDR_NL.nl_pid);
    return { family: "netlink", pid, groups: readU32(bytes, offset + SOCKADDR_NL.nl_groups) };
  }
  if (family === AF_VSOCK && available >= SOCKADDR_VM.size) {
    const cid = readU32(bytes, offset + SOCKADDR_VM.svm_cid);
    return { family: "vsock", cid, port: readU32(bytes, offset + SOCKADDR_VM.svm_port) };
  }
  return { family: "unknown", familyNumber: family, bytes: copy(bytes, offset + 2, offset + available) };
}

/** A copy of its own: a receive buffer is used again, and the `slice` of a Buffer would still be that buffer. */
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function decodeInet(bytes: Uint8Array, offset: number): InetAddress {
  const port = ntohs(readU16(bytes, offset + SOCKADDR_IN.sin_port));
  return { family: "inet", address: formatIPv4(bytes, offset + SOCKADDR_IN.sin_addr), port };
}

function decodeInet6(bytes: Uint8Array, offset: number, length: number): Inet6Address {
  const address = formatIPv6(bytes, offset + SOCKADDR_IN6.sin6_addr);
  const port = ntohs(readU16(bytes, offset + SOCKADDR_IN6.sin6_port));
  const flowinfo = ntohl(readU32(bytes, offset + SOCKADDR_IN6.sin6_flowinfo));
  const scopeId = length < SOCKADDR_IN6.size ? 0 : readU32(bytes, offset + SOCKADDR_IN6.sin6_scope_id);
  return {
    family: "inet6",
    address,
    port,
    ...(flowinfo === 0 ? undefined : { flowinfo }),
    ...(scopeId === 0 ? undefined : { scopeId }),
  };
}

function decodeUnix(bytes: Uint8Array, offset: number, length: number): UnixAddress {
  const start = offset + SOCKADDR_UN.sun_path;
  const end = offset + length;
  if (start === end) return { family: "unix", kind: "unnamed" };
  if (bytes[start] === 0) return { family: "unix", kind: "abstract", name: toText(bytes, start + 1, end) };
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return { family: "unix", kind: "path", path: toText(bytes, start, stop) };
}

function toText(bytes: Uint8Array, start: number, end: number): string | Uint8Array {
  const part = copy(bytes, start, end);
  try {
    return strictDecoder.decode(part);
  } catch {
    return part;
  }
}

function decodePacket(bytes: Uint8Array, offset: number, length: number): PacketAddress {
  const start = offset + SOCKADDR_LL.sll_addr;
  const addressLength = Math.min(bytes[offset + SOCKADDR_LL.sll_halen]!, offset + length - start);
  return {
    family: "packet",
    protocol: ntohs(readU16(bytes, offset + SOCKADDR_LL.sll_protocol)),
    ifindex: readI32(bytes, offset + SOCKADDR_LL.sll_ifindex),
    hatype: readU16(bytes, offset + SOCKADDR_LL.sll_hatype),
    pkttype: bytes[offset + SOCKADDR_LL.sll_pkttype]!,
    address: copy(bytes, start, start + addressLength),
  };
}

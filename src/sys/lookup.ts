/**
 * The name look-up functions of libc (section 3 of the manual). The classic ones are here in their reentrant forms only:
 * the others answer in one static buffer per process, which the threads of a process would overwrite for each other.
 *
 * Those that end in `_r` take addresses: of the struct to fill, of room for what it points to, and of a pointer that
 * becomes the struct's address, or 0 when there is no such entry. Everything the struct points to is in that room or
 * is libc's own for ever. They return 0 or `-errno`, `-ERANGE` when the room is too small.
 */
import { ENOSYS } from "../abi/index.ts";
import { type AsyncResult, bindAll, bindAsync, errno, hasSymbol, type Memory, readText } from "./ffi.ts";
import { lookupTable, protocolLookupTable } from "./table.ts";

export type { AsyncResult } from "./ffi.ts";

const native = bindAll(lookupTable);
const protocols = hasSymbol("getprotobyname_r") ? bindAll(protocolLookupTable) : undefined;

/**
 * `hints` is a struct addrinfo or null; `list` receives the address of the first result. Returns 0 or an EAI_ code
 * (EAI_SYSTEM: see {@link lookupErrno}). SAFETY: the list lives until {@link freeaddrinfo}. getaddrinfo(3)
 */
export function getaddrinfo(node: string | null, service: string | null, hints: Memory, list: Memory): number {
  return native.getaddrinfo(node, service, hints, list);
}

/** The errno that EAI_SYSTEM and NETDB_INTERNAL speak of: to be read right after the call. */
export function lookupErrno(): number {
  return errno();
}

/**
 * {@link getaddrinfo} on a thread of libuv's pool. SAFETY: `hints` and `list` are addresses of memory that the caller
 * frees only after the promise has settled.
 */
export const getaddrinfoAsync: (
  node: string | null,
  service: string | null,
  hints: number,
  list: number,
) => Promise<AsyncResult> = bindAsync("int getaddrinfo(text, text, address, address)");

/** SAFETY: the list is one of getaddrinfo's, given back once, with no view of it left. freeaddrinfo(3) */
export function freeaddrinfo(list: number): void {
  native.freeaddrinfo(list);
}

/** What an EAI_ code means. gai_strerror(3) */
export function gai_strerror(code: number): string {
  return readText(native.gai_strerror(code));
}

/** Returns 0 or an EAI_ code. getnameinfo(3) */
export function getnameinfo(
  address: Memory,
  addressLength: number,
  host: Memory,
  hostSize: number,
  service: Memory,
  serviceSize: number,
  flags: number,
): number {
  return native.getnameinfo(address, addressLength, host, hostSize, service, serviceSize, flags);
}

/**
 * {@link getnameinfo} on a thread of libuv's pool. SAFETY: all memory is given by address and freed only after the
 * promise has settled.
 */
export const getnameinfoAsync: (
  address: number,
  addressLength: number,
  host: number,
  hostSize: number,
  service: number,
  serviceSize: number,
  flags: number,
) => Promise<AsyncResult> = bindAsync("int getnameinfo(address, uint, address, uint, address, uint, int)");

/** Where a reentrant call writes, as addresses of memory that does not move. */
export interface EntryMemory {
  /** struct hostent, servent or protoent. */
  readonly entry: number;
  /** Room for names and lists. */
  readonly room: number;
  readonly roomBytes: number;
  /** Receives the address of `entry`, or 0. */
  readonly found: number;
  /** Receives h_errno; only of the host calls. */
  readonly hostErrno: number;
}

/** SAFETY (also of those below): `memory` stays until what it points to has been copied. gethostbyname2(3) */
export function gethostbyname2_r(name: string, family: number, memory: EntryMemory): number {
  const { entry, room, roomBytes, found, hostErrno } = memory;
  return 0 - native.gethostbyname2_r(name, family, entry, room, roomBytes, found, hostErrno);
}

const hostByName = bindAsync(lookupTable.gethostbyname2_r);

/** {@link gethostbyname2_r} on a thread of libuv's pool. SAFETY: `memory` also stays until the promise has settled. */
export async function gethostbyname2_rAsync(name: string, family: number, memory: EntryMemory): Promise<AsyncResult> {
  const { entry, room, roomBytes, found, hostErrno } = memory;
  return negated(await hostByName(name, family, entry, room, roomBytes, found, hostErrno));
}

/** `address` is that of struct in_addr or in6_addr. gethostbyaddr(3) */
export function gethostbyaddr_r(address: number, length: number, family: number, memory: EntryMemory): number {
  const { entry, room, roomBytes, found, hostErrno } = memory;
  return 0 - native.gethostbyaddr_r(address, length, family, entry, room, roomBytes, found, hostErrno);
}

const hostByAddress = bindAsync(lookupTable.gethostbyaddr_r);

/** {@link gethostbyaddr_r} on a thread of libuv's pool. SAFETY: all memory stays until the promise has settled. */
export async function gethostbyaddr_rAsync(
  address: number,
  length: number,
  family: number,
  memory: EntryMemory,
): Promise<AsyncResult> {
  const { entry, room, roomBytes, found, hostErrno } = memory;
  return negated(await hostByAddress(address, length, family, entry, room, roomBytes, found, hostErrno));
}

/** getservbyname(3) */
export function getservbyname_r(name: string, protocol: string | null, memory: EntryMemory): number {
  return 0 - native.getservbyname_r(name, protocol, memory.entry, memory.room, memory.roomBytes, memory.found);
}

const serviceByName = bindAsync(lookupTable.getservbyname_r);

/** {@link getservbyname_r} on a thread of libuv's pool. SAFETY: `memory` also stays until the promise has settled. */
export async function getservbyname_rAsync(
  name: string,
  protocol: string | null,
  memory: EntryMemory,
): Promise<AsyncResult> {
  return negated(await serviceByName(name, protocol, memory.entry, memory.room, memory.roomBytes, memory.found));
}

/** `port` is in network byte order. getservbyport(3) */
export function getservbyport_r(port: number, protocol: string | null, memory: EntryMemory): number {
  return 0 - native.getservbyport_r(port, protocol, memory.entry, memory.room, memory.roomBytes, memory.found);
}

const serviceByPort = bindAsync(lookupTable.getservbyport_r);

/** {@link getservbyport_r} on a thread of libuv's pool. SAFETY: `memory` also stays until the promise has settled. */
export async function getservbyport_rAsync(
  port: number,
  protocol: string | null,
  memory: EntryMemory,
): Promise<AsyncResult> {
  return negated(await serviceByPort(port, protocol, memory.entry, memory.room, memory.roomBytes, memory.found));
}

/** Whether this libc has the two protocol calls below. musl has none: {@link getprotobyname}. */
export const hasReentrantProtocols: boolean = protocols !== undefined;

/** Only with {@link hasReentrantProtocols}; else `-ENOSYS`. getprotobyname(3) */
export function getprotobyname_r(name: string, memory: EntryMemory): number {
  if (protocols === undefined) return -ENOSYS;
  return 0 - protocols.getprotobyname_r(name, memory.entry, memory.room, memory.roomBytes, memory.found);
}

/** Only with {@link hasReentrantProtocols}; else `-ENOSYS`. getprotobynumber(3) */
export function getprotobynumber_r(protocol: number, memory: EntryMemory): number {
  if (protocols === undefined) return -ENOSYS;
  return 0 - protocols.getprotobynumber_r(protocol, memory.entry, memory.room, memory.roomBytes, memory.found);
}

/**
 * The address of a static struct protoent, or 0. SAFETY: it is copied before anything else runs on this thread, and
 * used only with a libc whose table is constant. getprotobyname(3)
 */
export function getprotobyname(name: string): number {
  return native.getprotobyname(name);
}

/** As {@link getprotobyname}. getprotobynumber(3) */
export function getprotobynumber(protocol: number): number {
  return native.getprotobynumber(protocol);
}

/** The index of an interface, or `-errno`. if_nametoindex(3) */
export function if_nametoindex(name: string): number {
  return native.if_nametoindex(name) || -errno();
}

/** Writes the interface's name to `name` (IF_NAMESIZE bytes); 0 or `-errno`. if_indextoname(3) */
export function if_indextoname(index: number, name: Uint8Array): number {
  return native.if_indextoname(index, name) === 0 ? -errno() : 0;
}

/** The address of an array of struct if_nameindex that ends with an index of 0, or `-errno`. if_nameindex(3) */
export function if_nameindex(): number {
  return native.if_nameindex() || -errno();
}

/** SAFETY: the array is one of if_nameindex's, given back once, with no view of it left. if_freenameindex(3) */
export function if_freenameindex(array: number): void {
  native.if_freenameindex(array);
}

/** `list` receives the address of the first struct ifaddrs. getifaddrs(3) */
export function getifaddrs(list: Memory): number {
  return native.getifaddrs(list) < 0 ? -errno() : 0;
}

/** SAFETY: the list is one of getifaddrs's, given back once, with no view of it left. freeifaddrs(3) */
export function freeifaddrs(list: number): void {
  native.freeifaddrs(list);
}

/** 0 stays 0: -0 is another value to Object.is. */
function negated({ result, errno }: AsyncResult): AsyncResult {
  return { result: 0 - result, errno };
}

/**
 * The name look-up functions of libc (section 3 of the manual). Those that return a pointer return an address, 0 for
 * none. The classic ones (`gethostby…`, `getserv…`, `getproto…`) answer in one static buffer per process: the caller
 * copies the answer out before anything else runs on this thread.
 */
import { bindAll, bindAsync, errno, type Memory, readText } from "./ffi.ts";
import { lookupTable } from "./table.ts";

const native = bindAll(lookupTable);

/**
 * `hints` is a struct addrinfo or null; `list` receives the address of the first result. Returns 0 or an EAI_ code
 * (EAI_SYSTEM: see errno). SAFETY: the list lives until {@link freeaddrinfo}. getaddrinfo(3)
 */
export function getaddrinfo(node: string | null, service: string | null, hints: Memory, list: Memory): number {
  return native.getaddrinfo(node, service, hints, list);
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
) => Promise<number> = bindAsync("int getaddrinfo(text, text, address, address)");

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
) => Promise<number> = bindAsync("int getnameinfo(address, uint, address, uint, address, uint, int)");

/** The address of a static struct hostent, or 0. gethostbyname2(3) */
export function gethostbyname2(name: string, family: number): number {
  return native.gethostbyname2(name, family);
}

/** The address of a static struct hostent, or 0. gethostbyaddr(3) */
export function gethostbyaddr(address: Memory, length: number, family: number): number {
  return native.gethostbyaddr(address, length, family);
}

/** The address of a static struct servent, or 0. getservbyname(3) */
export function getservbyname(name: string, protocol: string | null): number {
  return native.getservbyname(name, protocol);
}

/** `port` is in network byte order. The address of a static struct servent, or 0. getservbyport(3) */
export function getservbyport(port: number, protocol: string | null): number {
  return native.getservbyport(port, protocol);
}

/** The address of a static struct protoent, or 0. getprotobyname(3) */
export function getprotobyname(name: string): number {
  return native.getprotobyname(name);
}

/** The address of a static struct protoent, or 0. getprotobynumber(3) */
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

/** `list` receives the address of the first struct ifaddrs. getifaddrs(3) */
export function getifaddrs(list: Memory): number {
  return native.getifaddrs(list) < 0 ? -errno() : 0;
}

/** SAFETY: the list is one of getifaddrs's, given back once, with no view of it left. freeifaddrs(3) */
export function freeifaddrs(list: number): void {
  native.freeifaddrs(list);
}

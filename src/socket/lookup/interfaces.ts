/** Interfaces by name and index, and their addresses. The kernel answers at once: there are no asynchronous forms. */
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  decodeSockaddr,
  flagNames,
  IF_NAMEINDEX,
  IFADDRS,
  IFF,
  IFF_BROADCAST,
  IFF_POINTOPOINT,
  IFREQ_SIZES,
  readU16,
  readU32,
  SOCKADDR_IN,
  SOCKADDR_IN6,
  SOCKADDR_LL,
  type SocketAddress,
} from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { checked } from "../errors.ts";
import { copyOut, pointerAt, textAt } from "./memory.ts";
import { checkText } from "./text.ts";

/** An interface. */
export interface InterfaceName {
  readonly index: number;
  readonly name: string;
}

/** One address of an interface: struct ifaddrs. */
export interface InterfaceAddress {
  /** The interface: ifa_name. */
  readonly name: string;
  /** IFF_ bits: ifa_flags. */
  readonly flags: number;
  /** Their names. */
  readonly flagNames: readonly string[];
  /** Absent where the interface has none: ifa_addr. */
  readonly address?: SocketAddress;
  /** ifa_netmask; port and scope of it mean nothing. */
  readonly netmask?: SocketAddress;
  /** Of interfaces with IFF_BROADCAST: ifa_broadaddr. */
  readonly broadcast?: SocketAddress;
  /** The other end, of interfaces with IFF_POINTOPOINT: ifa_dstaddr. */
  readonly destination?: SocketAddress;
}

/** Interfaces and their addresses in one list; a longer one is taken for a corrupted one. */
export const MAX_INTERFACE_ADDRESSES = 1_048_576;

/**
 * The index of an interface, 1 or more. if_nametoindex(3)
 *
 *     if_nametoindex("lo"); // 1
 *
 * @throws SystemError ENODEV for a name that no interface has; TypeError for what is no name
 */
export function if_nametoindex(name: string): number {
  checkText("an interface", name);
  return checked("if_nametoindex", sys.if_nametoindex(name), { subject: name });
}

/**
 * The name of an interface. if_indextoname(3)
 * @throws SystemError ENXIO for an index that no interface has; RangeError for what is no index
 */
export function if_indextoname(index: number): string {
  if (!Number.isInteger(index) || index < 0 || index > 0xffffffff) {
    throw new RangeError(`an interface's index is a whole number from 0 to ${0xffffffff}, not ${String(index)}`);
  }
  // IF_NAMESIZE.
  const name = new Uint8Array(IFREQ_SIZES.ifr_name);
  const noSuch = { subject: String(index), cause: "no interface has this index" };
  checked("if_indextoname", sys.if_indextoname(index, name), noSuch);
  const end = name.indexOf(0);
  return new TextDecoder().decode(name.subarray(0, end < 0 ? name.length : end));
}

/** Every interface. if_nameindex(3) @throws SystemError ENOBUFS … */
export function if_nameindex(): InterfaceName[] {
  const array = checked("if_nameindex", sys.if_nameindex());
  try {
    const names: InterfaceName[] = [];
    for (let at = array; names.length < MAX_INTERFACE_ADDRESSES; at += IF_NAMEINDEX.size) {
      const entry = copyOut(at, IF_NAMEINDEX.size);
      const index = readU32(entry, IF_NAMEINDEX.if_index);
      if (index === 0) return names;
      names.push({ index, name: textAt(pointerAt(entry, IF_NAMEINDEX.if_name)) ?? "" });
    }
    throw tooMany();
  } finally {
    // SAFETY: everything was copied out.
    sys.if_freenameindex(array);
  }
}

/**
 * The addresses of all interfaces: those of the link first (family `packet`), then IPv4, then IPv6. getifaddrs(3)
 *
 *     for (const { name, address } of getifaddrs()) console.log(name, address?.family);
 *
 * @throws SystemError EMFILE …
 */
export function getifaddrs(): InterfaceAddress[] {
  const list = new BigUint64Array(1);
  checked("getifaddrs", sys.getifaddrs(list));
  const first = Number(list[0]);
  try {
    const addresses: InterfaceAddress[] = [];
    for (let at = first; at !== 0; ) {
      if (addresses.length >= MAX_INTERFACE_ADDRESSES) throw tooMany();
      const node = copyOut(at, IFADDRS.size);
      addresses.push(decodeNode(node));
      at = pointerAt(node, IFADDRS.ifa_next);
    }
    return addresses;
  } finally {
    // SAFETY: everything was copied out.
    if (first !== 0) sys.freeifaddrs(first);
  }
}

function decodeNode(node: Uint8Array): InterfaceAddress {
  const flags = readU32(node, IFADDRS.ifa_flags);
  const address = sockaddrAt(pointerAt(node, IFADDRS.ifa_addr));
  const netmask = sockaddrAt(pointerAt(node, IFADDRS.ifa_netmask));
  // ifa_ifu is one or the other: which, the flags tell.
  const other = sockaddrAt(pointerAt(node, IFADDRS.ifa_ifu));
  const broadcast = (flags & IFF_BROADCAST) === 0 ? undefined : other;
  const destination = (flags & IFF_POINTOPOINT) === 0 ? undefined : other;
  return {
    name: textAt(pointerAt(node, IFADDRS.ifa_name)) ?? "",
    flags,
    flagNames: flagNames(IFF, flags),
    ...(address === undefined ? undefined : { address }),
    ...(netmask === undefined ? undefined : { netmask }),
    ...(broadcast === undefined ? undefined : { broadcast }),
    ...(destination === undefined ? undefined : { destination }),
  };
}

/** struct ifaddrs does not tell how long its addresses are: their families do. */
function sockaddrAt(at: number): SocketAddress | undefined {
  if (at === 0) return undefined;
  const family = readU16(copyOut(at, 2), 0);
  return decodeSockaddr(copyOut(at, sizeOf(family, at)));
}

function sizeOf(family: number, at: number): number {
  if (family === AF_INET) return SOCKADDR_IN.size;
  if (family === AF_INET6) return SOCKADDR_IN6.size;
  if (family !== AF_PACKET) return 2;
  // Hardware addresses of more than 8 bytes go beyond sockaddr_ll (packet(7)).
  const { sll_addr, sll_halen, size } = SOCKADDR_LL;
  return Math.max(size, sll_addr + (copyOut(at, size)[sll_halen] as number));
}

function tooMany(): RangeError {
  return new RangeError(`a list of interfaces has more than ${MAX_INTERFACE_ADDRESSES} entries`);
}

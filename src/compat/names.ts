/** Addresses as `net` and `dgram` write them, to and from struct sockaddr. */
import { type AddressInfo, isIPv6 } from "node:net";
import { decodeSockaddr, encodeSockaddr, IFREQ_SIZES, MAX_SOCKADDR_BYTES, type SocketAddress } from "../abi/index.ts";
import * as sys from "../sys/index.ts";

const room = new Uint8Array(MAX_SOCKADDR_BYTES);
const roomLength = new Uint32Array(1);

/** The socket's own address; undefined where it has none with a port, or is closed. getsockname(2) */
export function ownName(fd: number): AddressInfo | undefined {
  roomLength[0] = room.length;
  return sys.getsockname(fd, room, roomLength) < 0 ? undefined : toAddressInfo(decodeSockaddr(room, 0, roomLength[0]));
}

/** The peer's address. getpeername(2) */
export function peerName(fd: number): AddressInfo | undefined {
  roomLength[0] = room.length;
  return sys.getpeername(fd, room, roomLength) < 0 ? undefined : toAddressInfo(decodeSockaddr(room, 0, roomLength[0]));
}

/** What Node shows of an address: unix ones have nothing to show. */
export function toAddressInfo(address: SocketAddress): AddressInfo | undefined {
  if (address.family === "inet") return { address: address.address, family: "IPv4", port: address.port };
  if (address.family !== "inet6") return undefined;
  const zone = address.scopeId === undefined ? "" : `%${interfaceName(address.scopeId)}`;
  return { address: address.address + zone, family: "IPv6", port: address.port };
}

/**
 * struct sockaddr of an IP address. A zone is the name or the index of an interface.
 * @returns undefined for a zone that no interface has, and for what is no address of this family.
 */
export function ipSockaddr(address: string, port: number, isV6: boolean): Uint8Array | undefined {
  try {
    if (!isV6) return encodeSockaddr({ family: "inet", address, port });
    if (!isIPv6(address)) return undefined;
    const [host, zone] = address.split("%") as [string, string?];
    const scopeId = zone === undefined ? 0 : interfaceIndex(zone);
    return scopeId < 0 ? undefined : encodeSockaddr({ family: "inet6", address: host, port, scopeId });
  } catch {
    return undefined;
  }
}

/** struct sockaddr of a unix socket's path; one that begins with NUL is an abstract name. */
export function unixSockaddr(path: string): Uint8Array | undefined {
  try {
    if (path.startsWith("\0")) return encodeSockaddr({ family: "unix", kind: "abstract", name: path.slice(1) });
    return encodeSockaddr({ family: "unix", kind: "path", path });
  } catch {
    return undefined;
  }
}

/** The index of an interface given by name or index, or -1. */
export function interfaceIndex(zone: string): number {
  if (/^[0-9]{1,9}$/.test(zone)) return Number(zone);
  return Math.max(sys.if_nametoindex(zone), -1);
}

function interfaceName(index: number): string {
  const name = new Uint8Array(IFREQ_SIZES.ifr_name);
  if (sys.if_indextoname(index, name) < 0) return String(index);
  const end = name.indexOf(0);
  return Buffer.from(name.subarray(0, end < 0 ? name.length : end)).toString();
}

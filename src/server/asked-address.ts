/**
 * An answer leaves from the address that was asked (RFC 1122 section 4.1.3.5). A socket that is bound to all addresses of a
 * machine leaves that to the routes, which may choose another, from which the client awaits nothing. So the kernel is
 * asked to say with each datagram which address it came to (IP_PKTINFO, ip(7); IPV6_RECVPKTINFO, RFC 3542 section 6.2), and
 * what it said goes back with the answer.
 */
import {
  CMSG_LEN,
  CMSG_SPACE,
  CMSGHDR,
  IN_PKTINFO,
  IN6_PKTINFO,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_RECVPKTINFO,
} from "../abi/index.ts";
import { setsockopt } from "../sys/index.ts";
import { localOf } from "./peer.ts";

/** Room for either family's word, a multiple of 8: of one goes back with an answer. */
export const ASKED_BYTES: number = Math.max(CMSG_SPACE(IN_PKTINFO.size), CMSG_SPACE(IN6_PKTINFO.size));
/** Room for what the kernel says: of an IPv4 datagram to a socket of both families, in the form of each. */
export const HEARD_BYTES: number = CMSG_SPACE(IN_PKTINFO.size) + CMSG_SPACE(IN6_PKTINFO.size);

const SHAPES = [
  { level: IPPROTO_IP, type: IP_PKTINFO, size: IN_PKTINFO.size, interfaceAt: IN_PKTINFO.ipi_ifindex },
  { level: IPPROTO_IPV6, type: IPV6_PKTINFO, size: IN6_PKTINFO.size, interfaceAt: IN6_PKTINFO.ipi6_ifindex },
];
/** The first byte of a multicast address (RFC 4291 section 2.7). */
const IPV6_GROUP = 0xff;
const CONTROL_ALIGNMENT = 8;
const ON = new Int32Array([1]);

/**
 * Has the kernel say which address each datagram came to, where the socket has them all.
 * @returns whether it will.
 */
export function asksForAddress(fd: number): boolean {
  const { family, address } = localOf(fd);
  if (family === "inet" && address === "0.0.0.0") return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, ON, 4) === 0;
  if (family !== "inet6" || address !== "::") return false;
  // Of an IPv4 datagram to such a socket IPv6's form tells where it went, which may have been to all: nothing can be sent
  // from there. IPv4's own tells the host's address too, and comes last.
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, ON, 4);
  return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, ON, 4) === 0;
}

/** What a control message, in words of 4 bytes from `at` on, takes with the room to the next: 0 where there is none. */
export function controlBytes(words: Uint32Array, at: number): number {
  return Math.ceil((words[at + CMSGHDR.cmsg_len / 4] as number) / CONTROL_ALIGNMENT) * CONTROL_ALIGNMENT;
}

/**
 * Makes of what the kernel said of a datagram what it is to be told of the answer: the same address, over whichever
 * interface leads to the client.
 * @param words where it is, in words of 4 bytes from `at` on
 * @param length what it measures
 * @returns its length; 0 where it said something else, or nothing.
 */
export function answerFrom(words: Uint32Array, at: number, length: number): number {
  for (const { level, type, size, interfaceAt } of SHAPES) {
    if (length !== CMSG_SPACE(size) || words[at + CMSGHDR.cmsg_len / 4] !== CMSG_LEN(size)) continue;
    if (words[at + CMSGHDR.cmsg_level / 4] !== level || words[at + CMSGHDR.cmsg_type / 4] !== type) continue;
    const data = at + CMSG_LEN(0) / 4;
    // From a group's address nothing can be sent; of IPv4 the kernel tells the host's own beside it.
    if (level === IPPROTO_IPV6 && ((words[data] as number) & 0xff) === IPV6_GROUP) return 0;
    words[data + interfaceAt / 4] = 0;
    return length;
  }
  return 0;
}

/** Options of datagram sockets as `dgram` names them. Each returns 0 or `-errno`. */
import { isIPv4, isIPv6 } from "node:net";
import {
  EADDRNOTAVAIL,
  EINVAL,
  ENODEV,
  GROUP_SOURCE_REQ,
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_MREQ,
  IP_MREQ_SOURCE,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_MREQ,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  parseIPv4,
  parseIPv6,
  SO_BROADCAST,
  SOL_SOCKET,
} from "../abi/index.ts";
import { setsockopt } from "../sys/index.ts";
import { interfaceIndex, ipSockaddr } from "./names.ts";
import { setInt } from "./socket-options.ts";

const MAX_TTL = 255;

export function setBroadcast(fd: number, isOn: boolean): number {
  return setInt(fd, SOL_SOCKET, SO_BROADCAST, isOn ? 1 : 0);
}

/** From 1 to 255. ip(7), ipv6(7) */
export function setTtl(fd: number, isV6: boolean, ttl: number): number {
  if (!(ttl >= 1 && ttl <= MAX_TTL)) return -EINVAL;
  return isV6 ? setInt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl) : setInt(fd, IPPROTO_IP, IP_TTL, ttl);
}

/** From 0 to 255. */
export function setMulticastTtl(fd: number, isV6: boolean, ttl: number): number {
  if (!(ttl >= 0 && ttl <= MAX_TTL)) return -EINVAL;
  return isV6 ? setInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) : setInt(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
}

export function setMulticastLoopback(fd: number, isV6: boolean, isOn: boolean): number {
  const value = isOn ? 1 : 0;
  return isV6 ? setInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, value) : setInt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, value);
}

/** IPv4: the address of an interface. IPv6: any address with the interface as its zone, `::%eth0`. */
export function setMulticastInterface(fd: number, isV6: boolean, address: string): number {
  if (isV6) {
    const index = zoneOf(address);
    return index < 0 ? index : setInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
  }
  if (!isIPv4(address)) return -EINVAL;
  return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, parseIPv4(address), 4);
}

/** Joins a group, or leaves it: at the interface given as above, or at the one the kernel chooses. */
export function changeMembership(
  fd: number,
  isV6: boolean,
  isJoin: boolean,
  group: string,
  at: string | undefined,
): number {
  if (isV6) {
    const index = at === undefined ? 0 : zoneOf(at);
    if (!isIPv6(group)) return -EINVAL;
    if (index < 0) return index;
    const request = new Uint8Array(IPV6_MREQ.size);
    request.set(parseIPv6(withoutZone(group)), IPV6_MREQ.ipv6mr_multiaddr);
    new Uint32Array(request.buffer)[IPV6_MREQ.ipv6mr_interface / 4] = index;
    const option = isJoin ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
    return setsockopt(fd, IPPROTO_IPV6, option, request, request.length);
  }
  const own = at ?? "0.0.0.0";
  if (!isIPv4(group) || !isIPv4(own)) return -EINVAL;
  const request = new Uint8Array(IP_MREQ.size);
  request.set(parseIPv4(group), IP_MREQ.imr_multiaddr);
  request.set(parseIPv4(own), IP_MREQ.imr_interface);
  return setsockopt(fd, IPPROTO_IP, isJoin ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request, request.length);
}

/** The same for what one source sends to the group. RFC 3678 */
export function changeSourceMembership(
  fd: number,
  isV6: boolean,
  isJoin: boolean,
  source: string,
  group: string,
  at: string | undefined,
): number {
  return isV6
    ? changeSource6(fd, isJoin, source, group, at)
    : changeSource4(fd, isJoin, source, group, at ?? "0.0.0.0");
}

function changeSource4(fd: number, isJoin: boolean, source: string, group: string, at: string): number {
  if (![source, group, at].every((address) => isIPv4(address))) return -EINVAL;
  const request = new Uint8Array(IP_MREQ_SOURCE.size);
  request.set(parseIPv4(group), IP_MREQ_SOURCE.imr_multiaddr);
  request.set(parseIPv4(at), IP_MREQ_SOURCE.imr_interface);
  request.set(parseIPv4(source), IP_MREQ_SOURCE.imr_sourceaddr);
  const option = isJoin ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP;
  return setsockopt(fd, IPPROTO_IP, option, request, request.length);
}

function changeSource6(fd: number, isJoin: boolean, source: string, group: string, at: string | undefined): number {
  const index = at === undefined ? 0 : zoneOf(at);
  const groupSockaddr = ipSockaddr(group, 0, true);
  const sourceSockaddr = ipSockaddr(source, 0, true);
  if (groupSockaddr === undefined || sourceSockaddr === undefined) return -EINVAL;
  if (index < 0) return index;
  const request = new Uint8Array(GROUP_SOURCE_REQ.size);
  new Uint32Array(request.buffer)[GROUP_SOURCE_REQ.gsr_interface / 4] = index;
  request.set(groupSockaddr, GROUP_SOURCE_REQ.gsr_group);
  request.set(sourceSockaddr, GROUP_SOURCE_REQ.gsr_source);
  const option = isJoin ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP;
  return setsockopt(fd, IPPROTO_IPV6, option, request, request.length);
}

/** The index of the interface that an IPv6 address has as its zone, 0 for none, or `-errno`. */
function zoneOf(address: string): number {
  if (!isIPv6(address)) return -EINVAL;
  const zone = address.split("%")[1];
  if (zone === undefined) return 0;
  const index = interfaceIndex(zone);
  if (index < 0) return -ENODEV;
  return index === 0 ? -EADDRNOTAVAIL : index;
}

function withoutZone(address: string): string {
  return address.split("%")[0] as string;
}

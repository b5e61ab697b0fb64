/** What the namespace needs beside a loopback that is up: an IPv6 network, and a way to multicast. */
import { writeFileSync } from "node:fs";
import { Socket } from "portolan";
import { parseIPv6, SIOCADDRT, SIOCSIFADDR } from "portolan/abi";
import { ioctl } from "portolan/sys";
import { LOOPBACK_INDEX, Skip } from "./kit.ts";

/** struct in6_ifreq of linux/ipv6.h. */
const IN6_IFREQ = { size: 24, address: 0, prefixLength: 16, interfaceIndex: 20 } as const;
/** struct in6_rtmsg of linux/ipv6_route.h. */
const IN6_RTMSG = {
  size: 80,
  destination: 0,
  destinationLength: 52,
  metric: 56,
  flags: 72,
  interfaceIndex: 76,
} as const;
const RTF_UP = 1;
/** A route over the loopback would be one to nowhere if it were not called local. */
const RTF_LOCAL = 0x80000000;
const EEXIST = 17;

/** Gives the loopback an address of a network of 64 bits; an address that it has already stays. */
export function addAddress6(address: string): void {
  const request = Buffer.alloc(IN6_IFREQ.size);
  request.set(parseIPv6(address), IN6_IFREQ.address);
  request.writeUInt32LE(64, IN6_IFREQ.prefixLength);
  request.writeInt32LE(LOOPBACK_INDEX, IN6_IFREQ.interfaceIndex);
  call(SIOCSIFADDR, request);
}

/** Lets IPv6 multicasts leave by the loopback. */
export function routeMulticast6(): void {
  const request = Buffer.alloc(IN6_RTMSG.size);
  request.set(parseIPv6("ff00::"), IN6_RTMSG.destination);
  request.writeUInt16LE(8, IN6_RTMSG.destinationLength);
  request.writeUInt32LE(1, IN6_RTMSG.metric);
  request.writeUInt32LE((RTF_UP | RTF_LOCAL) >>> 0, IN6_RTMSG.flags);
  request.writeInt32LE(LOOPBACK_INDEX, IN6_RTMSG.interfaceIndex);
  call(SIOCADDRT, request);
}

/** Sets a value under /proc/sys/net, which is that of the namespace. */
export function sysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value);
  } catch (error) {
    throw new Skip(`net/${name} cannot be set: ${(error as Error).message}`);
  }
}

function call(request: number, memory: Buffer): void {
  using socket = new Socket("inet6", "dgram");
  const result = ioctl(socket.fd, request, memory);
  if (result < 0 && result !== -EEXIST) throw new Error(`ioctl ${request}: ${result}`);
}

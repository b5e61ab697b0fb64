/**
 * Which types and protocols each address family has: what socket(2) may be asked for. From address_families(7), the
 * pages that it names, and the kernel's own headers (linux/can.h, linux/pfkeyv2.h, linux/if_pppox.h …) for the protocols
 * that only those know.
 */
import {
  AF_ALG,
  AF_APPLETALK,
  AF_AX25,
  AF_BLUETOOTH,
  AF_CAIF,
  AF_CAN,
  AF_IEEE802154,
  AF_INET,
  AF_INET6,
  AF_KCM,
  AF_KEY,
  AF_LLC,
  AF_MCTP,
  AF_NETLINK,
  AF_NETROM,
  AF_NFC,
  AF_PACKET,
  AF_PHONET,
  AF_PPPOX,
  AF_QIPCRTR,
  AF_RDS,
  AF_ROSE,
  AF_RXRPC,
  AF_SMC,
  AF_TIPC,
  AF_UNIX,
  AF_VSOCK,
  AF_X25,
  AF_XDP,
  IPPROTO_DCCP,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_L2TP,
  IPPROTO_MPTCP,
  IPPROTO_RAW,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  NETLINK,
  nameOf,
  SOCK_DCCP,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOCK_RDM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../abi/index.ts";

/** One combination that socket(2) may be asked for. */
export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** What people call it: `TCP`, `SCTP`, `ping`. */
  readonly name: string;
  /** What making one takes, such as `CAP_NET_RAW`. */
  readonly needs?: string;
}

const RAW = "CAP_NET_RAW";
const PING_GROUP = "a group within net.ipv4.ping_group_range, icmp(7)";

type Row = readonly [type: number, protocol: number, name: string, needs?: string];

const INTERNET: readonly Row[] = [
  [SOCK_STREAM, IPPROTO_TCP, "TCP"],
  [SOCK_STREAM, IPPROTO_MPTCP, "MPTCP"],
  [SOCK_STREAM, IPPROTO_SCTP, "SCTP"],
  [SOCK_SEQPACKET, IPPROTO_SCTP, "SCTP"],
  [SOCK_DGRAM, IPPROTO_UDP, "UDP"],
  [SOCK_DGRAM, IPPROTO_UDPLITE, "UDP-Lite"],
  [SOCK_DGRAM, IPPROTO_L2TP, "L2TP"],
  [SOCK_DCCP, IPPROTO_DCCP, "DCCP"],
];

/** Sorted by family's name. */
const FAMILIES: readonly (readonly [family: number, rows: readonly Row[]])[] = [
  [AF_ALG, [[SOCK_SEQPACKET, 0, "kernel crypto"]]],
  [
    AF_APPLETALK,
    [
      [SOCK_DGRAM, 0, "DDP"],
      [SOCK_RAW, 0, "raw DDP", RAW],
    ],
  ],
  [
    AF_AX25,
    [
      [SOCK_DGRAM, 0, "AX.25"],
      [SOCK_SEQPACKET, 0, "AX.25"],
    ],
  ],
  [
    AF_BLUETOOTH,
    [
      [SOCK_SEQPACKET, 0, "L2CAP"],
      [SOCK_RAW, 1, "HCI"],
      [SOCK_SEQPACKET, 2, "SCO"],
      [SOCK_STREAM, 3, "RFCOMM"],
    ],
  ],
  [AF_CAIF, [[SOCK_SEQPACKET, 0, "CAIF"]]],
  [
    AF_CAN,
    [
      [SOCK_RAW, 1, "CAN frames"],
      [SOCK_DGRAM, 2, "CAN broadcast manager"],
      [SOCK_DGRAM, 6, "ISO-TP"],
      [SOCK_DGRAM, 7, "J1939"],
    ],
  ],
  [
    AF_IEEE802154,
    [
      [SOCK_DGRAM, 0, "802.15.4"],
      [SOCK_RAW, 0, "802.15.4 frames", RAW],
    ],
  ],
  [
    AF_INET,
    [
      ...INTERNET,
      [SOCK_DGRAM, IPPROTO_ICMP, "ping", PING_GROUP],
      [SOCK_RAW, IPPROTO_ICMP, "ICMP", RAW],
      [SOCK_RAW, IPPROTO_RAW, "raw IPv4", RAW],
    ],
  ],
  [
    AF_INET6,
    [
      ...INTERNET,
      [SOCK_DGRAM, IPPROTO_ICMPV6, "ping", PING_GROUP],
      [SOCK_RAW, IPPROTO_ICMPV6, "ICMPv6", RAW],
      [SOCK_RAW, IPPROTO_RAW, "raw IPv6", RAW],
    ],
  ],
  [
    AF_KCM,
    [
      [SOCK_DGRAM, 0, "kernel connection multiplexor"],
      [SOCK_SEQPACKET, 0, "kernel connection multiplexor"],
    ],
  ],
  [AF_KEY, [[SOCK_RAW, 2, "PF_KEY", "CAP_NET_ADMIN"]]],
  [
    AF_LLC,
    [
      [SOCK_STREAM, 0, "LLC type 2", RAW],
      [SOCK_DGRAM, 0, "LLC type 1", RAW],
    ],
  ],
  [AF_MCTP, [[SOCK_DGRAM, 0, "MCTP"]]],
  [AF_NETLINK, netlinkRows()],
  [AF_NETROM, [[SOCK_SEQPACKET, 0, "NET/ROM"]]],
  [
    AF_NFC,
    [
      [SOCK_SEQPACKET, 0, "NFC"],
      [SOCK_STREAM, 1, "LLCP"],
    ],
  ],
  [
    AF_PACKET,
    [
      [SOCK_RAW, 0, "link-layer frames", RAW],
      [SOCK_DGRAM, 0, "link-layer payloads", RAW],
      [SOCK_PACKET, 0, "frames, the old way", RAW],
    ],
  ],
  [
    AF_PHONET,
    [
      [SOCK_DGRAM, 1, "Phonet", "CAP_SYS_ADMIN"],
      [SOCK_SEQPACKET, 2, "Phonet pipe", "CAP_SYS_ADMIN"],
    ],
  ],
  [
    AF_PPPOX,
    [
      [SOCK_STREAM, 0, "PPPoE"],
      [SOCK_STREAM, 1, "PPP over L2TP"],
      [SOCK_STREAM, 2, "PPTP"],
    ],
  ],
  [AF_QIPCRTR, [[SOCK_DGRAM, 0, "Qualcomm IPC"]]],
  [AF_RDS, [[SOCK_SEQPACKET, 0, "RDS"]]],
  [AF_ROSE, [[SOCK_SEQPACKET, 0, "ROSE"]]],
  [AF_RXRPC, [[SOCK_DGRAM, AF_INET, "RxRPC"]]],
  [
    AF_SMC,
    [
      [SOCK_STREAM, 0, "SMC over IPv4"],
      [SOCK_STREAM, 1, "SMC over IPv6"],
    ],
  ],
  [
    AF_TIPC,
    [
      [SOCK_STREAM, 0, "TIPC"],
      [SOCK_SEQPACKET, 0, "TIPC"],
      [SOCK_DGRAM, 0, "TIPC"],
      [SOCK_RDM, 0, "TIPC"],
    ],
  ],
  [
    AF_UNIX,
    [
      [SOCK_STREAM, 0, "unix stream"],
      [SOCK_DGRAM, 0, "unix datagram"],
      [SOCK_SEQPACKET, 0, "unix records"],
    ],
  ],
  [
    AF_VSOCK,
    [
      [SOCK_STREAM, 0, "vsock stream"],
      [SOCK_DGRAM, 0, "vsock datagram"],
      [SOCK_SEQPACKET, 0, "vsock records"],
    ],
  ],
  [AF_X25, [[SOCK_SEQPACKET, 0, "X.25"]]],
  [AF_XDP, [[SOCK_RAW, 0, "XDP rings", RAW]]],
];

/** Every combination of the families above. */
export const socketKinds: readonly SocketKind[] = FAMILIES.flatMap(([family, rows]) =>
  rows.map(([type, protocol, name, needs]) => ({
    family,
    type,
    protocol,
    name,
    ...(needs === undefined ? undefined : { needs }),
  })),
);

/** netlink(7): both types of socket are the same. A protocol's better known name goes before its aliases. */
function netlinkRows(): Row[] {
  const numbers = [...new Set(Object.values(NETLINK))].sort((a, b) => a - b);
  return numbers.map((number) => {
    const name = nameOf(NETLINK, number).replace("NETLINK_", "").toLowerCase();
    return [SOCK_RAW, number, `netlink ${name}`];
  });
}

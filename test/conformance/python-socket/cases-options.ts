/** Options, IPv6, multicast, and the functions without a socket: text, byte order, look-up. */
import type { Case, Step } from "./step.ts";

const tcp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_STREAM", 0];
const udp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_DGRAM", 0];
const six = (name: string, type = "SOCK_DGRAM"): Step => ["socket", name, "AF_INET6", type, 0];
const get = (level: string, option: string): Step => ["get", "s", level, option];
const set = (level: string, option: string, value: number): Step => ["set", "s", level, option, value];
const setBytes = (level: string, option: string, hex: string): Step => ["set_bytes", "s", level, option, hex];
const getBytes = (level: string, option: string, size: number): Step => ["get_bytes", "s", level, option, size];

/** What each option is from the start. */
const DEFAULTS: readonly Case[] = (
  [
    ["SOL_SOCKET", "SO_ACCEPTCONN"],
    ["SOL_SOCKET", "SO_BROADCAST"],
    ["SOL_SOCKET", "SO_DEBUG"],
    ["SOL_SOCKET", "SO_DOMAIN"],
    ["SOL_SOCKET", "SO_DONTROUTE"],
    ["SOL_SOCKET", "SO_ERROR"],
    ["SOL_SOCKET", "SO_KEEPALIVE"],
    ["SOL_SOCKET", "SO_OOBINLINE"],
    ["SOL_SOCKET", "SO_PRIORITY"],
    ["SOL_SOCKET", "SO_PROTOCOL"],
    ["SOL_SOCKET", "SO_RCVBUF"],
    ["SOL_SOCKET", "SO_RCVLOWAT"],
    ["SOL_SOCKET", "SO_REUSEADDR"],
    ["SOL_SOCKET", "SO_REUSEPORT"],
    ["SOL_SOCKET", "SO_SNDBUF"],
    ["SOL_SOCKET", "SO_TYPE"],
    ["SOL_IP", "IP_TTL"],
    ["SOL_IP", "IP_TOS"],
    ["SOL_IP", "IP_MULTICAST_TTL"],
    ["SOL_TCP", "TCP_NODELAY"],
    ["SOL_TCP", "TCP_KEEPIDLE"],
    ["SOL_TCP", "TCP_KEEPINTVL"],
    ["SOL_TCP", "TCP_KEEPCNT"],
    ["SOL_TCP", "TCP_USER_TIMEOUT"],
    ["SOL_TCP", "TCP_MAXSEG"],
  ] as const
).map(([level, option]) => ({
  name: `${option} from the start`,
  steps: [tcp("s"), get(level, option), udp("s"), get(level, option)],
}));

const SETTING: readonly Case[] = [
  {
    name: "SO_RCVBUF is doubled",
    steps: [udp("s"), set("SOL_SOCKET", "SO_RCVBUF", 5000), get("SOL_SOCKET", "SO_RCVBUF")],
  },
  {
    name: "SO_SNDBUF has a least",
    steps: [udp("s"), set("SOL_SOCKET", "SO_SNDBUF", 1), get("SOL_SOCKET", "SO_SNDBUF")],
  },
  {
    name: "SO_SNDBUF has a most",
    steps: [udp("s"), set("SOL_SOCKET", "SO_SNDBUF", 2 ** 30), get("SOL_SOCKET", "SO_SNDBUF")],
  },
  {
    name: "an option that is only read",
    steps: [udp("s"), set("SOL_SOCKET", "SO_TYPE", 1), set("SOL_SOCKET", "SO_ERROR", 1)],
  },
  {
    name: "an option that is none",
    steps: [udp("s"), ["get", "s", "SOL_SOCKET", "SOMAXCONN"], set("SOL_SOCKET", "SOMAXCONN", 1)],
  },
  { name: "a level that is none", steps: [udp("s"), ["get", "s", "SOMAXCONN", "SO_TYPE"]] },
  { name: "a TCP option of UDP", steps: [udp("s"), set("SOL_TCP", "TCP_NODELAY", 1)] },
  { name: "an IPv6 option of IPv4", steps: [udp("s"), set("IPPROTO_IPV6", "IPV6_V6ONLY", 1)] },
  { name: "an int of two bytes", steps: [tcp("s"), setBytes("SOL_SOCKET", "SO_KEEPALIVE", "0100")] },
  { name: "an int of no bytes", steps: [tcp("s"), setBytes("SOL_SOCKET", "SO_KEEPALIVE", "")] },
  {
    name: "an int of eight bytes",
    steps: [tcp("s"), setBytes("SOL_SOCKET", "SO_KEEPALIVE", "0100000000000000"), get("SOL_SOCKET", "SO_KEEPALIVE")],
  },
  {
    name: "any value but 0 is true",
    steps: [tcp("s"), set("SOL_SOCKET", "SO_KEEPALIVE", 77), get("SOL_SOCKET", "SO_KEEPALIVE")],
  },
  {
    name: "less room than the value has",
    steps: [tcp("s"), getBytes("SOL_SOCKET", "SO_TYPE", 2), getBytes("SOL_SOCKET", "SO_TYPE", 1)],
  },
  { name: "more room than the value has", steps: [tcp("s"), getBytes("SOL_SOCKET", "SO_TYPE", 40)] },
  {
    name: "SO_LINGER",
    steps: [
      tcp("s"),
      getBytes("SOL_SOCKET", "SO_LINGER", 8),
      setBytes("SOL_SOCKET", "SO_LINGER", "0100000007000000"),
      getBytes("SOL_SOCKET", "SO_LINGER", 8),
    ],
  },
  { name: "SO_LINGER with too little", steps: [tcp("s"), setBytes("SOL_SOCKET", "SO_LINGER", "01000000")] },
  {
    name: "SO_RCVTIMEO",
    steps: [
      tcp("s"),
      setBytes("SOL_SOCKET", "SO_RCVTIMEO", "0100000000000000a086010000000000"),
      getBytes("SOL_SOCKET", "SO_RCVTIMEO", 16),
    ],
  },
  {
    name: "SO_RCVTIMEO out of its domain",
    steps: [tcp("s"), setBytes("SOL_SOCKET", "SO_RCVTIMEO", "01000000000000004042430f00000000")],
  },
  {
    name: "SO_BINDTODEVICE of a device that is not there",
    steps: [udp("s"), setBytes("SOL_SOCKET", "SO_BINDTODEVICE", "6e6f6e65390000")],
  },
  {
    name: "IP_TTL of 0, 1, 255, 256",
    steps: [udp("s"), ...[0, 1, 255, 256].map((value) => set("SOL_IP", "IP_TTL", value)), get("SOL_IP", "IP_TTL")],
  },
  {
    name: "IP_MULTICAST_TTL of -1, 0, 255, 256",
    steps: [
      udp("s"),
      ...[-1, 0, 255, 256].map((value) => set("SOL_IP", "IP_MULTICAST_TTL", value)),
      get("SOL_IP", "IP_MULTICAST_TTL"),
    ],
  },
  {
    name: "IP_TOS of a stream keeps the ECN bits",
    steps: [tcp("s"), set("SOL_IP", "IP_TOS", 0xff), get("SOL_IP", "IP_TOS")],
  },
  {
    name: "TCP_KEEPIDLE of 0, 1, 32767, 32768",
    steps: [
      tcp("s"),
      ...[0, 1, 32767, 32768].map((value) => set("SOL_TCP", "TCP_KEEPIDLE", value)),
      get("SOL_TCP", "TCP_KEEPIDLE"),
    ],
  },
  {
    name: "TCP_KEEPCNT of 0, 127, 128",
    steps: [
      tcp("s"),
      ...[0, 127, 128].map((value) => set("SOL_TCP", "TCP_KEEPCNT", value)),
      get("SOL_TCP", "TCP_KEEPCNT"),
    ],
  },
  {
    name: "TCP_MAXSEG of 1, 1000",
    steps: [tcp("s"), ...[1, 1000].map((value) => set("SOL_TCP", "TCP_MAXSEG", value)), get("SOL_TCP", "TCP_MAXSEG")],
  },
  { name: "TCP_CONGESTION that is none", steps: [tcp("s"), setBytes("SOL_TCP", "TCP_CONGESTION", "6e6f6e65")] },
  { name: "TCP_CONGESTION", steps: [tcp("s"), getBytes("SOL_TCP", "TCP_CONGESTION", 16)] },
  {
    name: "SO_PRIORITY of 6",
    steps: [udp("s"), set("SOL_SOCKET", "SO_PRIORITY", 6), get("SOL_SOCKET", "SO_PRIORITY")],
  },
];

/** 239.1.2.3 at 127.0.0.1. */
const MEMBERSHIP = "ef0102037f000001";
const join = (hex: string): Step => setBytes("SOL_IP", "IP_ADD_MEMBERSHIP", hex);
const MULTICAST: readonly Case[] = [
  { name: "join a group twice", steps: [udp("s"), join(MEMBERSHIP), join(MEMBERSHIP)] },
  {
    name: "leave a group that was not joined",
    steps: [udp("s"), setBytes("SOL_IP", "IP_DROP_MEMBERSHIP", MEMBERSHIP)],
  },
  { name: "join what is no group", steps: [udp("s"), join("7f0000017f000001")] },
  { name: "join at an address that is not ours", steps: [udp("s"), join("ef010203c0000201")] },
  { name: "join with half a request", steps: [udp("s"), join("ef010203")] },
  { name: "join over TCP", steps: [tcp("s"), join(MEMBERSHIP)] },
  {
    name: "IP_MULTICAST_IF of an address that is not ours",
    steps: [udp("s"), setBytes("SOL_IP", "IP_MULTICAST_IF", "c0000201")],
  },
  {
    name: "IP_MULTICAST_IF",
    steps: [udp("s"), setBytes("SOL_IP", "IP_MULTICAST_IF", "7f000001"), getBytes("SOL_IP", "IP_MULTICAST_IF", 4)],
  },
  {
    name: "IP_MULTICAST_LOOP of one byte",
    steps: [udp("s"), setBytes("SOL_IP", "IP_MULTICAST_LOOP", "00"), get("SOL_IP", "IP_MULTICAST_LOOP")],
  },
];

const INET6: readonly Case[] = [
  { name: "getsockname of an unbound IPv6 socket", steps: [six("s"), ["own", "s"]] },
  { name: "the IPv6 loopback", steps: [six("s"), ["bind", "s", ["inet6", "::1", 0]], ["own", "s"]] },
  { name: "an IPv6 address that is not ours", steps: [six("s"), ["bind", "s", ["inet6", "2001:db8::1", 0]]] },
  { name: "a link-local address without a scope", steps: [six("s"), ["bind", "s", ["inet6", "fe80::1", 0]]] },
  { name: "a mapped address", steps: [six("s"), ["bind", "s", ["inet6", "::ffff:127.0.0.1", 0]], ["own", "s"]] },
  {
    name: "a mapped address with IPV6_V6ONLY",
    steps: [six("s"), set("IPPROTO_IPV6", "IPV6_V6ONLY", 1), ["bind", "s", ["inet6", "::ffff:127.0.0.1", 0]]],
  },
  {
    name: "IPV6_V6ONLY after bind",
    steps: [six("s"), ["bind", "s", ["inet6", "::", 0]], set("IPPROTO_IPV6", "IPV6_V6ONLY", 1)],
  },
  {
    name: "both families at one port",
    steps: [
      six("s", "SOCK_STREAM"),
      set("IPPROTO_IPV6", "IPV6_V6ONLY", 1),
      ["bind", "s", ["inet6", "::", 0]],
      ["listen", "s", 1],
      tcp("t"),
      ["bind", "t", ["inet", "0.0.0.0", "s"]],
      ["listen", "t", 1],
    ],
  },
  {
    name: "IPV6_UNICAST_HOPS of -2, -1, 255, 256",
    steps: [six("s"), ...[-2, -1, 255, 256].map((value) => set("IPPROTO_IPV6", "IPV6_UNICAST_HOPS", value))],
  },
  {
    name: "IPV6_JOIN_GROUP of what is no group",
    steps: [six("s"), setBytes("IPPROTO_IPV6", "IPV6_JOIN_GROUP", `${"0".repeat(31)}101000000`)],
  },
];

const TEXT: readonly Case[] = [
  ...["127.0.0.1", "255.255.255.255", "256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4 ", "", "abrakadabra"].map((text) => ({
    name: `inet_pton of ${JSON.stringify(text)}`,
    steps: [["inet_pton", "AF_INET", text] as const],
  })),
  ...["::", "::1", "1::2::3", "fe80::1%lo", "::ffff:1.2.3.4", "12345::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7"].map(
    (text) => ({
      name: `inet_pton of ${JSON.stringify(text)} as IPv6`,
      steps: [["inet_pton", "AF_INET6", text] as const],
    }),
  ),
  ...["127.1", "0x7f.1", "0177.0.0.1", "1.2.3.4.5", "4294967295", "4294967296", "1.256"].map((text) => ({
    name: `inet_aton of ${JSON.stringify(text)}`,
    steps: [["inet_aton", text] as const],
  })),
  {
    name: "inet_ntop",
    steps: [
      ["inet_ntop", "AF_INET", "c0a80164"],
      ["inet_ntop", "AF_INET6", "20010db8000000000000000000000001"],
    ],
  },
  { name: "inet_ntop of too few bytes", steps: [["inet_ntop", "AF_INET", "c0a801"]] },
  { name: "inet_ntop of another family", steps: [["inet_ntop", "AF_UNIX", "c0a80164"]] },
  {
    name: "htons at its edges",
    steps: [0, 1, 54154, 65535, 65536, -1].map((value) => ["order", "htons", value] as const),
  },
  { name: "ntohs at its edges", steps: [0, 256, 65535, 65536, -1].map((value) => ["order", "ntohs", value] as const) },
  {
    name: "htonl at its edges",
    steps: [0, 1, 4294967295, 4294967296, -1].map((value) => ["order", "htonl", value] as const),
  },
  {
    name: "ntohl at its edges",
    steps: [0, 16777216, 4294967295, 4294967296].map((value) => ["order", "ntohl", value] as const),
  },
  {
    name: "CMSG_LEN and CMSG_SPACE",
    steps: [0, 1, 8, 12, 1000].flatMap(
      (length) =>
        [
          ["cmsg", "CMSG_LEN", length],
          ["cmsg", "CMSG_SPACE", length],
        ] as const,
    ),
  },
];

const LOOKUP: readonly Case[] = [
  {
    name: "if_nametoindex",
    steps: [
      ["if_nametoindex", "lo"],
      ["if_indextoname", 1],
      ["if_indextoname", 999999],
    ],
  },
  {
    name: "getservbyname",
    steps: [
      ["getservbyname", "http", "tcp"],
      ["getservbyname", "http", "sctp-not"],
      ["getservbyname", "no-such", "tcp"],
    ],
  },
  {
    name: "getservbyport",
    steps: [
      ["getservbyport", 80, "tcp"],
      ["getservbyport", 2, "tcp"],
      ["getservbyport", 70000, "tcp"],
    ],
  },
  {
    name: "getprotobyname",
    steps: [
      ["getprotobyname", "udp"],
      ["getprotobyname", "no-such"],
    ],
  },
  {
    name: "getaddrinfo of an address",
    steps: [
      ["getaddrinfo", "127.0.0.1", "80"],
      ["getaddrinfo", "::1", "80", "AF_INET6", "SOCK_STREAM"],
    ],
  },
  {
    name: "getaddrinfo of nothing but a port",
    steps: [
      ["getaddrinfo", null, "80", "AF_INET", "SOCK_DGRAM"],
      ["getaddrinfo", null, "80", "AF_INET", "SOCK_DGRAM", 0, "AI_PASSIVE"],
    ],
  },
  {
    name: "getaddrinfo with a canonical name",
    steps: [["getaddrinfo", "127.0.0.1", null, 0, "SOCK_STREAM", 0, "AI_CANONNAME"]],
  },
  { name: "getaddrinfo of nothing", steps: [["getaddrinfo", null, null]] },
  { name: "getaddrinfo of a name as a number", steps: [["getaddrinfo", "venus", "80", 0, 0, 0, "AI_NUMERICHOST"]] },
  {
    name: "getaddrinfo of a service as a number",
    steps: [["getaddrinfo", "127.0.0.1", "http", 0, 0, 0, "AI_NUMERICSERV"]],
  },
  { name: "getaddrinfo of an unknown service", steps: [["getaddrinfo", "127.0.0.1", "no-such"]] },
  {
    name: "getaddrinfo of another family",
    steps: [
      ["getaddrinfo", "127.0.0.1", "80", "AF_INET6", 0, 0, "AI_NUMERICHOST"],
      ["getaddrinfo", "127.0.0.1", "80", "AF_PACKET"],
    ],
  },
  { name: "getaddrinfo of another type", steps: [["getaddrinfo", "127.0.0.1", "80", 0, 77]] },
  { name: "getaddrinfo with flags that are none", steps: [["getaddrinfo", "127.0.0.1", "80", 0, 0, 0, 0x10000000]] },
  {
    name: "getaddrinfo of type and protocol that do not go together",
    steps: [["getaddrinfo", "127.0.0.1", "80", 0, "SOCK_STREAM", "IPPROTO_UDP"]],
  },
  {
    name: "getnameinfo in numbers",
    steps: [
      ["getnameinfo", ["inet", "127.0.0.1", 80], "NI_NUMERICHOST|NI_NUMERICSERV"],
      ["getnameinfo", ["inet6", "::1", 80], "NI_NUMERICHOST|NI_NUMERICSERV"],
    ],
  },
  {
    name: "getnameinfo of a service",
    steps: [
      ["getnameinfo", ["inet", "127.0.0.1", 514], "NI_NUMERICHOST"],
      ["getnameinfo", ["inet", "127.0.0.1", 514], "NI_NUMERICHOST|NI_DGRAM"],
    ],
  },
];

export const OPTION_CASES: readonly Case[] = [...DEFAULTS, ...SETTING, ...MULTICAST, ...INET6, ...TEXT, ...LOOKUP];

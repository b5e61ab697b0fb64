/** Making sockets, and what they refuse in each state: bind, listen, accept, connect, shutdown, close. */
import type { Case, Step } from "./step.ts";

const tcp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_STREAM", 0];
const udp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_DGRAM", 0];
const unix = (name: string, type = "SOCK_STREAM"): Step => ["socket", name, "AF_UNIX", type, 0];
const loopback = ["inet", "127.0.0.1", 0] as const;
const listener = (name: string): Step[] => [tcp(name), ["bind", name, loopback], ["listen", name, 5]];
const at = (name: string): readonly ["inet", string, string] => ["inet", "127.0.0.1", name];
const connected: Step[] = [...listener("l"), tcp("c"), ["connect", "c", at("l")], ["accept", "l", "s"]];
/** A port at which nobody listens any more. */
const refusing: Step[] = [...listener("gone"), ["close_one", "gone"]];

const MAKING: readonly Case[] = (
  [
    ["AF_INET", "SOCK_STREAM", 0],
    ["AF_INET", "SOCK_STREAM", "IPPROTO_TCP"],
    ["AF_INET", "SOCK_STREAM", "IPPROTO_UDP"],
    ["AF_INET", "SOCK_STREAM", "IPPROTO_MPTCP"],
    ["AF_INET", "SOCK_STREAM", "IPPROTO_SCTP"],
    ["AF_INET", "SOCK_DGRAM", 0],
    ["AF_INET", "SOCK_DGRAM", "IPPROTO_UDP"],
    ["AF_INET", "SOCK_DGRAM", "IPPROTO_TCP"],
    ["AF_INET", "SOCK_DGRAM", "IPPROTO_ICMP"],
    ["AF_INET", "SOCK_DGRAM", "IPPROTO_UDPLITE"],
    ["AF_INET", "SOCK_RAW", 0],
    ["AF_INET", "SOCK_RAW", "IPPROTO_ICMP"],
    ["AF_INET", "SOCK_SEQPACKET", 0],
    ["AF_INET", "SOCK_RDM", 0],
    ["AF_INET", 99, 0],
    ["AF_INET", "SOCK_STREAM", 9999],
    ["AF_INET6", "SOCK_STREAM", 0],
    ["AF_INET6", "SOCK_DGRAM", "IPPROTO_UDP"],
    ["AF_INET6", "SOCK_RAW", "IPPROTO_ICMPV6"],
    ["AF_UNIX", "SOCK_STREAM", 0],
    ["AF_UNIX", "SOCK_DGRAM", 0],
    ["AF_UNIX", "SOCK_SEQPACKET", 0],
    ["AF_UNIX", "SOCK_RDM", 0],
    ["AF_UNIX", "SOCK_STREAM", 7],
    ["AF_NETLINK", "SOCK_RAW", "NETLINK_ROUTE"],
    ["AF_NETLINK", "SOCK_STREAM", "NETLINK_ROUTE"],
    ["AF_NETLINK", "SOCK_RAW", 99],
    ["AF_VSOCK", "SOCK_STREAM", 0],
    ["AF_KEY", "SOCK_RAW", 2],
    ["AF_TIPC", "SOCK_STREAM", 0],
    ["AF_UNSPEC", "SOCK_STREAM", 0],
    [12345, "SOCK_STREAM", 0],
  ] as const
).map(([family, type, protocol]) => ({
  name: `socket(${family}, ${type}, ${protocol})`,
  steps: [["socket", "s", family, type, protocol]],
}));

const NAMING: readonly Case[] = [
  { name: "getsockname of an unbound TCP socket", steps: [tcp("s"), ["own", "s"]] },
  { name: "getsockname of an unbound UDP socket", steps: [udp("s"), ["own", "s"]] },
  { name: "getsockname of an unbound unix socket", steps: [unix("s"), ["own", "s"]] },
  {
    name: "getsockname of both ends of a pair",
    steps: [
      ["pair", "a", "b", "SOCK_STREAM"],
      ["own", "a"],
      ["peer", "b"],
    ],
  },
  {
    name: "getpeername without a peer",
    steps: [tcp("s"), ["peer", "s"], udp("u"), ["peer", "u"], unix("x"), ["peer", "x"]],
  },
  { name: "getsockname of a bound TCP socket", steps: [tcp("s"), ["bind", "s", loopback], ["own", "s"]] },
  { name: "getsockname of the wildcard", steps: [udp("s"), ["bind", "s", ["inet", "0.0.0.0", 0]], ["own", "s"]] },
  { name: "bind twice", steps: [tcp("s"), ["bind", "s", loopback], ["bind", "s", loopback]] },
  { name: "bind to a taken TCP port", steps: [...listener("l"), tcp("s"), ["bind", "s", at("l")]] },
  { name: "bind to a taken UDP port", steps: [udp("a"), ["bind", "a", loopback], udp("b"), ["bind", "b", at("a")]] },
  { name: "bind to a foreign address", steps: [tcp("s"), ["bind", "s", ["inet", "192.0.2.1", 0]]] },
  { name: "bind to a TCP multicast address", steps: [tcp("s"), ["bind", "s", ["inet", "224.0.0.251", 0]]] },
  { name: "bind to the broadcast address", steps: [tcp("s"), ["bind", "s", ["inet", "255.255.255.255", 0]]] },
  { name: "bind to a port out of range", steps: [tcp("s"), ["bind", "s", ["inet", "127.0.0.1", 65536]]] },
  { name: "bind to a negative port", steps: [tcp("s"), ["bind", "s", ["inet", "127.0.0.1", -1]]] },
  { name: "bind anywhere in 127.0.0.0/8", steps: [udp("s"), ["bind", "s", ["inet", "127.200.1.9", 0]], ["own", "s"]] },
  {
    name: "SO_REUSEADDR lets UDP sockets share",
    steps: [
      udp("a"),
      ["set", "a", "SOL_SOCKET", "SO_REUSEADDR", 1],
      ["bind", "a", loopback],
      udp("b"),
      ["bind", "b", at("a")],
      ["set", "b", "SOL_SOCKET", "SO_REUSEADDR", 1],
      ["bind", "b", at("a")],
    ],
  },
  {
    name: "SO_REUSEADDR does not let listeners share",
    steps: [...listener("l"), tcp("s"), ["set", "s", "SOL_SOCKET", "SO_REUSEADDR", 1], ["bind", "s", at("l")]],
  },
  {
    name: "SO_REUSEPORT lets listeners share",
    steps: [
      tcp("a"),
      ["set", "a", "SOL_SOCKET", "SO_REUSEPORT", 1],
      ["bind", "a", loopback],
      ["listen", "a", 1],
      tcp("b"),
      ["set", "b", "SOL_SOCKET", "SO_REUSEPORT", 1],
      ["bind", "b", at("a")],
      ["listen", "b", 1],
    ],
  },
];

const LISTENING: readonly Case[] = [
  { name: "listen on an unbound TCP socket", steps: [tcp("s"), ["listen", "s", 1], ["own", "s"]] },
  { name: "listen twice", steps: [...listener("l"), ["listen", "l", 9]] },
  { name: "listen on UDP", steps: [udp("s"), ["bind", "s", loopback], ["listen", "s", 1]] },
  { name: "listen on an unbound unix socket", steps: [unix("s"), ["listen", "s", 1]] },
  { name: "listen on a unix datagram socket", steps: [unix("s", "SOCK_DGRAM"), ["listen", "s", 1]] },
  { name: "listen on a connected socket", steps: [...connected, ["listen", "c", 1]] },
  { name: "accept on a socket that does not listen", steps: [tcp("s"), ["bind", "s", loopback], ["accept", "s", "p"]] },
  { name: "accept on UDP", steps: [udp("s"), ["bind", "s", loopback], ["accept", "s", "p"]] },
  { name: "accept with nobody there, not waiting", steps: [...listener("l"), ["limit", "l", 0], ["accept", "l", "p"]] },
  {
    name: "accept with nobody there, waiting a little",
    steps: [...listener("l"), ["limit", "l", 30], ["accept", "l", "p"]],
  },
  { name: "accept a connection", steps: [...connected, ["own", "s"], ["peer", "s"], ["peer", "c"]] },
  { name: "accept on a connection", steps: [...connected, ["accept", "s", "p"]] },
  {
    name: "accept after shutdown of the listener",
    steps: [...listener("l"), ["shutdown", "l", "SHUT_RDWR"], ["accept", "l", "p"]],
  },
  {
    name: "SO_ACCEPTCONN",
    steps: [...connected, ["get", "l", "SOL_SOCKET", "SO_ACCEPTCONN"], ["get", "c", "SOL_SOCKET", "SO_ACCEPTCONN"]],
  },
];

const CONNECTING: readonly Case[] = [
  {
    name: "connect to a port where nobody listens",
    steps: [...refusing, tcp("c"), ["connect", "c", ["inet", "127.0.0.1", 1]]],
  },
  { name: "connect twice", steps: [...connected, ["connect", "c", at("l")]] },
  { name: "connect a listener", steps: [...listener("l"), ...listener("m"), ["connect", "l", at("m")]] },
  {
    name: "connect TCP to itself",
    steps: [tcp("s"), ["bind", "s", loopback], ["connect", "s", at("s")], ["peer", "s"]],
  },
  { name: "connect TCP to a multicast group", steps: [tcp("s"), ["connect", "s", ["inet", "224.0.0.1", 9]]] },
  { name: "connect TCP to the broadcast address", steps: [tcp("s"), ["connect", "s", ["inet", "255.255.255.255", 9]]] },
  { name: "connect UDP to the broadcast address", steps: [udp("s"), ["connect", "s", ["inet", "255.255.255.255", 9]]] },
  {
    name: "connect from loopback to a far network",
    steps: [tcp("s"), ["bind", "s", loopback], ["connect", "s", ["inet", "192.0.2.1", 9]]],
  },
  { name: "connect to port 0", steps: [tcp("s"), ["connect", "s", ["inet", "127.0.0.1", 0]]] },
  { name: "connect to a port out of range", steps: [tcp("s"), ["connect", "s", ["inet", "127.0.0.1", 70000]]] },
  {
    name: "connect UDP, and again elsewhere",
    steps: [
      udp("s"),
      ["connect", "s", ["inet", "127.0.0.1", 9]],
      ["peer", "s"],
      ["connect", "s", ["inet", "127.0.0.2", 9]],
      ["peer", "s"],
    ],
  },
  { name: "start to connect", steps: [...listener("l"), tcp("c"), ["start_connect", "c", at("l")]] },
  { name: "start to connect UDP", steps: [udp("c"), ["start_connect", "c", ["inet", "127.0.0.1", 9]], ["error", "c"]] },
  {
    name: "a connected UDP socket hears of the refusal",
    steps: [
      udp("gone"),
      ["bind", "gone", loopback],
      udp("c"),
      ["connect", "c", at("gone")],
      ["close_one", "gone"],
      ["send", "c", "x"],
      ["recv", "c", 10],
      ["error", "c"],
    ],
  },
  {
    name: "SO_ERROR tells the refusal once",
    steps: [
      udp("gone"),
      ["bind", "gone", loopback],
      udp("c"),
      ["connect", "c", at("gone")],
      ["close_one", "gone"],
      ["send", "c", "x"],
      ["error", "c"],
      ["error", "c"],
    ],
  },
];

const ENDING: readonly Case[] = [
  { name: "shutdown without a connection", steps: [tcp("s"), ["shutdown", "s", "SHUT_WR"]] },
  { name: "shutdown of an unconnected UDP socket", steps: [udp("s"), ["shutdown", "s", "SHUT_RDWR"]] },
  {
    name: "shutdown of writing: the peer reads the end",
    steps: [...connected, ["shutdown", "c", "SHUT_WR"], ["recv", "s", 5], ["send", "s", "late"], ["recv", "c", 9]],
  },
  {
    name: "shutdown of writing: sending fails",
    steps: [...connected, ["shutdown", "c", "SHUT_WR"], ["send", "c", "x"]],
  },
  {
    name: "shutdown of reading: the end is read",
    steps: [...connected, ["shutdown", "c", "SHUT_RD"], ["recv", "c", 5]],
  },
  { name: "shutdown twice", steps: [...connected, ["shutdown", "c", "SHUT_WR"], ["shutdown", "c", "SHUT_WR"]] },
  {
    name: "shutdown of a pair",
    steps: [
      ["pair", "a", "b", "SOCK_STREAM"],
      ["shutdown", "a", "SHUT_RD"],
      ["send", "b", "x"],
    ],
  },
  { name: "shutdown of a closed socket", steps: [tcp("s"), ["close_one", "s"], ["shutdown", "s", "SHUT_RD"]] },
  { name: "close twice", steps: [tcp("s"), ["close_one", "s"], ["close_one", "s"]] },
  {
    name: "every call on a closed socket",
    steps: [
      udp("s"),
      ["close_one", "s"],
      ["bind", "s", loopback],
      ["listen", "s", 1],
      ["accept", "s", "p"],
      ["connect", "s", ["inet", "127.0.0.1", 9]],
      ["own", "s"],
      ["peer", "s"],
      ["send", "s", "x"],
      ["sendto", "s", "x", ["inet", "127.0.0.1", 9]],
      ["recv", "s", 1],
      ["recvfrom", "s", 1],
      ["get", "s", "SOL_SOCKET", "SO_TYPE"],
      ["set", "s", "SOL_SOCKET", "SO_KEEPALIVE", 1],
      ["sendmsg", "s", ["x"]],
      ["recvmsg", "s", 1],
      ["dup", "t", "s"],
    ],
  },
  {
    name: "closing one of two descriptors keeps the connection",
    steps: [...connected, ["dup", "d", "c"], ["close_one", "c"], ["send", "d", "still"], ["recv", "s", 9]],
  },
  {
    name: "shutdown by one of two descriptors ends it for both",
    steps: [...connected, ["dup", "d", "c"], ["shutdown", "c", "SHUT_WR"], ["send", "d", "x"], ["recv", "s", 9]],
  },
  { name: "a socket from a descriptor that is not open", steps: [["adopt", "s", 987654]] },
  { name: "a socket from a negative descriptor", steps: [["adopt", "s", -5]] },
  { name: "a socket from a file", steps: [["adopt_file", "s"]] },
  {
    name: "a socket from a descriptor knows what it is",
    steps: [udp("u"), ["adopt_copy", "a", "u"], unix("x", "SOCK_SEQPACKET"), ["adopt_copy", "b", "x"]],
  },
  {
    name: "sending to a peer that has closed",
    steps: [
      ["pair", "a", "b", "SOCK_STREAM"],
      ["close_one", "b"],
      ["send", "a", "x"],
      ["recv", "a", 5],
    ],
  },
  {
    name: "sending to a datagram peer that has closed",
    steps: [
      ["pair", "a", "b", "SOCK_DGRAM"],
      ["close_one", "b"],
      ["send", "a", "x"],
    ],
  },
  {
    name: "a peer that closes with data unread resets",
    steps: [
      ["pair", "a", "b", "SOCK_STREAM"],
      ["send", "a", "unread"],
      ["close_one", "b"],
      ["recv", "a", 5],
    ],
  },
];

export const STATE_CASES: readonly Case[] = [...MAKING, ...NAMING, ...LISTENING, ...CONNECTING, ...ENDING];

/** Sending and receiving: flags, limits, addresses, unix names, messages and what goes along. */
import type { Case, Step } from "./step.ts";

const tcp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_STREAM", 0];
const udp = (name: string): Step => ["socket", name, "AF_INET", "SOCK_DGRAM", 0];
const unix = (name: string, type = "SOCK_DGRAM"): Step => ["socket", name, "AF_UNIX", type, 0];
const loopback = ["inet", "127.0.0.1", 0] as const;
const at = (name: string): readonly ["inet", string, string] => ["inet", "127.0.0.1", name];
const receiver: Step[] = [udp("r"), ["bind", "r", loopback], udp("s")];
const connected: Step[] = [
  tcp("l"),
  ["bind", "l", loopback],
  ["listen", "l", 5],
  tcp("c"),
  ["connect", "c", at("l")],
  ["accept", "l", "s"],
];
const stream: Step = ["pair", "a", "b", "SOCK_STREAM"];
const datagrams: Step = ["pair", "a", "b", "SOCK_DGRAM"];
const records: Step = ["pair", "a", "b", "SOCK_SEQPACKET"];
const LONG = "n".repeat(200);

const STREAMS: readonly Case[] = [
  { name: "send and receive over TCP", steps: [...connected, ["send", "c", "hello"], ["recv", "s", 100]] },
  {
    name: "a stream has no edges",
    steps: [stream, ["send", "a", "one"], ["send", "a", "two"], ["recv", "b", 4], ["recv", "b", 9]],
  },
  { name: "nothing to send", steps: [...connected, ["send", "c", ""]] },
  { name: "room for nothing", steps: [stream, ["send", "a", "x"], ["recv", "b", 0], ["recv", "b", 1]] },
  { name: "room for less than nothing", steps: [stream, ["recv", "b", -1]] },
  { name: "into a buffer of one's own", steps: [stream, ["send", "a", "abc"], ["recv_into", "b", 5]] },
  {
    name: "MSG_PEEK leaves what it reads",
    steps: [stream, ["send", "a", "look"], ["recv", "b", 2, "MSG_PEEK"], ["recv", "b", 9]],
  },
  {
    name: "MSG_WAITALL waits for all",
    steps: [...connected, ["send", "c", "12"], ["send", "c", "34"], ["recv", "s", 4, "MSG_WAITALL"]],
  },
  { name: "MSG_DONTWAIT with nothing there", steps: [stream, ["recv", "b", 1, "MSG_DONTWAIT"]] },
  { name: "a limit of nothing", steps: [stream, ["limit", "b", 0], ["recv", "b", 1]] },
  {
    name: "a limit that passes",
    steps: [stream, ["limit", "b", 30], ["recv", "b", 1], ["send", "a", "x"], ["recv", "b", 1]],
  },
  { name: "a full stream", steps: [stream, ["fill", "a"]] },
  {
    name: "a limit on sending that passes",
    steps: [stream, ["fill", "a"], ["limit", "a", 30], ["send_much", "a", 1000000]],
  },
  {
    name: "MSG_OOB: urgent data",
    steps: [...connected, ["send", "c", "ab!", "MSG_OOB"], ["recv", "s", 9], ["recv", "s", 1, "MSG_OOB"]],
  },
  { name: "MSG_OOB with nothing urgent", steps: [...connected, ["recv", "s", 1, "MSG_OOB"]] },
  {
    name: "MSG_MORE holds back",
    steps: [...connected, ["send", "c", "he", "MSG_MORE"], ["send", "c", "llo"], ["recv", "s", 5, "MSG_WAITALL"]],
  },
  { name: "send without a connection", steps: [tcp("s"), ["send", "s", "x"]] },
  { name: "receive without a connection", steps: [tcp("s"), ["recv", "s", 1]] },
  {
    name: "sendto on a connection ignores the address",
    steps: [...connected, ["sendto", "c", "x", ["inet", "127.0.0.9", 9]], ["recv", "s", 1]],
  },
  {
    name: "recvfrom on a connection tells no address",
    steps: [...connected, ["send", "c", "x"], ["recvfrom", "s", 9]],
  },
  { name: "send on a listener", steps: [...connected, ["send", "l", "x"]] },
];

const DATAGRAMS: readonly Case[] = [
  { name: "sendto and recvfrom", steps: [...receiver, ["sendto", "s", "hi", at("r")], ["recvfrom", "r", 10]] },
  { name: "the first sendto binds", steps: [...receiver, ["sendto", "s", "hi", at("r")], ["own", "s"]] },
  { name: "an empty datagram", steps: [...receiver, ["sendto", "s", "", at("r")], ["recvfrom", "r", 10]] },
  {
    name: "a datagram is cut to the room",
    steps: [...receiver, ["sendto", "s", "0123456789", at("r")], ["recv", "r", 4], ["limit", "r", 0], ["recv", "r", 4]],
  },
  {
    name: "MSG_PEEK of a datagram",
    steps: [...receiver, ["sendto", "s", "peek", at("r")], ["recvfrom", "r", 2, "MSG_PEEK"], ["recv", "r", 9]],
  },
  { name: "a datagram over the limit of UDP", steps: [...receiver, ["sendto_much", "s", 65508, at("r")]] },
  { name: "the longest datagram", steps: [...receiver, ["sendto_much", "s", 65507, at("r")]] },
  { name: "send without an address", steps: [udp("s"), ["send", "s", "x"]] },
  { name: "sendto port 0", steps: [udp("s"), ["sendto", "s", "x", ["inet", "127.0.0.1", 0]]] },
  {
    name: "sendto a broadcast address without SO_BROADCAST",
    steps: [udp("s"), ["sendto", "s", "x", ["inet", "255.255.255.255", 9]]],
  },
  {
    name: "sendto the broadcast address of loopback without SO_BROADCAST",
    steps: [udp("s"), ["sendto", "s", "x", ["inet", "127.255.255.255", 9]]],
  },
  {
    name: "sendto another family",
    steps: [
      udp("s"),
      ["own", "s"],
      unix("x"),
      ["bind", "x", ["path", "x"]],
      ["sendto", "x", "x", ["path", "x"]],
      ["recv", "x", 5],
    ],
  },
  {
    name: "a connected socket hears its peer only",
    steps: [
      ...receiver,
      udp("o"),
      ["bind", "o", loopback],
      ["connect", "r", at("o")],
      ["sendto", "s", "x", at("r")],
      ["limit", "r", 30],
      ["recv", "r", 9],
    ],
  },
  { name: "MSG_OOB on UDP", steps: [...receiver, ["sendto", "s", "x", at("r"), "MSG_OOB"]] },
  { name: "MSG_ERRQUEUE with nothing in it", steps: [udp("s"), ["recv", "s", 9, "MSG_ERRQUEUE|MSG_DONTWAIT"]] },
  {
    name: "MSG_DONTROUTE to this machine",
    steps: [...receiver, ["sendto", "s", "x", at("r"), "MSG_DONTROUTE"], ["recv", "r", 9]],
  },
  {
    name: "records keep their edges",
    steps: [records, ["send", "a", "one"], ["send", "a", "two"], ["recv", "b", 9], ["recv", "b", 9]],
  },
  { name: "a record too long for a unix socket", steps: [records, ["send_much", "a", 1 << 24]] },
  { name: "a datagram too long for a unix socket", steps: [datagrams, ["send_much", "a", 1 << 24]] },
  { name: "a full unix datagram queue", steps: [datagrams, ["fill", "a"]] },
];

const UNIX: readonly Case[] = [
  { name: "a path", steps: [unix("s"), ["bind", "s", ["path", "x"]], ["own", "s"]] },
  {
    name: "a path that exists",
    steps: [unix("s"), ["bind", "s", ["path", "x"]], unix("t"), ["bind", "t", ["path", "x"]]],
  },
  { name: "a path in a folder that is not there", steps: [unix("s"), ["bind", "s", ["path", "none/x"]]] },
  {
    name: "a path below a file",
    steps: [unix("s"), ["bind", "s", ["path", "x"]], unix("t"), ["bind", "t", ["path", "x/y"]]],
  },
  { name: "a path that is too long", steps: [unix("s"), ["bind", "s", ["path", LONG]]] },
  {
    name: "connect to a path that is not there",
    steps: [unix("s", "SOCK_STREAM"), ["connect", "s", ["path", "none"]]],
  },
  {
    name: "connect to a path that nobody listens at",
    steps: [
      unix("s", "SOCK_STREAM"),
      ["bind", "s", ["path", "x"]],
      unix("t", "SOCK_STREAM"),
      ["connect", "t", ["path", "x"]],
    ],
  },
  {
    name: "connect to a path left behind",
    steps: [
      unix("s", "SOCK_STREAM"),
      ["bind", "s", ["path", "x"]],
      ["listen", "s", 1],
      ["close_one", "s"],
      unix("t", "SOCK_STREAM"),
      ["connect", "t", ["path", "x"]],
    ],
  },
  {
    name: "connect to a socket of another type",
    steps: [unix("s"), ["bind", "s", ["path", "x"]], unix("t", "SOCK_STREAM"), ["connect", "t", ["path", "x"]]],
  },
  { name: "sendto a path that is not there", steps: [unix("s"), ["sendto", "s", "x", ["path", "none"]]] },
  {
    name: "the sender's path",
    steps: [
      unix("s"),
      ["bind", "s", ["path", "s"]],
      unix("r"),
      ["bind", "r", ["path", "r"]],
      ["sendto", "s", "x", ["path", "r"]],
      ["recvfrom", "r", 9],
    ],
  },
  {
    name: "a sender without a name",
    steps: [
      unix("s"),
      unix("r"),
      ["bind", "r", ["path", "r"]],
      ["sendto", "s", "x", ["path", "r"]],
      ["recvfrom", "r", 9],
    ],
  },
  { name: "an abstract name", steps: [unix("s"), ["bind", "s", ["abstract", "name"]], ["own", "s"]] },
  {
    name: "an abstract name that is taken",
    steps: [unix("s"), ["bind", "s", ["abstract", "name"]], unix("t"), ["bind", "t", ["abstract", "name"]]],
  },
  { name: "an abstract name that is too long", steps: [unix("s"), ["bind", "s", ["abstract", LONG]]] },
  {
    name: "an abstract name that nobody has",
    steps: [unix("s", "SOCK_STREAM"), ["connect", "s", ["abstract", "nobody"]]],
  },
  {
    name: "binding to no name: the kernel gives one of five characters",
    steps: [unix("s"), ["bind", "s", ["unnamed"]], ["own", "s"]],
  },
  {
    name: "a full queue of connections",
    steps: [
      unix("l", "SOCK_STREAM"),
      ["bind", "l", ["path", "l"]],
      ["listen", "l", 0],
      unix("a", "SOCK_STREAM"),
      ["connect", "a", ["path", "l"]],
      unix("b", "SOCK_STREAM"),
      ["start_connect", "b", ["path", "l"]],
    ],
  },
  {
    name: "the path of the listener is that of the connection",
    steps: [
      unix("l", "SOCK_STREAM"),
      ["bind", "l", ["path", "l"]],
      ["listen", "l", 1],
      unix("c", "SOCK_STREAM"),
      ["connect", "c", ["path", "l"]],
      ["accept", "l", "s"],
      ["own", "s"],
      ["peer", "c"],
      ["own", "c"],
    ],
  },
  {
    name: "a netlink socket",
    steps: [
      ["socket", "n", "AF_NETLINK", "SOCK_RAW", "NETLINK_ROUTE"],
      ["own", "n"],
      ["bind", "n", ["netlink", 0, 0]],
      ["own", "n"],
    ],
  },
];

const MESSAGES: readonly Case[] = [
  { name: "gather", steps: [stream, ["sendmsg", "a", ["one", "", "two"]], ["recv", "b", 99]] },
  { name: "scatter", steps: [stream, ["send", "a", "abcdef"], ["recvmsg_into", "b", [2, 1, 9]]] },
  { name: "sendmsg to an address", steps: [...receiver, ["sendmsg", "s", ["x"], [], 0, at("r")], ["recvmsg", "r", 9]] },
  { name: "a message that is cut", steps: [...receiver, ["sendto", "s", "0123456789", at("r")], ["recvmsg", "r", 4]] },
  { name: "a record that ends", steps: [records, ["send", "a", "x", "MSG_EOR"], ["recvmsg", "b", 9]] },
  {
    name: "the type of service on the way in",
    steps: [
      ...receiver,
      ["set", "r", "SOL_IP", "IP_RECVTOS", 1],
      ["set", "s", "SOL_IP", "IP_TOS", 16],
      ["sendto", "s", "x", at("r")],
      ["recvmsg", "r", 9, 100],
    ],
  },
  {
    name: "a type of service for one message",
    steps: [
      ...receiver,
      ["set", "r", "SOL_IP", "IP_RECVTOS", 1],
      ["sendmsg", "s", ["x"], [["SOL_IP", "IP_TOS", "20000000"]], 0, at("r")],
      ["recvmsg", "r", 9, 100],
    ],
  },
  {
    name: "no room for what goes along",
    steps: [
      ...receiver,
      ["set", "r", "SOL_IP", "IP_RECVTOS", 1],
      ["sendto", "s", "x", at("r")],
      ["recvmsg", "r", 9, 0],
    ],
  },
  {
    name: "ancillary data of the wrong size",
    steps: [...receiver, ["sendmsg", "s", ["x"], [["SOL_IP", "IP_TOS", "2000"]], 0, at("r")]],
  },
  {
    name: "a TTL of 0 for one message",
    steps: [...receiver, ["sendmsg", "s", ["x"], [["SOL_IP", "IP_TTL", "00000000"]], 0, at("r")]],
  },
  {
    name: "ancillary data of an unknown type",
    steps: [...receiver, ["sendmsg", "s", ["x"], [["SOL_IP", "IP_RECVOPTS", "00000000"]], 0, at("r")]],
  },
  { name: "a descriptor", steps: [stream, udp("u"), ["send_fds", "a", "x", ["u"]], ["recv_fds", "b", 9, 4]] },
  {
    name: "several descriptors",
    steps: [datagrams, udp("u"), ["send_fds", "a", "x", ["u", "u", "a"]], ["recv_fds", "b", 9, 4]],
  },
  { name: "no descriptor", steps: [stream, ["send", "a", "x"], ["recv_fds", "b", 9, 4]] },
  { name: "a descriptor that is not open", steps: [stream, ["send_bad_fd", "a", "x"]] },
  { name: "a descriptor over TCP", steps: [...connected, udp("u"), ["send_fds", "c", "x", ["u"]]] },
  {
    name: "credentials that are not ours to claim",
    steps: [datagrams, ["sendmsg", "a", ["x"], [["SOL_SOCKET", "SCM_CREDENTIALS", "ffffff7f0000000000000000"]]]],
  },
  {
    name: "credentials of the wrong size",
    steps: [datagrams, ["sendmsg", "a", ["x"], [["SOL_SOCKET", "SCM_CREDENTIALS", "01000000"]]]],
  },
  { name: "a message that is too long", steps: [records, ["sendmsg", "a", ["x".repeat(1 << 20)]]] },
  { name: "recvmsg at the end of a stream", steps: [stream, ["close_one", "a"], ["recvmsg", "b", 9, 100]] },
];

export const DATA_CASES: readonly Case[] = [...STREAMS, ...DATAGRAMS, ...UNIX, ...MESSAGES];

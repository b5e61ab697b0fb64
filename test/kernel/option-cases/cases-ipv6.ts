/** Level SOL_IPV6, except for multicast; and ICMPv6. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Socket } from "portolan";
import {
  AF_INET,
  AF_INET6,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMPV6,
  IPPROTO_RAW,
  IPPROTO_ROUTING,
  IPPROTO_UDP,
  IPV6_2292DSTOPTS,
  IPV6_2292HOPLIMIT,
  IPV6_2292HOPOPTS,
  IPV6_2292PKTINFO,
  IPV6_2292RTHDR,
  IPV6_DSTOPTS,
  IPV6_FL_A_GET,
  IPV6_FL_F_CREATE,
  IPV6_FL_S_ANY,
  IPV6_FLOWINFO,
  IPV6_HOPLIMIT,
  IPV6_HOPOPTS,
  IPV6_ORIGDSTADDR,
  IPV6_PKTINFO,
  IPV6_PREFER_SRC_PUBLIC,
  IPV6_PREFER_SRC_TMP,
  IPV6_RECVERR,
  IPV6_RECVFRAGSIZE,
  IPV6_RTHDR,
  IPV6_TCLASS,
  MSG_ERRQUEUE,
  SOL_IPV6,
} from "portolan/abi";
import {
  type CaseTable,
  codeOf,
  compared,
  controlOf,
  datagramPacket,
  datagramPair,
  effect,
  get,
  LOOPBACK_INDEX,
  loopback,
  needing,
  onAndOff,
  payloadOf,
  portOf,
  receive,
  set,
  setAndRead,
  sniff,
  streamPair,
  tells,
  wire,
} from "./kit.ts";
import { addAddress6, sysctl } from "./network.ts";
import { blockPolicy } from "./xfrm.ts";

const FOREIGN = "2001:db8::7";
/** Headers of 8 bytes whose only option is padding. RFC 8200 section 4.2 */
const PADDED = Uint8Array.from([0, 0, 1, 4, 0, 0, 0, 0]);
/** A segment routing header with one segment, ourselves, and no other left to visit. RFC 8754 section 2 */
const ROUTING = Uint8Array.from([0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

const raw = (protocol: number) => (): Socket => new Socket("inet6", "raw", protocol);

function foreignBind(name: string): void {
  using socket = new Socket("inet6", "dgram");
  assert.equal(get(socket, name), false);
  assert.equal(
    codeOf(() => socket.bind({ family: "inet6", address: FOREIGN, port: 0 })),
    "EADDRNOTAVAIL",
  );
  set(socket, name, true);
  assert.equal(get(socket, name), true);
  socket.bind({ family: "inet6", address: FOREIGN, port: 0 });
}

/** A header goes between the IPv6 header and the datagram, until it is taken away. */
function header(protocol: number, value: Uint8Array, others: readonly [string, Uint8Array][] = []) {
  return wire((name) => {
    const next = datagramPacket("udp6", (sender) => {
      for (const [other, bytes] of others) set(sender, other, bytes);
      set(sender, name, value);
      assert.deepEqual(Buffer.from(get(sender, name) as Uint8Array), Buffer.from(value));
    });
    assert.equal(next[6], protocol);
    assert.deepEqual([...payloadOf(next).subarray(1, 8)], [...value.subarray(1, 8)]);
    const plain = datagramPacket("udp6", (sender) => {
      set(sender, name, value);
      set(sender, name, new Uint8Array(0));
      assert.equal((get(sender, name) as Uint8Array).length, 0);
    });
    assert.equal(plain[6], IPPROTO_UDP);
  });
}

/** recvmsg tells of a header that the sender adds. */
function tellsHeader(type: number, option: string, value: Uint8Array): ReturnType<typeof tells> {
  const told = tells(
    "udp6",
    SOL_IPV6,
    type,
    (data) => assert.deepEqual([...data.subarray(1, 8)], [...value.subarray(1, 8)]),
    (sender) => set(sender, option, value),
  );
  return effect(async (name) => {
    // Routing headers are taken only where that is allowed. networking/seg6-sysctl
    if (option === "IPV6_RTHDR") allowRouting();
    await told.run(name);
  });
}

function allowRouting(): void {
  for (const device of ["all", "lo"]) sysctl(`ipv6/conf/${device}/seg6_enabled`, "1");
}

function tellsHopLimit(type: number): ReturnType<typeof tells> {
  return tells(
    "udp6",
    SOL_IPV6,
    type,
    (data) => assert.equal(data.readInt32LE(0), 77),
    (sender) => set(sender, "IPV6_UNICAST_HOPS", 77),
  );
}

function tellsPacketInfo(type: number): ReturnType<typeof tells> {
  return tells("udp6", SOL_IPV6, type, (data) => {
    assert.deepEqual([data[15], data.readInt32LE(16)], [1, LOOPBACK_INDEX]);
  });
}

function tellsDestination(): ReturnType<typeof tells> {
  return tells("udp6", SOL_IPV6, IPV6_ORIGDSTADDR, (data) => {
    assert.deepEqual([data.readUInt16LE(0), data[8 + 15]], [AF_INET6, 1]);
  });
}

function queuesErrors(name: string): void {
  using socket = new Socket("inet6", "dgram");
  set(socket, name, true);
  assert.equal(get(socket, name), true);
  socket.setOption("IPV6_RECVERR", true);
  using closed = new Socket("inet6", "dgram");
  closed.bind(loopback(closed));
  const port = portOf(closed);
  closed.close();
  socket.connectSync(loopback(socket, port));
  socket.sendSync("nobody");
  socket.readySync("errors", { timeoutMs: 30_000 });
  const data = controlOf(receive(socket, MSG_ERRQUEUE), SOL_IPV6, IPV6_RECVERR);
  // ee_errno ECONNREFUSED, ee_origin ICMPv6, type 1 (unreachable), code 4 (port).
  assert.deepEqual([data.readUInt32LE(0), data[4], data[5], data[6]], [111, 3, 1, 4]);
  set(socket, name, false);
  assert.equal(get(socket, name), false);
}

/** The first word of the header: version, traffic class, flow label. */
function flowOf(packet: Buffer): number {
  return packet.readUInt32BE(0) & 0xfffff;
}

const LABEL = 0x12345;

/** A socket that owns a flow label and sends with it. */
function ownLabel(sender: Socket, name: string): void {
  set(sender, name, {
    destination: "::1",
    label: LABEL,
    action: IPV6_FL_A_GET,
    share: IPV6_FL_S_ANY,
    flags: IPV6_FL_F_CREATE,
  });
}

/** Sends a datagram whose destination carries the flow label. */
function labelled(on: boolean): number {
  using sender = new Socket("inet6", "dgram");
  using receiver = new Socket("inet6", "dgram");
  receiver.bind(loopback(receiver));
  ownLabel(sender, "IPV6_FLOWLABEL_MGR");
  set(sender, "IPV6_FLOWINFO_SEND", on);
  assert.equal(get(sender, "IPV6_FLOWINFO_SEND"), on);
  const address = { ...loopback(receiver, portOf(receiver)), flowinfo: LABEL } as never;
  return flowOf(
    sniff(
      () => sender.sendToSync("label", address),
      (packet) => packet.includes("label"),
    ),
  );
}

export const cases: CaseTable = {
  ICMPV6_FILTER: effect((name) => {
    using socket = raw(IPPROTO_ICMPV6)();
    assert.deepEqual(get(socket, name), []);
    set(socket, name, [ICMPV6_ECHO_REQUEST, 255]);
    assert.deepEqual(get(socket, name), [ICMPV6_ECHO_REQUEST, 255]);
    socket.connectSync(loopback(socket));
    const echo = Uint8Array.from([ICMPV6_ECHO_REQUEST, 0, 0, 0, 0, 1, 0, 1]);
    socket.sendSync(echo);
    assert.equal(receive(socket).bytes[0], ICMPV6_ECHO_REPLY);
    set(socket, name, []);
    socket.sendSync(echo);
    assert.equal(receive(socket).bytes[0], ICMPV6_ECHO_REQUEST);
  }),
  IPV6_2292DSTOPTS: tellsHeader(IPV6_2292DSTOPTS, "IPV6_DSTOPTS", PADDED),
  IPV6_2292HOPLIMIT: tellsHopLimit(IPV6_2292HOPLIMIT),
  IPV6_2292HOPOPTS: tellsHeader(IPV6_2292HOPOPTS, "IPV6_HOPOPTS", PADDED),
  IPV6_2292PKTINFO: tellsPacketInfo(IPV6_2292PKTINFO),
  IPV6_2292PKTOPTIONS: effect((name) => {
    const [client, server] = streamPair("tcp6");
    using _client = client;
    using _server = server;
    set(server, "IPV6_2292PKTINFO", true);
    const control = Buffer.from(get(server, name) as Uint8Array);
    assert.deepEqual([control.readInt32LE(8), control.readInt32LE(12)], [SOL_IPV6, IPV6_2292PKTINFO]);
    // No control messages: nothing is set for what is sent.
    set(client, name, new Uint8Array(0));
  }),
  IPV6_2292RTHDR: tellsHeader(IPV6_2292RTHDR, "IPV6_RTHDR", ROUTING),
  IPV6_ADDRFORM: effect((name) => {
    using receiver = new Socket("inet", "dgram");
    receiver.bind(loopback(receiver));
    using socket = new Socket("inet6", "dgram");
    assert.equal(
      codeOf(() => get(socket, name)),
      "ENOTCONN",
    );
    socket.connectSync({ family: "inet6", address: "::ffff:127.0.0.1", port: portOf(receiver) });
    assert.equal(get(socket, name), AF_INET6);
    set(socket, name, AF_INET);
    assert.equal(socket.getOption("SO_DOMAIN"), AF_INET);
    assert.equal(socket.localAddress.family, "inet");
  }),
  IPV6_ADDR_PREFERENCES: readBackBits(),
  IPV6_AUTOFLOWLABEL: wire((name) => {
    const label = (on: boolean): number =>
      flowOf(
        datagramPacket("udp6", (sender) => {
          set(sender, name, on);
          assert.equal(get(sender, name), on);
        }),
      );
    assert.equal(label(false), 0);
    assert.notEqual(label(true), 0);
  }),
  IPV6_CHECKSUM: wire((name) => {
    using socket = raw(99)();
    assert.equal(get(socket, name), -1);
    set(socket, name, 2);
    assert.equal(get(socket, name), 2);
    socket.connectSync(loopback(socket));
    const packet = sniff(
      () => socket.sendSync(Uint8Array.from([1, 2, 0, 0, 5, 6])),
      (found) => found[6] === 99,
    );
    // Twice ::1, the length 6 and the protocol 99 are the pseudo-header: RFC 8200 section 8.1.
    const sum = 1 + 1 + 6 + 99 + 0x0102 + 0x0506;
    assert.equal(payloadOf(packet).readUInt16BE(2), ~sum & 0xffff);
  }),
  IPV6_DONTFRAG: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    set(socket, "IPV6_MTU", 1280);
    socket.connectSync(loopback(socket, 9));
    assert.equal(
      codeOf(() => socket.sendSync(Buffer.alloc(2000))),
      "EMSGSIZE",
    );
    set(socket, name, false);
    socket.sendSync(Buffer.alloc(2000));
  }),
  IPV6_DSTOPTS: header(IPPROTO_DSTOPTS, PADDED),
  IPV6_FLOWINFO: tells(
    "udp6",
    SOL_IPV6,
    IPV6_FLOWINFO,
    (data) => assert.equal(data.readUInt32BE(0) >>> 20, 0x48),
    (sender) => set(sender, "IPV6_TCLASS", 0x48),
  ),
  IPV6_FLOWINFO_SEND: wire(() => {
    assert.equal(labelled(true), LABEL);
    assert.notEqual(labelled(false), LABEL);
  }),
  IPV6_FLOWLABEL_MGR: effect((name) => {
    using socket = new Socket("inet6", "stream");
    ownLabel(socket, name);
    set(socket, "IPV6_FLOWINFO_SEND", true);
    using listener = new Socket("inet6", "stream");
    listener.bind(loopback(listener));
    listener.listen();
    socket.connectSync({ ...loopback(listener, portOf(listener)), flowinfo: LABEL } as never);
    assert.equal((get(socket, name) as { label: number }).label, LABEL);
  }),
  IPV6_FREEBIND: effect(foreignBind),
  IPV6_HDRINCL: wire((name) => {
    using socket = raw(IPPROTO_UDP)();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    const packet = Buffer.alloc(48);
    packet.set([0x60, 0, 0, 0, 0, 8, 99, 33]);
    packet[23] = 1;
    packet[39] = 1;
    socket.connectSync(loopback(socket));
    const sent = sniff(
      () => socket.sendSync(packet),
      (found) => found[6] === 99,
    );
    assert.equal(sent[7], 33);
  }),
  IPV6_HOPOPTS: header(IPPROTO_HOPOPTS, PADDED),
  IPV6_IPSEC_POLICY: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    const policy = Buffer.from([2, 0, 18, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    needing("no AF_KEY", ["EOPNOTSUPP", "EPROTONOSUPPORT", "EINVAL", "ENOPROTOOPT"], () => set(socket, name, policy));
  }),
  IPV6_JOIN_ANYCAST: anycast(),
  IPV6_LEAVE_ANYCAST: anycast(),
  IPV6_MINHOPCOUNT: effect((name) => {
    const [client, server] = streamPair("tcp6");
    using _client = client;
    using _server = server;
    set(server, name, 255);
    assert.equal(get(server, name), 255);
    client.sendSync("from too far away");
    assert.equal(
      codeOf(() => server.recvSync(99, { timeoutMs: 50 })),
      "ETIMEDOUT",
    );
  }),
  IPV6_MTU: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    set(socket, name, 1300);
    socket.connectSync(loopback(socket, 9));
    set(socket, "IPV6_MTU_DISCOVER", 2);
    assert.equal(
      codeOf(() => socket.sendSync(Buffer.alloc(1400))),
      "EMSGSIZE",
    );
    socket.sendSync(Buffer.alloc(1200));
    assert.equal(get(socket, name), 65_536);
  }),
  IPV6_MTU_DISCOVER: setAndRead("udp6", 0, 1, 2, 3, 4, 5),
  IPV6_ORIGDSTADDR: tellsDestination(),
  IPV6_PATHMTU: compared((name) => {
    using socket = new Socket("inet6", "dgram");
    assert.equal(
      codeOf(() => get(socket, name)),
      "ENOTCONN",
    );
    socket.connectSync(loopback(socket, 9));
    assert.equal((get(socket, name) as { mtuBytes: number }).mtuBytes, get(socket, "IPV6_MTU"));
  }),
  IPV6_PKTINFO: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    using receiver = new Socket("inet6", "dgram");
    receiver.bind(loopback(receiver));
    set(socket, name, { address: "::1", interfaceIndex: LOOPBACK_INDEX });
    socket.sendToSync("x", loopback(socket, portOf(receiver)));
    assert.equal(String(receive(receiver).bytes), "x");
    // An interface that there is not: the datagram cannot leave.
    set(socket, name, { interfaceIndex: 4242 });
    assert.match(
      codeOf(() => socket.sendToSync("x", loopback(socket, portOf(receiver)))),
      /^(ENODEV|ENETUNREACH)$/,
    );
  }),
  IPV6_RECVDSTOPTS: tellsHeader(IPV6_DSTOPTS, "IPV6_DSTOPTS", PADDED),
  IPV6_RECVERR: effect(queuesErrors),
  IPV6_RECVERR_RFC4884: effect(queuesErrors),
  IPV6_RECVFRAGSIZE: effect((name) => {
    const [sender, receiver] = datagramPair("udp6");
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    set(receiver, "UDP_NO_CHECK6_RX", true);
    sendInFragments(portOf(sender), portOf(receiver));
    assert.equal(controlOf(receive(receiver), SOL_IPV6, IPV6_RECVFRAGSIZE).readInt32LE(0), 40 + 8 + 24);
  }),
  IPV6_RECVHOPLIMIT: tellsHopLimit(IPV6_HOPLIMIT),
  IPV6_RECVHOPOPTS: tellsHeader(IPV6_HOPOPTS, "IPV6_HOPOPTS", PADDED),
  IPV6_RECVORIGDSTADDR: tellsDestination(),
  IPV6_RECVPATHMTU: onAndOff("udp6"),
  IPV6_RECVPKTINFO: tellsPacketInfo(IPV6_PKTINFO),
  IPV6_RECVRTHDR: tellsHeader(IPV6_RTHDR, "IPV6_RTHDR", ROUTING),
  IPV6_RECVTCLASS: tells(
    "udp6",
    SOL_IPV6,
    IPV6_TCLASS,
    (data) => assert.equal(data.readInt32LE(0), 0x48),
    (sender) => set(sender, "IPV6_TCLASS", 0x48),
  ),
  IPV6_ROUTER_ALERT: effect((name) => {
    using socket = raw(IPPROTO_RAW)();
    set(socket, name, 0);
    set(socket, name, -1);
    using udp = new Socket("inet6", "dgram");
    assert.equal(
      codeOf(() => set(udp, name, 0)),
      "ENOPROTOOPT",
    );
  }),
  IPV6_ROUTER_ALERT_ISOLATE: onAndOff(raw(IPPROTO_RAW)),
  IPV6_RTHDR: header(IPPROTO_ROUTING, ROUTING),
  IPV6_RTHDRDSTOPTS: header(IPPROTO_DSTOPTS, PADDED, [["IPV6_RTHDR", ROUTING]]),
  IPV6_TCLASS: wire((name) => {
    const packet = datagramPacket("udp6", (sender) => {
      set(sender, name, 0xb8);
      assert.equal(get(sender, name), 0xb8);
    });
    assert.equal((packet.readUInt16BE(0) >> 4) & 0xff, 0xb8);
  }),
  IPV6_TRANSPARENT: effect(foreignBind),
  IPV6_UNICAST_HOPS: wire((name) => {
    const packet = datagramPacket("udp6", (sender) => {
      set(sender, name, 17);
      assert.equal(get(sender, name), 17);
    });
    assert.equal(packet[7], 17);
  }),
  IPV6_UNICAST_IF: setAndRead("udp6", LOOPBACK_INDEX, 0),
  IPV6_V6ONLY: effect((name) => {
    const connects = (only: boolean): void => {
      using listener = new Socket("inet6", "stream");
      using client = new Socket("inet", "stream");
      set(listener, name, only);
      assert.equal(get(listener, name), only);
      listener.bind({ family: "inet6", address: "::", port: 0 });
      listener.listen();
      client.connectSync(loopback(client, portOf(listener)), { timeoutMs: 30_000 });
    };
    connects(false);
    assert.equal(
      codeOf(() => connects(true)),
      "ECONNREFUSED",
    );
  }),
  IPV6_XFRM_POLICY: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    socket.connectSync(loopback(socket, 9));
    socket.sendSync("out");
    needing("no XFRM", ["ENOPROTOOPT", "EOPNOTSUPP"], () => set(socket, name, blockPolicy(AF_INET6)));
    assert.equal(
      codeOf(() => socket.sendSync("stopped")),
      "EPERM",
    );
  }),
};

/** The kernel adds the defaults of what is not said. */
function readBackBits(): ReturnType<typeof effect> {
  return effect((name) => {
    using socket = new Socket("inet6", "dgram");
    for (const [value, other] of [
      [IPV6_PREFER_SRC_TMP, IPV6_PREFER_SRC_PUBLIC],
      [IPV6_PREFER_SRC_PUBLIC, IPV6_PREFER_SRC_TMP],
    ] as const) {
      set(socket, name, value);
      const read = get(socket, name) as number;
      assert.deepEqual([read & value, read & other], [value, 0]);
    }
  });
}

/** Listed in /proc/net/anycast6 for as long as the socket has joined. */
function anycast(): ReturnType<typeof effect> {
  return effect(() => {
    using socket = new Socket("inet6", "dgram");
    addAddress6("2001:db8::1");
    const membership = { group: "2001:db8::99", interfaceIndex: LOOPBACK_INDEX };
    const listed = (): boolean =>
      readFileSync("/proc/self/net/anycast6", "utf8").includes("20010db8000000000000000000000099");
    assert.equal(listed(), false);
    set(socket, "IPV6_JOIN_ANYCAST", membership);
    assert.equal(listed(), true);
    set(socket, "IPV6_LEAVE_ANYCAST", membership);
    assert.equal(listed(), false);
  });
}

/** A datagram of 32 bytes in two fragments, made by hand, without a checksum. RFC 8200 section 4.5 */
function sendInFragments(from: number, to: number): void {
  using socket = raw(IPPROTO_RAW)();
  socket.connectSync(loopback(socket));
  const datagram = Buffer.alloc(40, "f");
  datagram.writeUInt16BE(from, 0);
  datagram.writeUInt16BE(to, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.writeUInt16BE(0, 6);
  const fragment = (offset: number, end: number, more: boolean): Buffer => {
    const headers = Buffer.alloc(48);
    headers.set([0x60, 0, 0, 0, 0, 8 + end - offset, IPPROTO_FRAGMENT, 64]);
    headers[23] = 1;
    headers[39] = 1;
    headers.set([IPPROTO_UDP, 0, 0, offset | (more ? 1 : 0), 0x77, 0x77, 0x77, 0x77], 40);
    return Buffer.concat([headers, datagram.subarray(offset, end)]);
  };
  socket.sendSync(fragment(0, 24, true));
  socket.sendSync(fragment(24, 40, false));
}

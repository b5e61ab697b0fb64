/** Level SOL_IP, except for multicast; and ICMP. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import {
  AF_INET,
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  IP_ORIGDSTADDR,
  IP_PKTINFO,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_RECVERR,
  IP_RECVFRAGSIZE,
  IP_RECVOPTS,
  IP_RETOPTS,
  IP_TOS,
  IP_TTL,
  IPPROTO_ICMP,
  IPPROTO_RAW,
  IPPROTO_UDP,
  MSG_ERRQUEUE,
  SOL_IP,
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
  isProtocol,
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
  until,
  wire,
} from "./kit.ts";
import { blockPolicy } from "./xfrm.ts";

const rawUdp = (): Socket => new Socket("inet", "raw", IPPROTO_UDP);
const rawIcmp = (): Socket => new Socket("inet", "raw", IPPROTO_ICMP);
/** Loose source routing is refused nowadays; a record of the route is not. RFC 791 section 3.1 */
const RECORD_ROUTE = Uint8Array.from([7, 7, 4, 0, 0, 0, 0, 0]);
/** 240.0.0.0/4 is nobody's, so that this address is surely not ours. */
const FOREIGN = "198.51.100.7";

/** Binding to an address that is not ours. */
function foreignBind(name: string): void {
  using socket = new Socket("inet", "dgram");
  assert.equal(get(socket, name), false);
  assert.equal(
    codeOf(() => socket.bind({ family: "inet", address: FOREIGN, port: 0 })),
    "EADDRNOTAVAIL",
  );
  set(socket, name, true);
  assert.equal(get(socket, name), true);
  socket.bind({ family: "inet", address: FOREIGN, port: 0 });
}

/** An ICMP echo request; the kernel answers it. */
function echo(identifier: number): Buffer {
  const message = Buffer.from([ICMP_ECHO, 0, 0, 0, 0, 0, 0, 1]);
  message.writeUInt16BE(identifier, 4);
  // The one's complement of the one's complement sum, RFC 1071; the header is small enough for no second carry.
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at);
  message.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 2);
  return message;
}

/** A datagram from a socket that sends the option to one that records what it is told. */
function tellsOptions(type: number): ReturnType<typeof tells> {
  return tells(
    "udp",
    SOL_IP,
    type,
    (data) => assert.equal(data[0], RECORD_ROUTE[0]),
    (sender) => set(sender, "IP_OPTIONS", RECORD_ROUTE),
  );
}

function tellsDestination(): ReturnType<typeof tells> {
  return tells("udp", SOL_IP, IP_ORIGDSTADDR, (data) => {
    assert.deepEqual([data.readUInt16LE(0), ...data.subarray(4, 8)], [AF_INET, 127, 0, 0, 1]);
  });
}

/** A port where nobody listens. */
function closedPort(): number {
  using socket = new Socket("inet", "dgram");
  socket.bind(loopback(socket));
  return portOf(socket);
}

/** The error queue gets an entry for a datagram that nobody takes. */
function queuesErrors(name: string): void {
  using socket = new Socket("inet", "dgram");
  set(socket, name, true);
  assert.equal(get(socket, name), true);
  socket.setOption("IP_RECVERR", true);
  socket.connectSync(loopback(socket, closedPort()));
  socket.sendSync("nobody");
  socket.readySync("errors", { timeoutMs: 30_000 });
  const data = controlOf(receive(socket, MSG_ERRQUEUE), SOL_IP, IP_RECVERR);
  // ee_errno ECONNREFUSED, ee_origin ICMP, ee_type destination unreachable.
  assert.deepEqual([data.readUInt32LE(0), data[4], data[5]], [111, 2, ICMP_DEST_UNREACH]);
  set(socket, name, false);
  assert.equal(get(socket, name), false);
}

export const cases: CaseTable = {
  ICMP_FILTER: effect((name) => {
    using socket = rawIcmp();
    assert.deepEqual(get(socket, name), []);
    set(socket, name, [ICMP_ECHO]);
    assert.deepEqual(get(socket, name), [ICMP_ECHO]);
    socket.connectSync(loopback(socket));
    socket.sendSync(echo(1));
    // Without the filter the request itself would come first: it too arrives here.
    assert.equal(payloadOf(Buffer.from(receive(socket).bytes))[0], ICMP_ECHOREPLY);
    set(socket, name, []);
    socket.sendSync(echo(2));
    assert.equal(payloadOf(Buffer.from(receive(socket).bytes))[0], ICMP_ECHO);
  }),
  IP_BIND_ADDRESS_NO_PORT: effect((name) => {
    using socket = new Socket("inet", "stream");
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    socket.bind(loopback(socket));
    assert.equal(portOf(socket), 0);
    using usual = new Socket("inet", "stream");
    usual.bind(loopback(usual));
    assert.notEqual(portOf(usual), 0);
  }),
  // It is told of packets whose device summed them up, which the loopback does not.
  IP_CHECKSUM: onAndOff("udp"),
  IP_FREEBIND: effect(foreignBind),
  IP_HDRINCL: wire((name) => {
    using socket = rawUdp();
    assert.equal(get(socket, name), false);
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    const header = Buffer.alloc(28);
    header.set([0x45, 0, 0, 28, 0x12, 0x34, 0, 0, 33, 99, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    socket.connectSync(loopback(socket));
    const packet = sniff(
      () => socket.sendSync(header),
      (found) => isProtocol(found, 99),
    );
    assert.deepEqual([packet[8], packet.readUInt16BE(4)], [33, 0x1234]);
  }),
  IP_IPSEC_POLICY: effect((name) => {
    using socket = new Socket("inet", "dgram");
    // Two words of struct sadb_x_policy: length 2, extension 18, type bypass, outbound.
    const policy = Buffer.from([2, 0, 18, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    needing("no AF_KEY", ["EOPNOTSUPP", "EPROTONOSUPPORT", "EINVAL", "ENOPROTOOPT"], () => set(socket, name, policy));
  }),
  IP_LOCAL_PORT_RANGE: effect((name) => {
    using socket = new Socket("inet", "stream");
    assert.deepEqual(get(socket, name), { low: 0, high: 0 });
    set(socket, name, { low: 40_001, high: 40_003 });
    assert.deepEqual(get(socket, name), { low: 40_001, high: 40_003 });
    socket.bind(loopback(socket));
    assert.ok(portOf(socket) >= 40_001 && portOf(socket) <= 40_003);
  }),
  IP_MINTTL: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    set(server, name, 255);
    assert.equal(get(server, name), 255);
    client.sendSync("from too far away");
    assert.equal(
      codeOf(() => server.recvSync(99, { timeoutMs: 50 })),
      "ETIMEDOUT",
    );
    set(server, name, 0);
    // The client sends again what was dropped.
    assert.equal(String(server.recvSync(99, { timeoutMs: 30_000 })), "from too far away");
  }),
  IP_MTU: compared((name) => {
    using socket = new Socket("inet", "dgram");
    assert.equal(
      codeOf(() => get(socket, name)),
      "ENOTCONN",
    );
    socket.connectSync(loopback(socket, 9));
    // The loopback's 65536, cut to the largest packet that there can be.
    assert.equal(get(socket, name), 65_535);
  }),
  IP_MTU_DISCOVER: wire((name) => {
    const dontFragment = (value: number): boolean => {
      const packet = datagramPacket("udp", (sender) => {
        set(sender, name, value);
        assert.equal(get(sender, name), value);
      });
      return ((packet[6] as number) & 0x40) !== 0;
    };
    assert.equal(dontFragment(IP_PMTUDISC_DO), true);
    assert.equal(dontFragment(IP_PMTUDISC_DONT), false);
  }),
  IP_NODEFRAG: onAndOff(rawUdp),
  IP_OPTIONS: wire((name) => {
    const packet = datagramPacket("udp", (sender) => {
      assert.deepEqual(get(sender, name), new Uint8Array(0));
      set(sender, name, RECORD_ROUTE);
      assert.deepEqual((get(sender, name) as Uint8Array).subarray(0, 3), RECORD_ROUTE.subarray(0, 3));
    });
    assert.equal((packet[0] as number) & 15, 7);
    assert.deepEqual([...packet.subarray(20, 22)], [7, 7]);
  }),
  IP_ORIGDSTADDR: tellsDestination(),
  IP_PASSSEC: onAndOff("udp"),
  IP_PKTINFO: tells("udp", SOL_IP, IP_PKTINFO, (data) => {
    assert.deepEqual([data.readInt32LE(0), ...data.subarray(8, 12)], [LOOPBACK_INDEX, 127, 0, 0, 1]);
  }),
  IP_PKTOPTIONS: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    assert.equal((get(server, name) as Uint8Array).length, 0);
    set(server, "IP_PKTINFO", true);
    // cmsg_len, cmsg_level, cmsg_type, and then where it came in.
    const control = Buffer.from(get(server, name) as Uint8Array);
    assert.deepEqual([control.readInt32LE(8), control.readInt32LE(12)], [SOL_IP, IP_PKTINFO]);
    assert.equal(control.readInt32LE(16), LOOPBACK_INDEX);
  }),
  IP_PROTOCOL: compared((name) => {
    using socket = rawIcmp();
    assert.equal(get(socket, name), IPPROTO_ICMP);
  }),
  IP_RECVERR: effect(queuesErrors),
  IP_RECVERR_RFC4884: effect(queuesErrors),
  IP_RECVFRAGSIZE: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    // What does not fit the loopback's 65536 bytes cannot be sent, so the packet itself says its fragments' size.
    sendInFragments(portOf(sender), portOf(receiver));
    assert.equal(controlOf(receive(receiver), SOL_IP, IP_RECVFRAGSIZE).readInt32LE(0), 20 + 24);
  }),
  IP_RECVOPTS: tellsOptions(IP_RECVOPTS),
  IP_RECVORIGDSTADDR: tellsDestination(),
  IP_RECVRETOPTS: tellsOptions(IP_RETOPTS),
  IP_RECVTOS: tells(
    "udp",
    SOL_IP,
    IP_TOS,
    (data) => assert.equal(data[0], 0x48),
    (sender) => set(sender, "IP_TOS", 0x48),
  ),
  IP_RECVTTL: tells(
    "udp",
    SOL_IP,
    IP_TTL,
    (data) => assert.equal(data.readInt32LE(0), 77),
    (sender) => set(sender, "IP_TTL", 77),
  ),
  IP_RETOPTS: tellsOptions(IP_RETOPTS),
  IP_ROUTER_ALERT: effect((name) => {
    using socket = rawUdp();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    assert.equal(
      codeOf(() => set(socket, name, true)),
      "EADDRINUSE",
    );
    set(socket, name, false);
    assert.equal(get(socket, name), false);
  }),
  IP_TOS: wire((name) => {
    const packet = datagramPacket("udp", (sender) => {
      set(sender, name, 0xb8);
      assert.equal(get(sender, name), 0xb8);
    });
    assert.equal(packet[1], 0xb8);
  }),
  IP_TRANSPARENT: effect(foreignBind),
  IP_TTL: wire((name) => {
    const packet = datagramPacket("udp", (sender) => {
      set(sender, name, 17);
      assert.equal(get(sender, name), 17);
    });
    assert.equal(packet[8], 17);
  }),
  IP_UNICAST_IF: setAndRead("udp", LOOPBACK_INDEX, 0),
  IP_XFRM_POLICY: effect((name) => {
    using socket = new Socket("inet", "dgram");
    socket.connectSync(loopback(socket, 9));
    socket.sendSync("out");
    needing("no XFRM", ["ENOPROTOOPT", "EOPNOTSUPP"], () => set(socket, name, blockPolicy(AF_INET)));
    until(() => {
      try {
        socket.sendSync("stopped");
        return false;
      } catch (error) {
        return (error as { code?: string }).code === "EPERM";
      }
    }, "EPERM from a policy that blocks");
  }),
};

/** A datagram of 32 bytes in two fragments, made by hand. RFC 791 section 2.3 */
function sendInFragments(from: number, to: number): void {
  using socket = new Socket("inet", "raw", IPPROTO_RAW);
  const datagram = Buffer.alloc(40, "f");
  datagram.writeUInt16BE(from, 0);
  datagram.writeUInt16BE(to, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.writeUInt16BE(0, 6);
  socket.connectSync(loopback(socket));
  const fragment = (offset: number, end: number, more: boolean): Buffer => {
    const header = Buffer.from([0x45, 0, 0, 0, 0x77, 0x77, 0, 0, 64, IPPROTO_UDP, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    header.writeUInt16BE(20 + end - offset, 2);
    header.writeUInt16BE((more ? 0x2000 : 0) | (offset / 8), 6);
    return Buffer.concat([header, datagram.subarray(offset, end)]);
  };
  socket.sendSync(fragment(0, 24, true));
  socket.sendSync(fragment(24, 40, false));
}

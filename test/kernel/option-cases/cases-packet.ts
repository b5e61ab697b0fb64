/** Level SOL_PACKET. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Socket } from "portolan";
import {
  BPF_K,
  BPF_RET,
  ETH_P_ALL,
  htons,
  PACKET_AUXDATA,
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_FLAG_ROLLOVER,
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  PACKET_OUTGOING,
  SOF_TIMESTAMPING_RAW_HARDWARE,
  SOL_PACKET,
  TPACKET_AUXDATA,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  TPACKET3_HDRLEN,
  VIRTIO_NET_HDR,
} from "portolan/abi";
import {
  type CaseTable,
  codeOf,
  compared,
  controlOf,
  effect,
  get,
  LOOPBACK_INDEX,
  loopback,
  onAndOff,
  readBack,
  receive,
  set,
  setAndRead,
} from "./kit.ts";

const packet = (): Socket => new Socket("packet", "raw", htons(ETH_P_ALL));
const ADDRESS = {
  family: "packet",
  protocol: ETH_P_ALL,
  ifindex: LOOPBACK_INDEX,
  hatype: 0,
  pkttype: 0,
  address: new Uint8Array(0),
} as const;
const RING = { blockBytes: 4096, blocks: 4, frameBytes: 2048, frames: 8 };
const NO_RING = { blockBytes: 0, blocks: 0, frameBytes: 0, frames: 0 };
const ETHERNET_HEADER_BYTES = 14;
let group = 100;

/** A packet socket on the loopback. */
function bound(make: () => Socket = packet): Socket {
  const socket = make();
  socket.bind(ADDRESS);
  return socket;
}

/** Sends datagrams that nobody takes: packets for whoever listens on the loopback. */
function traffic(count = 1): void {
  using sender = new Socket("inet", "dgram");
  for (let i = 0; i < count; i++) sender.sendToSync("traffic", loopback(sender, 9));
}

/** A ring that can be made and taken away; while there is one, another version cannot be chosen. */
function ring(): ReturnType<typeof effect> {
  return effect((name) => {
    using socket = packet();
    set(socket, "PACKET_VERSION", TPACKET_V3);
    set(socket, name, name === "PACKET_RX_RING" ? { ...RING, retireMs: 10 } : RING);
    assert.equal(
      codeOf(() => set(socket, "PACKET_VERSION", TPACKET_V2)),
      "EBUSY",
    );
    set(socket, name, NO_RING);
    set(socket, "PACKET_VERSION", TPACKET_V2);
    assert.equal(
      codeOf(() => set(socket, name, { ...RING, frames: 7 })),
      "EINVAL",
    );
  });
}

/** Settings that have to come before the ring. */
function beforeRing(): ReturnType<typeof readBack> {
  return readBack((name) => {
    using socket = packet();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    set(socket, "PACKET_RX_RING", RING);
    assert.equal(
      codeOf(() => set(socket, name, false)),
      "EBUSY",
    );
  });
}

/** Two members: the interface takes frames for the address until the second has left. */
function membershipCase(): ReturnType<typeof effect> {
  return effect(() => {
    const isTaken = (): boolean => readFileSync("/proc/self/net/dev_mcast", "utf8").includes("01005e112233");
    using first = packet();
    using second = packet();
    const address = Uint8Array.from([0x01, 0x00, 0x5e, 0x11, 0x22, 0x33]);
    const member = { interfaceIndex: LOOPBACK_INDEX, type: PACKET_MR_MULTICAST, address };
    assert.equal(isTaken(), false);
    set(first, "PACKET_ADD_MEMBERSHIP", member);
    set(second, "PACKET_ADD_MEMBERSHIP", member);
    assert.equal(isTaken(), true);
    set(first, "PACKET_DROP_MEMBERSHIP", member);
    assert.equal(isTaken(), true);
    set(second, "PACKET_DROP_MEMBERSHIP", member);
    assert.equal(isTaken(), false);
    set(first, "PACKET_ADD_MEMBERSHIP", { interfaceIndex: LOOPBACK_INDEX, type: PACKET_MR_PROMISC });
    assert.equal(
      codeOf(() => set(first, "PACKET_ADD_MEMBERSHIP", { ...member, interfaceIndex: 4242 })),
      "ENODEV",
    );
  });
}

export const cases: CaseTable = {
  PACKET_ADD_MEMBERSHIP: membershipCase(),
  PACKET_AUXDATA: effect((name) => {
    using socket = bound();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    traffic();
    const message = receive(socket);
    const data = controlOf(message, SOL_PACKET, PACKET_AUXDATA);
    assert.equal(data.readUInt32LE(TPACKET_AUXDATA.tp_len), message.bytes.length);
    set(socket, name, false);
    assert.equal(get(socket, name), false);
  }),
  PACKET_COPY_THRESH: effect((name) => {
    using socket = packet();
    set(socket, name, 100);
    using udp = new Socket("inet", "dgram");
    assert.equal(
      codeOf(() => set(udp, name, 100)),
      "ENOPROTOOPT",
    );
  }),
  PACKET_DROP_MEMBERSHIP: membershipCase(),
  PACKET_FANOUT: effect((name) => {
    using first = bound();
    using second = bound();
    assert.deepEqual(get(first, name), { group: 0, mode: 0, flags: 0 });
    const shared = { group: group++, mode: PACKET_FANOUT_LB, flags: 0 };
    for (const socket of [first, second]) {
      set(socket, name, shared);
      assert.deepEqual(get(socket, name), shared);
    }
    traffic(10);
    const [one, other] = [first, second].map(
      (socket) => (get(socket, "PACKET_STATISTICS") as { packets: number }).packets,
    );
    assert.ok((one as number) > 0 && (other as number) > 0, `${one} and ${other} packets`);
    using third = bound();
    set(third, name, { group: group++, mode: PACKET_FANOUT_HASH, maxMembers: 3 });
  }),
  PACKET_FANOUT_DATA: effect((name) => {
    using first = bound();
    using second = bound();
    const shared = { group: group++, mode: PACKET_FANOUT_CBPF };
    for (const socket of [first, second]) set(socket, "PACKET_FANOUT", shared);
    set(first, name, [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 1 }]);
    get(first, "PACKET_STATISTICS");
    get(second, "PACKET_STATISTICS");
    traffic(4);
    assert.equal((get(first, "PACKET_STATISTICS") as { packets: number }).packets, 0);
    assert.ok((get(second, "PACKET_STATISTICS") as { packets: number }).packets >= 4);
  }),
  PACKET_HDRLEN: compared((name) => {
    using socket = packet();
    // The header without the address that the ABI's length counts as well.
    const lengths = [TPACKET_V1, TPACKET_V2, TPACKET_V3].map((version) => get(socket, name, version) as number);
    assert.deepEqual(lengths, [32, 32, 48]);
    assert.ok((lengths[2] as number) < TPACKET3_HDRLEN);
  }),
  PACKET_IGNORE_OUTGOING: effect((name) => {
    using socket = bound();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    traffic(3);
    for (let i = 0; i < 3; i++) {
      const { address } = socket.recvFromSync(2000, { timeoutMs: 30_000 });
      assert.ok(address?.family === "packet" && address.pkttype !== PACKET_OUTGOING);
    }
    set(socket, name, false);
    assert.equal(get(socket, name), false);
  }),
  PACKET_LOSS: beforeRing(),
  PACKET_ORIGDEV: onAndOff(packet),
  PACKET_QDISC_BYPASS: onAndOff(packet),
  PACKET_RESERVE: readBack((name) => {
    using socket = packet();
    set(socket, name, 128);
    assert.equal(get(socket, name), 128);
  }),
  PACKET_ROLLOVER_STATS: effect((name) => {
    using socket = bound();
    assert.equal(
      codeOf(() => get(socket, name)),
      "EINVAL",
    );
    set(socket, "PACKET_FANOUT", { group: group++, mode: PACKET_FANOUT_HASH, flags: PACKET_FANOUT_FLAG_ROLLOVER });
    assert.deepEqual(get(socket, name), { all: 0n, huge: 0n, failed: 0n });
  }),
  PACKET_RX_RING: ring(),
  PACKET_STATISTICS: effect((name) => {
    using socket = bound();
    get(socket, name);
    traffic(5);
    const { packets, drops } = get(socket, name) as { packets: number; drops: number };
    assert.ok(packets >= 5 && drops === 0, `${packets} packets, ${drops} drops`);
    assert.deepEqual(get(socket, name), { packets: 0, drops: 0, freezes: 0 });
  }),
  PACKET_TIMESTAMP: setAndRead(packet, SOF_TIMESTAMPING_RAW_HARDWARE, 0),
  PACKET_TX_HAS_OFF: readBack((name) => {
    using socket = packet();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    set(socket, "PACKET_TX_RING", RING);
    // With a ring the kernel takes no notice any more.
    set(socket, name, false);
    assert.equal(get(socket, name), true);
  }),
  PACKET_TX_RING: ring(),
  PACKET_VERSION: setAndRead(packet, TPACKET_V2, TPACKET_V3, TPACKET_V1),
  PACKET_VNET_HDR: effect((name) => {
    using socket = bound();
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    traffic();
    const { bytes } = receive(socket);
    // A header of 10 bytes, the Ethernet header of the loopback, then IPv4.
    assert.equal(bytes[VIRTIO_NET_HDR.size + ETHERNET_HEADER_BYTES], 0x45);
    set(socket, name, false);
    assert.equal(get(socket, name), false);
  }),
};

/** Multicast at both levels. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Socket } from "portolan";
import {
  type CaseTable,
  codeOf,
  effect,
  get,
  LOOPBACK_INDEX,
  loopback,
  onAndOff,
  portOf,
  readBack,
  set,
  setAndRead,
  sniff,
  wire,
} from "./kit.ts";
import { routeMulticast6 } from "./network.ts";

const GROUP = "239.1.2.3";
const GROUP6 = "ff15::1234";
const OTHER_SOURCE = "10.9.8.7";
const OTHER_SOURCE6 = "2001:db8::7";
const member = { group: GROUP, interfaceIndex: LOOPBACK_INDEX };
const member6 = { group: GROUP6, interfaceIndex: LOOPBACK_INDEX };
const from = { group: GROUP, interfaceAddress: "127.0.0.1" };

/** A receiver in a family, bound to any address, and a sender to the group. */
function withGroup(
  family: "inet" | "inet6",
  run: (receiver: Socket, send: (text: string) => void, sender: Socket) => void,
): void {
  using receiver = new Socket(family, "dgram");
  using sender = new Socket(family, "dgram");
  receiver.bind({ family, address: family === "inet" ? "0.0.0.0" : "::", port: 0 });
  if (family === "inet") {
    // A membership of another socket is none of ours.
    set(receiver, "IP_MULTICAST_ALL", false);
    set(sender, "IP_MULTICAST_IF", { interfaceIndex: LOOPBACK_INDEX });
    sender.bind(loopback(sender));
  } else {
    routeMulticast6();
    set(receiver, "IPV6_MULTICAST_ALL", false);
    set(sender, "IPV6_MULTICAST_IF", LOOPBACK_INDEX);
    sender.bind(loopback(sender));
  }
  const to = { family, address: family === "inet" ? GROUP : GROUP6, port: portOf(receiver) };
  run(receiver, (text) => sender.sendToSync(text, to), sender);
}

/** What is sent to the group before a step is lost, and after it is heard, or the other way round. */
function heard(receiver: Socket, send: (text: string) => void): boolean {
  send("to the group");
  const got = receiver.tryRecv(Buffer.alloc(99));
  return got !== undefined;
}

/** Joins, hears, leaves, hears no more. */
function joinAndLeave(
  family: "inet" | "inet6",
  join: string,
  leave: string,
  value: unknown,
): ReturnType<typeof effect> {
  return effect(() => {
    withGroup(family, (receiver, send) => {
      assert.equal(heard(receiver, send), false);
      set(receiver, join, value);
      assert.equal(heard(receiver, send), true);
      set(receiver, leave, value);
      assert.equal(heard(receiver, send), false);
      // Of a source in a group that nobody has joined, the kernel says that the argument is wrong.
      assert.match(
        codeOf(() => set(receiver, leave, value)),
        /^(EADDRNOTAVAIL|EINVAL)$/,
      );
    });
  });
}

/** Joins, blocks a source, hears it no more; unblocks it, hears it again. */
function blockAndUnblock(
  family: "inet" | "inet6",
  join: readonly [string, unknown],
  block: string,
  unblock: string,
  value: unknown,
): ReturnType<typeof effect> {
  return effect(() => {
    withGroup(family, (receiver, send) => {
      set(receiver, ...join);
      assert.equal(heard(receiver, send), true);
      set(receiver, block, value);
      assert.equal(heard(receiver, send), false);
      set(receiver, unblock, value);
      assert.equal(heard(receiver, send), true);
    });
  });
}

/** Each of both families in turn. */
function both(...parts: readonly ReturnType<typeof effect>[]): ReturnType<typeof effect> {
  return effect(async (name) => {
    for (const part of parts) await part.run(name);
  });
}

function sourceGroup(join: string, leave: string): ReturnType<typeof effect> {
  return both(
    joinAndLeave("inet", join, leave, { ...member, source: "127.0.0.1" }),
    joinAndLeave("inet6", join, leave, { ...member6, source: "::1" }),
  );
}

function blockedGroup(): ReturnType<typeof effect> {
  return both(
    blockAndUnblock("inet", ["MCAST_JOIN_GROUP", member], "MCAST_BLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE", {
      ...member,
      source: "127.0.0.1",
    }),
    blockAndUnblock("inet6", ["MCAST_JOIN_GROUP", member6], "MCAST_BLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE", {
      ...member6,
      source: "::1",
    }),
  );
}

/** The packet that goes to the group. */
function groupPacket(family: "inet" | "inet6", prepare: (sender: Socket) => void): Buffer {
  let packet: Buffer | undefined;
  withGroup(family, (_receiver, send, sender) => {
    prepare(sender);
    packet = sniff(
      () => send("to the group"),
      (found) => found.includes("to the group"),
    );
  });
  assert.ok(packet !== undefined);
  return packet;
}

/** Whether a socket hears a group that only another one of the machine has joined. */
function hearsOthers(family: "inet" | "inet6", name: string): void {
  withGroup(family, (receiver, send) => {
    using other = new Socket(family, "dgram");
    set(other, "MCAST_JOIN_GROUP", family === "inet" ? member : member6);
    assert.equal(get(receiver, name), false);
    assert.equal(heard(receiver, send), false);
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    assert.equal(heard(receiver, send), true);
  });
}

export const cases: CaseTable = {
  IP_ADD_MEMBERSHIP: joinAndLeave("inet", "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP", member),
  IP_ADD_SOURCE_MEMBERSHIP: joinAndLeave("inet", "IP_ADD_SOURCE_MEMBERSHIP", "IP_DROP_SOURCE_MEMBERSHIP", {
    ...from,
    source: "127.0.0.1",
  }),
  IP_BLOCK_SOURCE: blockAndUnblock("inet", ["IP_ADD_MEMBERSHIP", member], "IP_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE", {
    ...from,
    source: "127.0.0.1",
  }),
  IP_DROP_MEMBERSHIP: joinAndLeave("inet", "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP", from),
  IP_DROP_SOURCE_MEMBERSHIP: joinAndLeave("inet", "IP_ADD_SOURCE_MEMBERSHIP", "IP_DROP_SOURCE_MEMBERSHIP", {
    ...from,
    source: "127.0.0.1",
  }),
  IP_MSFILTER: effect((name) => {
    withGroup("inet", (receiver, send) => {
      set(receiver, "IP_ADD_MEMBERSHIP", from);
      assert.deepEqual(get(receiver, name, from), { ...from, mode: "exclude", sources: [] });
      const deaf = { ...from, mode: "exclude", sources: ["127.0.0.1", OTHER_SOURCE] };
      set(receiver, name, deaf);
      assert.deepEqual(get(receiver, name, from), deaf);
      assert.equal(heard(receiver, send), false);
      const only = { ...from, mode: "include", sources: ["127.0.0.1"] };
      set(receiver, name, only);
      assert.deepEqual(get(receiver, name, from), only);
      assert.equal(heard(receiver, send), true);
    });
  }),
  IP_MULTICAST_ALL: effect((name) => hearsOthers("inet", name)),
  IP_MULTICAST_IF: readBack((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, name, { interfaceAddress: "127.0.0.1" });
    assert.equal(get(socket, name), "127.0.0.1");
    set(socket, name, {});
    assert.equal(get(socket, name), "0.0.0.0");
  }),
  IP_MULTICAST_LOOP: onAndOff("udp"),
  IP_MULTICAST_TTL: wire((name) => {
    const packet = groupPacket("inet", (sender) => {
      assert.equal(get(sender, name), 1);
      set(sender, name, 9);
      assert.equal(get(sender, name), 9);
    });
    assert.equal(packet[8], 9);
  }),
  IP_UNBLOCK_SOURCE: blockAndUnblock("inet", ["IP_ADD_MEMBERSHIP", member], "IP_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE", {
    ...from,
    source: "127.0.0.1",
  }),
  IPV6_ADD_MEMBERSHIP: joinAndLeave("inet6", "IPV6_ADD_MEMBERSHIP", "IPV6_DROP_MEMBERSHIP", member6),
  IPV6_DROP_MEMBERSHIP: joinAndLeave("inet6", "IPV6_ADD_MEMBERSHIP", "IPV6_DROP_MEMBERSHIP", member6),
  IPV6_JOIN_GROUP: joinAndLeave("inet6", "IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP", member6),
  IPV6_LEAVE_GROUP: effect((name) => {
    using socket = new Socket("inet6", "dgram");
    const listed = (): boolean =>
      readFileSync("/proc/self/net/igmp6", "utf8").includes("ff150000000000000000000000001234");
    set(socket, "IPV6_JOIN_GROUP", member6);
    assert.equal(listed(), true);
    set(socket, name, member6);
    assert.equal(listed(), false);
  }),
  IPV6_MULTICAST_ALL: effect((name) => hearsOthers("inet6", name)),
  IPV6_MULTICAST_HOPS: wire((name) => {
    const packet = groupPacket("inet6", (sender) => {
      assert.equal(get(sender, name), 1);
      set(sender, name, 9);
      assert.equal(get(sender, name), 9);
    });
    assert.equal(packet[7], 9);
  }),
  IPV6_MULTICAST_IF: setAndRead("udp6", LOOPBACK_INDEX, 0),
  IPV6_MULTICAST_LOOP: onAndOff("udp6"),
  MCAST_BLOCK_SOURCE: blockedGroup(),
  MCAST_JOIN_GROUP: both(
    joinAndLeave("inet", "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP", member),
    joinAndLeave("inet6", "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP", member6),
  ),
  MCAST_JOIN_SOURCE_GROUP: sourceGroup("MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP"),
  MCAST_LEAVE_GROUP: both(
    joinAndLeave("inet", "IP_ADD_MEMBERSHIP", "MCAST_LEAVE_GROUP", member),
    joinAndLeave("inet6", "IPV6_ADD_MEMBERSHIP", "MCAST_LEAVE_GROUP", member6),
  ),
  MCAST_LEAVE_SOURCE_GROUP: sourceGroup("MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP"),
  MCAST_MSFILTER: effect((name) => {
    for (const [family, query, own, other] of [
      ["inet", member, "127.0.0.1", OTHER_SOURCE],
      ["inet6", member6, "::1", OTHER_SOURCE6],
    ] as const) {
      withGroup(family, (receiver, send) => {
        set(receiver, "MCAST_JOIN_GROUP", query);
        const deaf = { ...query, mode: "exclude", sources: [own, other] };
        set(receiver, name, deaf);
        const read = get(receiver, name, query) as typeof deaf;
        assert.deepEqual(
          [read.group, read.mode, [...read.sources].sort()],
          [query.group, "exclude", [own, other].sort()],
        );
        assert.equal(heard(receiver, send), false);
        const only = { ...query, mode: "include", sources: [own] };
        set(receiver, name, only);
        assert.deepEqual(get(receiver, name, query), only);
        assert.equal(heard(receiver, send), true);
      });
    }
  }),
  MCAST_UNBLOCK_SOURCE: blockedGroup(),
};

/** Datagrams by the batch: received, answered, queued, cut into segments and joined; and what they cost on the heap. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { closeDescriptors, DatagramBatch, Socket } from "portolan";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  encodeSockaddr,
  F_GETFD,
  FD_CLOEXEC,
  MSG_CTRUNC,
  MSG_TRUNC,
  SOL_UDP,
  UDP_GRO,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { fcntl } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { openThings } from "../support/leaks.ts";
import { failureOf, hasInet6, pattern } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const limits = { timeoutMs: 30_000 };
/** Measuring takes seconds; a busy machine may take long. */
const limitMs = 120_000;

function udp(family: "inet" | "inet6" = "inet"): Socket {
  const socket = new Socket(family, "dgram");
  socket.bind(family === "inet" ? "udp://127.0.0.1:0" : "udp://[::1]:0");
  return socket;
}

function texts(batch: DatagramBatch): string[] {
  const found: string[] = [];
  batch.forEach((bytes, start, end) => {
    found.push(Buffer.from(bytes.subarray(start, end)).toString());
  });
  return found;
}

describe("a batch", () => {
  it("takes what waits, and answers from where it lies", async () => {
    using server = udp();
    using client = udp();
    for (const text of ["one", "two", ""]) client.sendToSync(text, server.localAddress);
    const batch = new DatagramBatch({ capacity: 8 });
    expect(await batch.receive(server, limits)).toBe(3);
    expect(texts(batch)).toEqual(["one", "two", ""]);
    for (let i = 0; i < batch.length; i++) {
      expect(batch.reply(i, batch.bytes, batch.start(i), batch.end(i))).toBe(true);
      expect(batch.reply(i, Buffer.from("<copied>"), 1, 7)).toBe(true);
    }
    expect(batch.queued).toBe(6);
    expect(await batch.send(server, limits)).toBe(6);
    expect(batch.queued).toBe(0);
    const answers = [1, 2, 3, 4, 5, 6].map(() => String(client.recvSync(100)));
    expect(answers).toEqual(["one", "copied", "two", "copied", "", "copied"]);
  });

  it("waits for the first, takes no more than its capacity, and cuts what is too long", async () => {
    using server = udp();
    using client = udp();
    const batch = new DatagramBatch({ capacity: 2, sizeBytes: 4 });
    expect(batch.tryReceive(server)).toBe(0);
    const receiving = batch.receive(server, limits);
    client.sendToSync("123456", server.localAddress);
    expect(await receiving).toBe(1);
    expect(texts(batch)).toEqual(["1234"]);
    expect(batch.fullLengthBytes(0)).toBe(6);
    expect(batch.flags(0) & MSG_TRUNC).toBe(MSG_TRUNC);
    for (let i = 0; i < 3; i++) client.sendToSync(`${i}`, server.localAddress);
    expect(batch.receiveSync(server, limits)).toBe(2);
    expect(texts(batch)).toEqual(["0", "1"]);
    expect(batch.flags(0)).toBe(0);
    expect(batch.tryReceive(server)).toBe(1);
    expect(await failureOf(() => batch.receive(server, { timeoutMs: 5 }))).toMatchObject({
      code: "ETIMEDOUT",
      syscall: "recvmmsg",
    });
  });

  it("shows addresses without making them, of each family", () => {
    for (const family of hasInet6 ? (["inet", "inet6"] as const) : (["inet"] as const)) {
      using server = udp(family);
      using client = udp(family);
      client.sendToSync("x", server.localAddress);
      const batch = new DatagramBatch();
      batch.receiveSync(server, limits);
      const address = batch.address(0);
      expect(address.family).toBe(family === "inet" ? AF_INET : AF_INET6);
      expect(address.port).toBe((client.localAddress as { port: number }).port);
      expect(batch.bytes[address.hostStart]).toBe(family === "inet" ? 127 : 0);
      expect(address.toAddress()).toEqual(client.localAddress);
      expect(address.equals(encodeSockaddr(client.localAddress))).toBe(true);
      expect(address.equals(encodeSockaddr(server.localAddress))).toBe(false);
      expect(address.copy()).toEqual(encodeSockaddr(client.localAddress));
      expect(batch.address(0)).toBe(address);
    }
  });

  it("shows that there is no address", () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    left.sendSync("x");
    const batch = new DatagramBatch();
    batch.receiveSync(right);
    expect(batch.address(0)).toMatchObject({ family: AF_UNSPEC, port: 0 });
  });

  it("owns the descriptors that come with it, until they are taken", async () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    const before = openThings();
    {
      using batch = new DatagramBatch({ capacity: 2, controlBytes: 64 });
      await left.sendDescriptors([left, right]);
      await left.sendDescriptors([left]);
      expect(await batch.receive(right, limits)).toBe(2);
      const taken = batch.takeDescriptors(0);
      expect(batch.ancillary(0)).toEqual([{ type: "SCM_RIGHTS", descriptors: taken }]);
      expect(taken.map((fd) => fcntl(fd, F_GETFD))).toEqual([FD_CLOEXEC, FD_CLOEXEC]);
      expect(batch.takeDescriptors(0)).toEqual([]);
      // The next receive closes that of the second datagram, and no other.
      left.sendSync("nothing");
      expect(batch.receiveSync(right, limits)).toBe(1);
      expect(batch.takeDescriptors(0)).toEqual([]);
      expect(openThings().size).toBe(before.size + 2);
      closeDescriptors(taken);
      // Room for a few of them: the others are cut off.
      const small = new DatagramBatch({ controlBytes: 24 });
      await left.sendDescriptors(Array(20).fill(left));
      expect(small.receiveSync(right, limits)).toBe(1);
      expect(small.flags(0) & MSG_CTRUNC).toBe(MSG_CTRUNC);
      expect(small.takeDescriptors(0)).toEqual([]);
      expect([...openThings()]).toEqual([...before]);
      await left.sendDescriptors([left]);
      expect(await batch.receive(right, limits)).toBe(1);
    }
    expect([...openThings()]).toEqual([...before]);
  });

  it("sends to addresses, and to the peer", async () => {
    using server = udp();
    using other = udp();
    using client = udp();
    client.connectSync(server.localAddress);
    const batch = new DatagramBatch({ capacity: 4 });
    expect(batch.queue(null, Buffer.from("to the peer"))).toBe(true);
    expect(batch.queue(encodeSockaddr(other.localAddress), Buffer.from("to another"))).toBe(true);
    expect(await batch.send(client)).toBe(2);
    expect(String(server.recvSync(100))).toBe("to the peer");
    expect(String(other.recvSync(100))).toBe("to another");
  });

  it("says when its queue or its arena is full", () => {
    const batch = new DatagramBatch({ queueCapacity: 2, arenaBytes: 10 });
    expect(batch.queue(null, Buffer.alloc(11))).toBe(false);
    expect(batch.queue(null, Buffer.alloc(10))).toBe(true);
    expect(batch.queue(null, Buffer.alloc(1))).toBe(false);
    expect(batch.queue(null, Buffer.alloc(0))).toBe(true);
    expect(batch.queue(null, Buffer.alloc(0))).toBe(false);
    batch.clear();
    expect(batch.queue(null, Buffer.alloc(10))).toBe(true);
  });

  it("goes on after a datagram that is refused, and says which", async () => {
    using server = udp();
    using client = udp();
    const batch = new DatagramBatch({ capacity: 8, arenaBytes: 1 << 20 });
    const to = encodeSockaddr(server.localAddress);
    batch.queue(to, Buffer.from("first"));
    batch.queue(to, Buffer.alloc(65_535));
    batch.queue(null, Buffer.from("nowhere"));
    batch.queue(to, Buffer.from("last"));
    expect(await batch.send(client, limits)).toBe(2);
    expect(batch.failed).toBe(2);
    // EMSGSIZE and EDESTADDRREQ.
    expect([0, 1, 2, 3].map((place) => batch.errnoOf(place))).toEqual([0, -90, -89, 0]);
    expect([1, 2].map(() => String(server.recvSync(10)))).toEqual(["first", "last"]);
  });

  it("waits for room to send, keeping what is left when the caller gives up", async () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    const batch = new DatagramBatch({ capacity: 1024, queueCapacity: 1024 });
    while (batch.queue(null, Buffer.from("filler")));
    expect(batch.queued).toBe(1024);
    const left1 = batch.trySend(left);
    expect(left1).toBeGreaterThan(0);
    expect(batch.queue(null, Buffer.from("not while a part is sent"))).toBe(false);
    expect(await failureOf(() => batch.send(left, { timeoutMs: 5 }))).toMatchObject({
      code: "ETIMEDOUT",
      syscall: "sendmmsg",
    });
    expect(await failureOf(() => batch.sendSync(left, { timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(batch.queued).toBe(left1);
    expect((await failureOf(() => batch.receive(right))).message).toContain("send what is queued first");
    const sending = batch.send(left, limits);
    const other = new DatagramBatch({ capacity: 1024 });
    let received = 0;
    while (received < 1024) received += await other.receive(right, limits);
    expect(await sending).toBe(1024);
    expect(received).toBe(1024);
  });

  it("cuts one send into segments, and takes joined ones apart", async () => {
    using server = udp();
    using client = udp();
    server.setRawOption(SOL_UDP, UDP_GRO, 1);
    const batch = new DatagramBatch({ capacity: 4, sizeBytes: 65_535, controlBytes: 64 });
    const bytes = pattern(2500);
    batch.queue(encodeSockaddr(server.localAddress), bytes, 0, bytes.length, 1000);
    batch.queue(encodeSockaddr(server.localAddress), Buffer.from("alone"));
    expect(await batch.send(client, limits)).toBe(2);
    expect(await batch.receive(server, limits)).toBe(2);
    expect([batch.segmentBytes(0), batch.segmentBytes(1)]).toEqual([1000, 5]);
    expect(batch.ancillary(0)).toEqual([{ type: "UDP_GRO", value: 1000 }]);
    const segments: Buffer[] = [];
    for (const i of [0, 1])
      batch.forEachSegment(i, (memory, start, end) => segments.push(Buffer.from(memory.subarray(start, end))));
    expect(segments.map(({ length }) => length)).toEqual([1000, 1000, 500, 5]);
    expect(Buffer.concat(segments.slice(0, 3))).toEqual(bytes);
  });

  it("replies in segments of a size, and in one again", async () => {
    using server = udp();
    using client = udp();
    client.sendToSync("ask", server.localAddress);
    const batch = new DatagramBatch({ capacity: 2 });
    batch.receiveSync(server, limits);
    for (const segmentBytes of [100, 0]) {
      batch.reply(0, pattern(250), 0, 250, segmentBytes);
      batch.sendSync(server);
    }
    expect([1, 2, 3, 4].map(() => client.recvSync(1000).length)).toEqual([100, 100, 50, 250]);
  });

  it("refuses what cannot be", async () => {
    const batch = new DatagramBatch();
    const wrong: [string, () => unknown][] = [
      ["capacity is an integer from 1 to 1024", () => new DatagramBatch({ capacity: 1025 })],
      ["sizeBytes is an integer from 1 to 65535", () => new DatagramBatch({ sizeBytes: 0 })],
      ["no datagram 0 among 0", () => batch.start(0)],
      ["no datagram 0 among 0", () => batch.reply(0, pattern(1))],
      ["no bytes from 2 to 1", () => batch.queue(null, pattern(5), 2, 1)],
      ["no bytes from 0 to 6", () => batch.queue(null, pattern(5), 0, 6)],
      ["a datagram has no 65536 bytes", () => batch.queue(null, pattern(65_536))],
      ["no segments of 65536 bytes", () => batch.queue(null, pattern(1), 0, 1, 65_536)],
      ["more than 128 bytes", () => batch.queue(pattern(129), pattern(1))],
    ];
    for (const [message, call] of wrong) expect((await failureOf(call)).message).toContain(message);
    expect(batch.queued).toBe(0);
  });
});

describe("what a datagram costs", () => {
  it("is nothing on the heap, there and back", { timeout: limitMs }, () => {
    const fixture = fileURLToPath(new URL("../fixtures/batch-heap.mjs", import.meta.url));
    // So large a young generation that nothing is collected, and all that is allocated can be seen.
    const flags = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];
    const { batch, single } = JSON.parse(execFileSync(process.execPath, [...flags, fixture], { encoding: "utf8" }));
    expect(batch).toMatchObject({ collections: 0, packets: expect.any(Number) });
    expect(batch.packets).toBeGreaterThanOrEqual(100_000);
    // The smallest object takes 16 bytes; what there is belongs to the calls, one for many datagrams.
    expect(batch.bytesPerPacket).toBeLessThan(8);
    // The same measure finds what is allocated for each packet otherwise.
    expect(single.bytesPerPacket).toBeGreaterThan(100);
  });
});

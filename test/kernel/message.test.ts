/** Messages: gathered, scattered, cut, peeked at, whole; urgent data; and how descriptors in them are owned. */
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { isSystemError, type MessageRoom, Socket } from "portolan";
import {
  F_GETFD,
  FD_CLOEXEC,
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_ZEROCOPY,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { fcntl, pipe2 } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, pattern, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** Two UDP sockets on the loopback, the first of which is connected to the second. */
function udpPair(): [client: Socket, server: Socket] {
  const server = new Socket("inet", "dgram");
  server.bind("udp://127.0.0.1:0");
  const client = new Socket("inet", "dgram");
  client.connectSync(server.localAddress);
  return [client, server];
}

/** A pipe's descriptors: reading end, writing end. */
function pipe(): [number, number] {
  const ends = new Int32Array(2);
  pipe2(ends, 0);
  return [...ends] as [number, number];
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("a message", () => {
  it("gathers buffers and scatters into buffers", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    const sent = await client.sendMessage({ data: [Buffer.from("ab"), Buffer.alloc(0), Buffer.from("cdefg")] });
    expect(sent).toBe(7);
    const buffers = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(100)];
    const message = await server.recvMessage({ buffers });
    expect(message.parts.map(String)).toEqual(["abc", "d", "efg"]);
    expect(message).toMatchObject({ lengthBytes: 7, fullLengthBytes: 7, truncated: false, flags: 0 });
    expect(message.parts[0]?.buffer).toBe(buffers[0]?.buffer);
    expect(String(message.bytes)).toBe("abcdefg");
    expect(message.address).toEqual(client.localAddress);
  });

  it("goes to an address, and tells one or not", async () => {
    using server = new Socket("inet", "dgram");
    server.bind("udp://127.0.0.1:0");
    using client = new Socket("inet", "dgram");
    client.sendMessageSync({ data: "one", to: server.localAddress });
    client.sendMessageSync({ data: "two", to: server.localAddress });
    expect(server.recvMessageSync({ sizeBytes: 10 }).address).toMatchObject({ address: "127.0.0.1" });
    expect(server.recvMessageSync({ sizeBytes: 10, wantAddress: false }).address).toBeUndefined();
  });

  it("tells its full length where it was cut", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    client.sendSync(pattern(1000));
    const message = server.recvMessageSync({ sizeBytes: 10 });
    expect(message).toMatchObject({ lengthBytes: 10, fullLengthBytes: 1000, truncated: true, controlTruncated: false });
    expect(message.bytes).toEqual(pattern(10));
    expect(message.flags & MSG_TRUNC).toBe(MSG_TRUNC);
  });

  it("is new memory each time, of whatever size", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    const received = [1, 1000, 60_000].flatMap((size) =>
      [1000, 64 * 1024, 1 << 20].map((sizeBytes) => {
        client.sendSync(pattern(size));
        return server.recvMessageSync({ sizeBytes });
      }),
    );
    const lengths = received.map(({ bytes, lengthBytes }) => (bytes.equals(pattern(lengthBytes)) ? lengthBytes : -1));
    expect(lengths).toEqual([1, 1, 1, 1000, 1000, 1000, 1000, 60_000, 60_000]);
  });

  it("of nothing is a message too; the end of a stream is nothing", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    expect(await client.sendMessage({ data: [] })).toBe(0);
    expect(await server.recvMessage({ sizeBytes: 5 })).toMatchObject({ lengthBytes: 0, parts: [Buffer.alloc(0)] });
    const [left, right] = Socket.pair();
    using _right = right;
    left.close();
    expect((await right.recvMessage({ buffers: Buffer.alloc(3) })).lengthBytes).toBe(0);
  });

  it("is waited for: until it comes, a deadline passes, or a signal says enough", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    const late = server.recvMessage({ sizeBytes: 10 });
    client.sendSync("late");
    expect(String((await late).bytes)).toBe("late");
    expect(await failureOf(() => server.recvMessage({ sizeBytes: 1 }, { timeoutMs: 5 }))).toMatchObject({
      code: "ETIMEDOUT",
      syscall: "recvmsg",
    });
    expect(await failureOf(() => server.recvMessageSync({ sizeBytes: 1 }, { timeoutMs: 5 }))).toMatchObject({
      code: "ETIMEDOUT",
    });
    const signal = AbortSignal.timeout(5);
    expect(await failureOf(() => server.recvMessage({ sizeBytes: 1 }, { signal }))).toBe(signal.reason);
    expect(await failureOf(() => server.recvMessage({ sizeBytes: 1, flags: MSG_DONTWAIT }))).toMatchObject({
      code: "EAGAIN",
    });
    expect(server.tryRecvMessage({ sizeBytes: 1 })).toBeUndefined();
    client.sendSync("still usable");
    expect(String(server.tryRecvMessage({ sizeBytes: 20 })?.bytes)).toBe("still usable");
  });

  it("waits for room to be sent", async () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    let sent = 0;
    while (left.trySend(pattern(1000)) !== undefined) sent++;
    const waiting = left.sendMessage({ data: [pattern(10)] });
    for (let i = 0; i < sent; i++) expect(right.recvSync(1000).length).toBe(1000);
    expect(await waiting).toBe(10);
    expect(right.recvSync(1000).length).toBe(10);
  });

  it("keeps records apart on a seqpacket socket, and ends each", async () => {
    const [left, right] = Socket.pair("seqpacket");
    using _left = left;
    using _right = right;
    await left.sendMessage({ data: [Buffer.from("rec"), Buffer.from("ord")] });
    await left.sendMessage({ data: "next" });
    const first = await right.recvMessage({ sizeBytes: 4 });
    expect(first).toMatchObject({ lengthBytes: 4, fullLengthBytes: 6, truncated: true });
    expect(String((await right.recvMessage({ sizeBytes: 100 })).bytes)).toBe("next");
  });

  it.each<[string, MessageRoom]>([
    ["give one of them", {}],
    ["give one of them", { sizeBytes: 1, buffers: Buffer.alloc(1) }],
    ["sizeBytes is an integer from 0", { sizeBytes: -1 }],
    ["controlBytes is an integer from 0 to 65536, not 65537", { sizeBytes: 1, controlBytes: 65_537 }],
    ["maxDescriptors is an integer from 0 to 253, not 254", { sizeBytes: 1, maxDescriptors: 254 }],
    ["a buffer is a Uint8Array, not abc", { buffers: ["abc"] as never }],
    ["at most 1024 buffers, not 1025", { buffers: new Array(1025).fill(Buffer.alloc(1)) }],
    ["MSG_WAITALL cannot be waited for with MSG_PEEK", { sizeBytes: 1, flags: MSG_WAITALL | MSG_PEEK }],
  ])("is refused without a system call: %s", async (message, room) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    left.sendSync("untouched");
    const error = await failureOf(() => right.recvMessage(room));
    expect(error.message).toContain(message);
    expect(isSystemError(error)).toBe(false);
    expect(String(right.recvSync(20))).toBe("untouched");
  });

  it("is refused when it cannot be sent", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const rights = [{ type: "SCM_RIGHTS", descriptors: [0] } as const];
    expect((await failureOf(() => left.sendMessage({ data: [], control: rights }))).message).toContain(
      "at least one byte",
    );
    expect((await failureOf(() => left.sendMessage({ data: 5 as never }))).message).toContain("not 5");
    expect((await failureOf(() => left.sendMessage({ data: "x", flags: MSG_ZEROCOPY }))).message).toContain(
      "sendZeroCopy",
    );
    const error = await failureOf(() =>
      left.sendMessage({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [99999] }] }),
    );
    expect(error).toMatchObject({ code: "EBADF", syscall: "sendmsg" });
    expect(right.tryRecv(new Uint8Array(1))).toBeUndefined();
  });
});

describe("flags", () => {
  it("MSG_PEEK leaves the message for the next call", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    client.sendSync("twice");
    expect(String((await server.recvMessage({ sizeBytes: 10, flags: MSG_PEEK })).bytes)).toBe("twice");
    expect(String((await server.recvMessage({ sizeBytes: 10 })).bytes)).toBe("twice");
    expect(server.tryRecvMessage({ sizeBytes: 1 })).toBeUndefined();
  });

  it("MSG_WAITALL waits until the buffers are full, or the stream ends", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const whole = server.recvMessage({ buffers: [Buffer.alloc(3), Buffer.alloc(4)], flags: MSG_WAITALL });
    const allocated = server.recvMessage({ sizeBytes: 5, flags: MSG_WAITALL });
    const short = server.recvMessage({ sizeBytes: 100, flags: MSG_WAITALL });
    for (const piece of ["a", "bcd", "ef", "ghijkl", "mno"]) {
      await client.sendAll(piece);
      await server.ready("writable");
    }
    expect((await whole).parts.map(String)).toEqual(["abc", "defg"]);
    expect(String((await allocated).bytes)).toBe("hijkl");
    client.close();
    expect(String((await short).bytes)).toBe("mno");
  });

  it("MSG_WAITALL does the same for recv", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const room = Buffer.alloc(4);
    const flags = MSG_WAITALL;
    const reading = Promise.all([server.recv(4, { flags }), server.recv(room, { flags }), server.recv(9, { flags })]);
    for (const piece of ["a", "bcdef", "gh", "rest"]) {
      await client.sendAll(piece);
      await server.ready("writable");
    }
    client.close();
    expect((await reading).map(String)).toEqual(["abcd", "4", "rest"]);
    expect(String(room)).toBe("efgh");
    expect(server.recvSync(room, { flags })).toBe(0);
    expect(server.recvSync(5, { flags })).toEqual(Buffer.alloc(0));
  });

  it("MSG_WAITALL blocks likewise", () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    client.sendAllSync("abc");
    client.sendAllSync("def");
    expect(String(server.recvMessageSync({ sizeBytes: 6, flags: MSG_WAITALL }).bytes)).toBe("abcdef");
  });

  it("MSG_WAITALL tells of a connection that fails in the middle: the end that follows is none", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const whole = failureOf(() => server.recv(9, { flags: MSG_WAITALL }));
    client.sendAllSync("abc");
    while ((server.tryRecv(new Uint8Array(1), MSG_PEEK) ?? 0) > 0)
      await new Promise((resolve) => setImmediate(resolve));
    client.lingerSeconds = 0;
    client.close();
    expect(await whole).toMatchObject({ code: "ECONNRESET" });
  });

  it("MSG_WAITALL takes what is there for who does not wait", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    client.sendAllSync("abc");
    await server.ready("readable");
    expect(String(server.tryRecvMessage({ sizeBytes: 9, flags: MSG_WAITALL })?.bytes)).toBe("abc");
    client.sendAllSync("def");
    await server.ready("readable");
    expect(String(await server.recv(9, { flags: MSG_WAITALL | MSG_DONTWAIT }))).toBe("def");
  });

  it("MSG_TRUNC takes bytes from a stream, and shows nobody else's instead", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const flags = MSG_TRUNC;
    await client.sendAll("secret");
    expect(String(await server.recv(6))).toBe("secret");
    await client.sendAll("123456abc");
    await server.ready("readable");
    expect(await server.recv(3, { flags })).toEqual(Buffer.alloc(3));
    expect((await server.recvMessage({ sizeBytes: 3, flags })).bytes).toEqual(Buffer.alloc(3));
    expect(String(await server.recv(9))).toBe("abc");
  });

  it("MSG_MORE holds back until the rest is there", async () => {
    const [client, server] = udpPair();
    using _client = client;
    using _server = server;
    await client.sendMessage({ data: "one ", flags: MSG_MORE });
    expect(server.tryRecvMessage({ sizeBytes: 100 })).toBeUndefined();
    await client.sendMessage({ data: "datagram" });
    expect(String((await server.recvMessage({ sizeBytes: 100 })).bytes)).toBe("one datagram");
  });

  it("no signal comes with EPIPE", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    right.close();
    expect(await failureOf(() => left.sendMessage({ data: "x" }))).toMatchObject({ code: "EPIPE", syscall: "sendmsg" });
  });
});

describe("urgent data", () => {
  it("overtakes, and the mark shows where it was", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await client.send("abc");
    await client.sendMessage({ data: "!", flags: MSG_OOB });
    await client.send("def");
    await server.ready("priority");
    const urgent = await server.recvMessage({ sizeBytes: 1, flags: MSG_OOB });
    expect(String(urgent.bytes)).toBe("!");
    expect(urgent.outOfBand).toBe(true);
    expect(server.atMark).toBe(false);
    expect(String((await server.recvMessage({ sizeBytes: 100 })).bytes)).toBe("abc");
    expect(server.atMark).toBe(true);
    expect(String((await server.recvMessage({ sizeBytes: 100 })).bytes)).toBe("def");
    expect(server.atMark).toBe(false);
  });

  it("stays among the rest with SO_OOBINLINE, and the mark stands before it", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    server.setOption("SO_OOBINLINE", true);
    await client.send("abc");
    await client.sendMessage({ data: "!", flags: MSG_OOB });
    await server.ready("priority");
    expect(await failureOf(() => server.recvMessage({ sizeBytes: 1, flags: MSG_OOB }))).toMatchObject({
      code: "EINVAL",
    });
    expect(String((await server.recvMessage({ sizeBytes: 100 })).bytes)).toBe("abc");
    expect(server.atMark).toBe(true);
    expect(String((await server.recvMessage({ sizeBytes: 100 })).bytes)).toBe("!");
  });

  it("sends SIGURG to the owner", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    expect(server.owner).toBe(0);
    server.owner = process.pid;
    expect(server.owner).toBe(process.pid);
    const signalled = once(process, "SIGURG");
    await client.sendMessage({ data: "!", flags: MSG_OOB });
    expect(await signalled).toEqual(["SIGURG", 23]);
    server.owner = 0;
    expect(server.owner).toBe(0);
    expect((await failureOf(() => Object.assign(server, { owner: 1.5 }))).message).toContain("not 1.5");
  });

  it("waits to be there", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await client.send("before");
    const urgent = server.ready("priority").then(() => server.recvMessage({ sizeBytes: 1, flags: MSG_OOB }));
    await client.sendMessage({ data: "u", flags: MSG_OOB });
    expect(String((await urgent).bytes)).toBe("u");
  });
});

describe("descriptors in a message", () => {
  it("arrive as new ones, close-on-exec, and work", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const [input, output] = pipe();
    await left.sendMessage({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [input, output] }] });
    const message = await right.recvMessage({ sizeBytes: 1, maxDescriptors: 2 });
    const [input2, output2] = message.takeDescriptors() as [number, number];
    expect(message.find("SCM_RIGHTS")?.descriptors).toEqual([input2, output2]);
    expect(message.takeDescriptors()).toEqual([]);
    for (const fd of [input2, output2]) expect(fcntl(fd, F_GETFD) & FD_CLOEXEC).toBe(FD_CLOEXEC);
    expect(fstatSync(input2).ino).toBe(fstatSync(input).ino);
    writeSync(output2, "through");
    const buffer = Buffer.alloc(10);
    expect(buffer.toString("utf8", 0, readSync(input, buffer))).toBe("through");
    for (const fd of [input, output, input2, output2]) closeSync(fd);
  });

  it.each<[string, Omit<MessageRoom, "sizeBytes">]>([
    ["nobody asked for", {}],
    ["are more than were asked for", { maxDescriptors: 2 }],
    ["did not all fit", { maxDescriptors: 3, controlBytes: 24 }],
    ["had no room at all", { controlBytes: 0 }],
  ])("that %s are closed", async (_case, room) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const fd = openSync("/dev/null", "r");
    const before = openDescriptors();
    await left.sendMessage({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [fd, fd, fd] }] });
    const message = await right.recvMessage({ sizeBytes: 1, ...room });
    expect(message.find("SCM_RIGHTS")).toBeUndefined();
    expect(message.takeDescriptors()).toEqual([]);
    expect(openDescriptors()).toBe(before);
    // Those without room were closed by the kernel, which says that something was cut.
    expect(message.controlTruncated ? message.descriptorsClosed < 3 : message.descriptorsClosed === 3).toBe(true);
    expect(message.controlTruncated).toBe(room.controlBytes !== undefined);
    closeSync(fd);
  });

  it("that nobody takes are closed with the message", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const fd = openSync("/dev/null", "r");
    const before = openDescriptors();
    left.sendMessageSync({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [fd] }] });
    {
      using message = right.recvMessageSync({ sizeBytes: 1, maxDescriptors: 1 });
      expect(message.find("SCM_RIGHTS")?.descriptors.length).toBe(1);
      expect(openDescriptors()).toBe(before + 1);
    }
    expect(openDescriptors()).toBe(before);
    closeSync(fd);
  });

  it("that came with a part of what nobody waits for any more are closed", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const fd = openSync("/dev/null", "r");
    const before = openDescriptors();
    const room = { sizeBytes: 10, maxDescriptors: 1, flags: MSG_WAITALL };
    for (const receive of [
      () => right.recvMessage(room, { timeoutMs: 20 }),
      () => right.recvMessageSync(room, { timeoutMs: 20 }),
    ]) {
      left.sendMessageSync({ data: "part", control: [{ type: "SCM_RIGHTS", descriptors: [fd] }] });
      expect(await failureOf(receive)).toMatchObject({ code: "ETIMEDOUT" });
      expect(openDescriptors()).toBe(before);
    }
    closeSync(fd);
  });

  it("are new ones each time that they are peeked at", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const fd = openSync("/dev/null", "r");
    left.sendMessageSync({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [fd] }] });
    const taken = [MSG_PEEK, 0].flatMap((flags) =>
      right.recvMessageSync({ sizeBytes: 1, maxDescriptors: 1, flags }).takeDescriptors(),
    );
    expect(new Set(taken).size).toBe(2);
    for (const each of [fd, ...taken]) closeSync(each);
  });
});

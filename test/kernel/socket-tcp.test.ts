/** TCP through `Socket`: both ways of calling, half-close, give and take of descriptors. */
import { closeSync, openSync } from "node:fs";
import { connect, listen, Socket } from "portolan";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  MSG_PEEK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { close } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, hasInet6, pattern, tcpListener, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

describe("a TCP connection", () => {
  it("carries bytes both ways, asynchronously", async () => {
    using listener = tcpListener();
    const accepted = listener.accept();
    using client = new Socket("inet", "stream");
    await client.connect(listener.localAddress);
    using server = await accepted;
    expect(server.remoteAddress).toEqual(client.localAddress);
    expect(client.remoteAddress).toEqual(listener.localAddress);
    const received = server.recv(100);
    await client.sendAll("ping");
    expect((await received).toString()).toBe("ping");
    await server.sendAll(new TextEncoder().encode("pong"));
    const buffer = new Uint8Array(100);
    expect(await client.recv(buffer)).toBe(4);
    expect(Buffer.from(buffer.subarray(0, 4)).toString()).toBe("pong");
  });

  it("carries bytes both ways, blocking", () => {
    using listener = tcpListener();
    using client = new Socket("inet", "stream");
    client.connectSync(listener.localAddress, { timeoutMs: 30_000 });
    using server = listener.acceptSync({ timeoutMs: 30_000 });
    client.sendAllSync("ping");
    expect(server.recvSync(100, { timeoutMs: 30_000 }).toString()).toBe("ping");
    expect(server.sendSync("pong")).toBe(4);
    const buffer = new Uint8Array(8);
    expect(client.recvSync(buffer.subarray(2))).toBe(4);
    expect(Buffer.from(buffer).toString("latin1")).toBe("\0\0pong\0\0");
  });

  it("speaks IPv6", async (ctx) => {
    if (!hasInet6) ctx.skip("this machine has no IPv6 loopback");
    using listener = await listen("tcp://[::1]:0");
    using client = new Socket("inet6", "stream");
    await client.connect(listener.localAddress);
    using server = await listener.accept();
    expect(server.remoteAddress).toMatchObject({ family: "inet6", address: "::1" });
    expect(server.family).toBe(AF_INET6);
  });

  it("is told by the kernel's own numbers too", () => {
    using socket = new Socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    expect([socket.family, socket.type, socket.protocol]).toEqual([AF_INET, SOCK_STREAM, IPPROTO_TCP]);
  });

  it("is of its type, though C's flags were given with it", () => {
    using socket = new Socket("inet", SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    expect(socket.type).toBe(SOCK_STREAM);
    const [left, right] = Socket.pair(SOCK_STREAM | SOCK_CLOEXEC);
    using _left = left;
    using _right = right;
    right.sendAllSync("stream");
    // Of a type that keeps messages apart, the rest would be cut off.
    expect(String(left.recvFromSync(3).bytes) + String(left.recvFromSync(3).bytes)).toBe("stream");
  });

  it("sends the bytes of any view", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const memory = new TextEncoder().encode("-view-").buffer as ArrayBuffer;
    await left.send(new DataView(memory, 1, 4));
    await left.sendAll(new Uint16Array(memory, 2, 2));
    left.sendMessageSync({ data: new DataView(memory, 5, 1) });
    expect(String(await right.readExactly(9))).toBe("viewiew--");
  });

  it("half-closes: the peer reads the end and can still answer", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await client.sendAll("question");
    client.shutdown("write");
    expect((await server.recv(100)).toString()).toBe("question");
    expect((await server.recv(100)).length).toBe(0);
    await server.sendAll("answer");
    expect((await client.recv(100)).toString()).toBe("answer");
    expect(await failureOf(() => client.send("more"))).toMatchObject({ code: "EPIPE", syscall: "send", errno: -32 });
  });

  it("moves more than the kernel's buffers hold, and the sender waits for the reader", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const sent = pattern(8 << 20);
    let isSent = false;
    const sending = client.sendAll(sent).then(() => {
      isSent = true;
      client.shutdown("write");
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSent).toBe(false);
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = await server.recv(1 << 20);
      if (chunk.length === 0) break;
      chunks.push(chunk);
    }
    await sending;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  it("keeps the bytes of one sendAll together", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const size = 1 << 20;
    const sending = Promise.all(["a", "b", "c"].map((letter) => client.sendAll(letter.repeat(size))));
    let text = "";
    while (text.length < 3 * size) text += (await server.recv(1 << 20)).toString("latin1");
    await sending;
    expect(text === "a".repeat(size) + "b".repeat(size) + "c".repeat(size)).toBe(true);
  });

  it("serves receives in the order in which they were called", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const order: string[] = [];
    const receives = [1, 2, 3].map((n) => server.recv(1).then((bytes) => order.push(`${n}${bytes}`)));
    await client.sendAll("abc");
    await Promise.all(receives);
    expect(order).toEqual(["1a", "2b", "3c"]);
  });

  it("does not settle inside the call, even when the data is there", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    client.sendAllSync("x");
    server.readySync("readable");
    let settled = false;
    const receiving = server.recv(1).then(() => {
      settled = true;
    });
    expect(settled).toBe(false);
    await receiving;
    expect(settled).toBe(true);
  });

  it("peeks without taking, and does not wait when told so", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    expect(await failureOf(() => server.recv(4, { flags: MSG_DONTWAIT }))).toMatchObject({ code: "EAGAIN" });
    expect(await failureOf(() => server.recvSync(4, { flags: MSG_DONTWAIT }))).toMatchObject({ code: "EAGAIN" });
    const room = new Uint8Array(4);
    expect(server.tryRecv(room)).toBeUndefined();
    await client.sendAll("data");
    expect((await server.recv(4, { flags: MSG_PEEK })).toString()).toBe("data");
    expect(server.tryRecv(room)).toBe(4);
    client.close();
    await server.ready("readable");
    expect(server.tryRecv(room)).toBe(0);
  });

  it("sends no more than the kernel takes when told not to wait", () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const block = new Uint8Array(1 << 20);
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      const count = client.trySend(block);
      if (count === undefined) break;
      taken += count;
    }
    expect(client.trySend(block)).toBeUndefined();
    expect(taken).toBeGreaterThan(0);
  });

  it("receives nothing into no room", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await client.sendAll("x");
    await server.ready("readable");
    expect(await server.recv(new Uint8Array(0))).toBe(0);
    expect((await server.recv(0)).length).toBe(0);
    expect((await server.recv(10)).toString()).toBe("x");
  });

  it("knows its peer after the peer has reset the connection", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const peer = client.localAddress;
    client.lingerSeconds = 0;
    client.close();
    const error = await failureOf(() => server.recv(1, { timeoutMs: 30_000 }));
    expect(error).toMatchObject({ code: "ECONNRESET", syscall: "recv", address: "127.0.0.1" });
    expect(server.remoteAddress).toEqual(peer);
  });
});

describe("a listener", () => {
  it("is iterated until it is closed", async () => {
    using listener = await listen("tcp://127.0.0.1:0");
    const seen: string[] = [];
    const serving = (async () => {
      for await (const peer of listener) {
        using _peer = peer;
        seen.push((await peer.recv(10)).toString());
        if (seen.length === 3) listener.close();
      }
    })();
    for (const word of ["one", "two", "three"]) {
      using client = new Socket("inet", "stream");
      await client.connect(listener.localAddress);
      await client.sendAll(word);
    }
    await serving;
    expect(seen).toEqual(["one", "two", "three"]);
  });

  it("stays open when the loop is left", async () => {
    using listener = tcpListener();
    using client = new Socket("inet", "stream");
    const connecting = client.connect(listener.localAddress);
    for await (const peer of listener) {
      peer.close();
      break;
    }
    await connecting;
    expect(listener.closed).toBe(false);
    expect(listener.tryAccept()).toBeUndefined();
  });

  it("ends the iteration when it is closed between two connections", async () => {
    const listener = tcpListener();
    const iteration = listener[Symbol.asyncIterator]();
    const next = iteration.next();
    listener.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe("ownership", () => {
  it("closes with using and await using", async () => {
    let inner: Socket;
    {
      using socket = new Socket("inet", "stream");
      inner = socket;
      expect(socket.fd).toBeGreaterThan(2);
    }
    expect([inner.closed, inner.fd]).toEqual([true, -1]);
    {
      await using socket = new Socket("inet", "stream");
      inner = socket;
    }
    expect(inner.closed).toBe(true);
    inner.close();
  });

  it("gives a descriptor away and takes it back, its kind found out", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    await server.sendAll("early");
    const pending = client.recv(3);
    await pending;
    const fd = client.detach();
    expect([client.closed, client.fd]).toEqual([true, -1]);
    using again = Socket.from(fd);
    expect([again.family, again.type, again.protocol]).toEqual([AF_INET, SOCK_STREAM, IPPROTO_TCP]);
    expect((await again.recv(100)).toString()).toBe("ly");
    const receiving = again.recv(100);
    await server.sendAll("late");
    expect((await receiving).toString()).toBe("late");
  });

  it("rejects what waits when the descriptor is given away", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const waiting = failureOf(() => client.recv(1));
    const fd = client.detach();
    expect(await waiting).toMatchObject({ code: "ECANCELED", syscall: "recv" });
    expect(close(fd)).toBe(0);
  });

  it("refuses numbers that are no open sockets", async () => {
    expect((await failureOf(() => Socket.from(-1))).name).toBe("TypeError");
    expect(await failureOf(() => Socket.from(1_000_000))).toMatchObject({ code: "EBADF", syscall: "getsockopt" });
    const file = openSync("/dev/null", "r");
    expect(await failureOf(() => Socket.from(file))).toMatchObject({ code: "ENOTSOCK", syscall: "getsockopt" });
    closeSync(file);
  });

  it("calls back when it is closed, once, and not when it is given away", () => {
    let count = 0;
    const socket = new Socket("inet", "stream");
    socket.onClose(() => count++);
    socket.close();
    socket.close();
    expect(count).toBe(1);
    const other = new Socket("inet", "stream");
    other.onClose(() => count++);
    close(other.detach());
    expect(count).toBe(1);
  });
});

describe("connect", () => {
  it("connects by endpoint, sets options before, and binds", async () => {
    using listener = tcpListener();
    const address = listener.localAddress as { port: number };
    using socket = await connect(`tcp://127.0.0.1:${address.port}`, {
      options: { TCP_NODELAY: true, SO_KEEPALIVE: true },
      local: "tcp://127.0.0.2:0",
      timeoutMs: 30_000,
    });
    expect([socket.noDelay, socket.keepAlive]).toEqual([true, true]);
    expect(socket.localAddress).toMatchObject({ address: "127.0.0.2" });
  });

  it("looks a host name up, and tries each of its addresses", async () => {
    using listener = tcpListener();
    const address = listener.localAddress as { port: number };
    // Where localhost is ::1 as well, the listener is only at the second address.
    using socket = await connect(`tcp://localhost:${address.port}`, { timeoutMs: 30_000 });
    expect(socket.remoteAddress).toEqual(address);
  });

  it("tells who refused, and from where it was tried", async () => {
    const listener = tcpListener();
    const { port } = listener.localAddress as { port: number };
    listener.close();
    const error = await failureOf(() => connect(`tcp://127.0.0.1:${port}`));
    expect(error).toMatchObject({ name: "SystemError", code: "ECONNREFUSED", errno: -111, syscall: "connect", port });
    expect(error.message).toMatch(
      new RegExp(`^connect ECONNREFUSED 127\\.0\\.0\\.1:${port}( from \\S+)?: nothing listens there$`),
    );
    const blocking = await failureOf(() => {
      using socket = new Socket("inet", "stream");
      socket.connectSync(`tcp://127.0.0.1:${port}`);
    });
    expect(blocking).toMatchObject({ code: "ECONNREFUSED", address: "127.0.0.1", port });
  });
});

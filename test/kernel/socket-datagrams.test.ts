/** UDP and unix sockets of each type through `Socket`. */
import { join } from "node:path";
import { connect, formatAddress, listen, Socket } from "portolan";
import { AF_UNIX, MAX_UNIX_PATH_BYTES, SOCK_SEQPACKET } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, withFolder } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

function udpSocket(): Socket {
  const socket = new Socket("inet", "dgram");
  socket.bind("udp://127.0.0.1:0");
  return socket;
}

describe("a UDP socket", () => {
  it("exchanges datagrams with their senders, asynchronously", async () => {
    using server = udpSocket();
    using client = udpSocket();
    const receiving = server.recvFrom(100);
    expect(await client.sendTo("ping", server.localAddress)).toBe(4);
    const { bytes, address, fullLengthBytes, truncated } = await receiving;
    expect([bytes.toString(), fullLengthBytes, truncated]).toEqual(["ping", 4, false]);
    expect(address).toEqual(client.localAddress);
    await server.sendTo("pong", address ?? "", {});
    expect((await client.recv(100)).toString()).toBe("pong");
  });

  it("exchanges datagrams with their senders, blocking", () => {
    using server = udpSocket();
    using client = udpSocket();
    client.sendToSync("ping", `udp://${formatAddress(server.localAddress)}`);
    const buffer = new Uint8Array(100);
    const { bytes, address } = server.recvFromSync(buffer.subarray(10), { timeoutMs: 30_000 });
    expect([bytes.toString(), bytes.buffer === buffer.buffer, bytes.byteOffset]).toEqual(["ping", true, 10]);
    expect(address).toEqual(client.localAddress);
  });

  it("says how long a datagram was that did not fit", async () => {
    using server = udpSocket();
    using client = udpSocket();
    for (const target of [8, new Uint8Array(8)]) {
      await client.sendTo("0123456789", server.localAddress);
      const { bytes, fullLengthBytes, truncated } = await server.recvFrom(target);
      expect([bytes.toString(), fullLengthBytes, truncated]).toEqual(["01234567", 10, true]);
    }
  });

  it("sends and receives an empty datagram", async () => {
    using server = udpSocket();
    using client = udpSocket();
    await client.connect(server.localAddress);
    await client.sendAll("");
    expect(await server.recvFrom(10)).toMatchObject({ fullLengthBytes: 0, truncated: false });
    await client.send(new Uint8Array(0));
    expect((await server.recvFrom(10)).address).toEqual(client.localAddress);
  });

  it("connects to a peer, again to another, and hears only that", async () => {
    using first = udpSocket();
    using second = udpSocket();
    using client = udpSocket();
    expect(client.remoteAddress).toBeUndefined();
    await client.connect(first.localAddress);
    expect(client.remoteAddress).toEqual(first.localAddress);
    client.connectSync(second.localAddress);
    expect(client.remoteAddress).toEqual(second.localAddress);
    await first.sendTo("stranger", client.localAddress);
    await second.sendTo("friend", client.localAddress);
    expect((await client.recv(100)).toString()).toBe("friend");
  });

  it("hears of a refusal from a connected peer that is gone", async () => {
    const gone = udpSocket();
    const address = gone.localAddress;
    gone.close();
    using client = new Socket("inet", "dgram");
    await client.connect(address);
    await client.send("anybody?");
    const error = await failureOf(() => client.recv(10, { timeoutMs: 30_000 }));
    expect(error).toMatchObject({ code: "ECONNREFUSED", syscall: "recv", address: "127.0.0.1" });
    // The error is told once; the socket is usable.
    expect(await failureOf(() => client.recv(10, { timeoutMs: 1 }))).toMatchObject({ code: "ETIMEDOUT" });
  });

  it("refuses what does not fit into one datagram, and what has no destination", async () => {
    using client = udpSocket();
    const tooLong = await failureOf(() => client.sendTo(new Uint8Array(70_000), "udp://127.0.0.1:9"));
    expect(tooLong).toMatchObject({ code: "EMSGSIZE", syscall: "sendto", address: "127.0.0.1", port: 9 });
    expect(await failureOf(() => client.send("x"))).toMatchObject({ code: "EDESTADDRREQ", syscall: "send" });
  });

  it("comes from the helpers too", async () => {
    using server = await listen("udp://127.0.0.1:0");
    using client = await connect(`udp://${formatAddress(server.localAddress)}`);
    await client.send("hello");
    expect((await server.recvFrom(10)).address).toEqual(client.localAddress);
  });
});

describe("a unix socket", () => {
  it("pairs", async () => {
    for (const type of ["stream", "dgram", "seqpacket"] as const) {
      const [left, right] = Socket.pair(type);
      using _left = left;
      using _right = right;
      expect(left.family).toBe(AF_UNIX);
      const receiving = right.recv(10);
      await left.sendAll(type);
      expect((await receiving).toString()).toBe(type);
      right.sendAllSync("back");
      expect(left.recvSync(10).toString()).toBe("back");
    }
  });

  it("listens at a path and at an abstract name, as a stream", async () => {
    await withFolder(async (folder) => {
      for (const endpoint of [`unix://${join(folder, "x.sock")}`, `unix://@portolan-test-${process.pid}`]) {
        using listener = await listen(endpoint);
        expect(formatAddress(listener.localAddress)).toBe(endpoint.slice("unix://".length));
        using client = await connect(endpoint);
        using server = await listener.accept();
        await client.sendAll("hi");
        expect((await server.recv(10)).toString()).toBe("hi");
        expect(client.remoteAddress).toEqual(listener.localAddress);
        expect(server.remoteAddress).toEqual({ family: "unix", kind: "unnamed" });
      }
    });
  });

  it("keeps messages apart as seqpacket, and reports what was cut off", async () => {
    await withFolder(async (folder) => {
      const endpoint = `unix+seqpacket://${join(folder, "seq.sock")}`;
      using listener = await listen(endpoint);
      using client = await connect(endpoint);
      using server = await listener.accept();
      expect(server.type).toBe(SOCK_SEQPACKET);
      await client.send("first");
      await client.send("second");
      expect((await server.recv(100)).toString()).toBe("first");
      expect(await server.recvFrom(3)).toMatchObject({ fullLengthBytes: 6, truncated: true });
      client.close();
      expect((await server.recv(10)).length).toBe(0);
    });
  });

  it("answers a datagram to the sender's path", async () => {
    await withFolder(async (folder) => {
      const endpoint = `unix+dgram://${join(folder, "server.sock")}`;
      using server = await listen(endpoint);
      using client = await connect(endpoint, { local: `unix+dgram://${join(folder, "client.sock")}` });
      await client.send("question");
      const { bytes, address } = await server.recvFrom(100);
      expect([bytes.toString(), address]).toEqual(["question", client.localAddress]);
      await server.sendTo("answer", address ?? "");
      expect((await client.recv(100)).toString()).toBe("answer");
      using nameless = await connect(endpoint);
      await nameless.send("who am I?");
      expect((await server.recvFrom(100)).address).toBeUndefined();
    });
  });

  it("gets an abstract name from the kernel when bound without one", () => {
    using socket = new Socket("unix", "dgram");
    socket.bind({ family: "unix", kind: "unnamed" });
    expect(socket.localAddress).toMatchObject({ family: "unix", kind: "abstract" });
  });

  it("takes a path as long as sun_path, and no longer", async () => {
    using socket = new Socket("unix", "stream");
    const path = "p".repeat(MAX_UNIX_PATH_BYTES + 1);
    const error = await failureOf(() => socket.bind({ family: "unix", kind: "path", path }));
    expect([error.name, error.message]).toEqual(["RangeError", expect.stringContaining(String(MAX_UNIX_PATH_BYTES))]);
    expect((await failureOf(() => socket.bind(`unix://${path}`))).name).toBe("RangeError");
  });

  it("waits to connect while the listener's queue is full", async () => {
    const name = `unix://@portolan-queue-${process.pid}`;
    using listener = await listen(name, { backlog: 0 });
    using first = await connect(name);
    using second = new Socket("unix", "stream");
    expect(await failureOf(() => second.connect(name, { timeoutMs: 20 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => second.connectSync(name, { timeoutMs: 20 }))).toMatchObject({ code: "ETIMEDOUT" });
    const connecting = second.connect(name, { timeoutMs: 30_000 });
    using accepted = await listener.accept();
    await connecting;
    expect([accepted.closed, first.closed]).toEqual([false, false]);
    using next = await listener.accept();
    expect(next.closed).toBe(false);
  });
});

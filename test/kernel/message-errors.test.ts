/** The error queue: what ICMP says of datagrams, transmit timestamps, and completions of sends without a copy. */
import { Socket } from "portolan";
import {
  MSG_ERRQUEUE,
  SO_TIMESTAMPING,
  SOF_TIMESTAMPING_OPT_ID,
  SOF_TIMESTAMPING_OPT_TSONLY,
  SOF_TIMESTAMPING_SOFTWARE,
  SOF_TIMESTAMPING_TX_SOFTWARE,
  SOL_SOCKET,
} from "portolan/abi";
import { closeThreadReactor, threadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, hasInet6, pattern, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** An endpoint where nothing listens: that of a socket which has just been closed. */
function deadEnd(family: "inet" | "inet6"): string {
  using socket = new Socket(family, "dgram");
  socket.bind(family === "inet" ? "udp://127.0.0.1:0" : "udp://[::1]:0");
  const { port } = socket.localAddress as { port: number };
  return family === "inet" ? `udp://127.0.0.1:${port}` : `udp://[::1]:${port}`;
}

describe("recvError", () => {
  it("names who refused a datagram, and which", async () => {
    using socket = new Socket("inet", "dgram");
    socket.setOption("IP_RECVERR", true);
    const to = deadEnd("inet");
    const report = socket.recvError({ timeoutMs: 30_000 });
    await socket.sendTo("who is there?", to);
    const { error, bytes, destination } = await report;
    expect(error).toMatchObject({
      type: "IP_RECVERR",
      code: "ECONNREFUSED",
      errno: -111,
      origin: "icmp",
      icmp: { type: 3, code: 3 },
      offender: { family: "inet", address: "127.0.0.1", port: 0 },
    });
    expect(bytes.toString()).toBe("who is there?");
    expect(destination).toMatchObject({ family: "inet", port: Number(to.split(":").at(-1)) });
  });

  it.skipIf(!hasInet6)("names who refused a datagram over IPv6", async () => {
    using socket = new Socket("inet6", "dgram");
    socket.setOption("IPV6_RECVERR", true);
    await socket.sendTo("who is there?", deadEnd("inet6"));
    const { error, bytes } = await socket.recvError({ timeoutMs: 30_000 });
    expect(error).toMatchObject({
      type: "IPV6_RECVERR",
      code: "ECONNREFUSED",
      origin: "icmp6",
      icmp: { type: 1, code: 4 },
      offender: { family: "inet6", address: "::1" },
    });
    expect(bytes.toString()).toBe("who is there?");
  });

  it("blocks, tries, and gives up in time", async () => {
    using socket = new Socket("inet", "dgram");
    socket.setOption("IP_RECVERR", true);
    expect(socket.tryRecvError()).toBeUndefined();
    expect(await failureOf(() => socket.recvErrorSync({ timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => socket.recvError({ timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    const to = deadEnd("inet");
    socket.sendToSync("one", to);
    expect(socket.recvErrorSync({ timeoutMs: 30_000 }).bytes.toString()).toBe("one");
    // Who has read the report has had the error: the next send does not fail for it.
    socket.sendToSync("two", to);
    expect(socket.tryRecvError()?.bytes.toString()).toBe("two");
    expect(socket.tryRecvError()).toBeUndefined();
  });

  it("is what recvMessage with MSG_ERRQUEUE reads raw", async () => {
    using socket = new Socket("inet", "dgram");
    socket.setOption("IP_RECVERR", true);
    const to = deadEnd("inet");
    await socket.sendTo("raw", to);
    const message = await socket.recvMessage({ sizeBytes: 100, flags: MSG_ERRQUEUE }, { timeoutMs: 30_000 });
    expect(message.fromErrorQueue).toBe(true);
    expect(message.find("IP_RECVERR")?.code).toBe("ECONNREFUSED");
    expect(message.bytes.toString()).toBe("raw");
  });

  it("brings transmit timestamps, with the number of their send", async () => {
    using server = new Socket("inet", "dgram");
    server.bind("udp://127.0.0.1:0");
    using socket = new Socket("inet", "dgram");
    const flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
    socket.setRawOption(SOL_SOCKET, SO_TIMESTAMPING, flags);
    const control = [{ type: "SO_TIMESTAMPING_FLAGS", flags: SOF_TIMESTAMPING_TX_SOFTWARE } as const];
    const before = BigInt(Date.now()) * 1_000_000n;
    for (const data of ["zero", "one"]) {
      await socket.sendMessage({ data, to: server.localAddress, control });
      const { error, ancillary } = await socket.recvError({ timeoutMs: 30_000 });
      expect(error).toMatchObject({
        code: "ENOMSG",
        origin: "timestamping",
        timestamp: { id: data === "zero" ? 0 : 1 },
      });
      const stamp = ancillary.find((entry) => entry.type === "SO_TIMESTAMPING");
      // The kernel's clock and Date's are the same, but Date is cut to milliseconds.
      expect(stamp?.softwareNs).toBeGreaterThanOrEqual(before);
    }
  });

  it("is refused where MSG_ERRQUEUE would give ordinary data", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    left.sendSync("data");
    expect((await failureOf(() => right.recvError())).message).toContain("have no error queue");
    expect(right.recvSync(10).toString()).toBe("data");
  });
});

describe("sendZeroCopy", () => {
  it("keeps nothing waiting once it is complete, though a call of recvError has read the completion", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const controller = new AbortController();
    const report = failureOf(() => client.recvError({ signal: controller.signal }));
    const { completion } = await client.sendZeroCopy(pattern(20_000));
    await completion;
    controller.abort();
    expect(await report).toMatchObject({ name: "AbortError" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(threadReactor().active).toBe(0);
  });

  it("tells when the memory is free, and whether it was copied", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const bytes = pattern(50_000);
    const { lengthBytes, completion } = await client.sendZeroCopy(bytes);
    expect(lengthBytes).toBeGreaterThan(0);
    const received = server.readExactlySync(lengthBytes);
    expect(received?.equals(bytes.subarray(0, lengthBytes))).toBe(true);
    // What stays on the machine is copied when it is received.
    expect(await completion).toEqual({ copied: true });
  });

  it("completes many sends, each with its own promise, of parts and datagrams too", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    const parts = [pattern(1000), pattern(2000)];
    const sends = [];
    for (let i = 0; i < 50; i++) sends.push(await client.sendZeroCopy(parts));
    const total = sends.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(server.readExactlySync(total)?.length).toBe(150_000);
    const outcomes = await Promise.all(sends.map(({ completion }) => completion));
    expect(outcomes.length).toBe(50);

    using receiver = new Socket("inet", "dgram");
    receiver.bind("udp://127.0.0.1:0");
    using sender = new Socket("inet", "dgram");
    const datagram = await sender.sendZeroCopy(pattern(9000), { to: receiver.localAddress });
    expect(receiver.recvSync(10_000)).toEqual(pattern(9000));
    expect(await datagram.completion).toEqual({ copied: true });
  });

  it("leaves errors to recvError, and takes completions from it", async () => {
    using socket = new Socket("inet", "dgram");
    socket.setOption("IP_RECVERR", true);
    using receiver = new Socket("inet", "dgram");
    receiver.bind("udp://127.0.0.1:0");
    const report = socket.recvError({ timeoutMs: 30_000 });
    const { completion } = await socket.sendZeroCopy(pattern(5000), { to: receiver.localAddress });
    await socket.sendTo("refused", deadEnd("inet"));
    const { error, bytes } = await report;
    expect(error.code).toBe("ECONNREFUSED");
    expect(bytes.toString()).toBe("refused");
    receiver.recvSync(5000);
    expect(await completion).toEqual({ copied: true });
  });

  it("is over with ECANCELED when the socket is closed before", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const { completion } = await client.sendZeroCopy(pattern(100_000));
    client.close();
    expect(await failureOf(() => completion)).toMatchObject({ code: "ECANCELED" });
  });

  it("refuses what it cannot send", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    expect((await failureOf(() => client.sendZeroCopy([]))).message).toContain("nothing to send");
    expect((await failureOf(() => client.sendZeroCopy("text" as never))).message).toContain("give its bytes");
    expect((await failureOf(() => left.sendZeroCopy(pattern(1)))).message).toContain("no error queue");
    server.close();
    await client.recv(1);
    await client.sendAll("which resets the connection");
    expect(await failureOf(() => client.sendZeroCopy(pattern(1)))).toMatchObject({ code: "EPIPE", syscall: "sendmsg" });
  });
});

/** Sockets as Duplex and as WHATWG streams. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Socket, toDuplex, toWeb } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, pattern, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const size = 5 << 20;

function digest(bytes: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}

describe("a Duplex", () => {
  it("carries megabytes both ways through an echo", async () => {
    const [client, server] = tcpPair();
    const echo = toDuplex(server, { allowHalfOpen: true });
    const echoing = pipeline(echo, echo);
    const duplex = toDuplex(client, { allowHalfOpen: true });
    const sent = pattern(size);
    const received: Buffer[] = [];
    duplex.on("data", (chunk: Buffer) => received.push(chunk));
    const ended = once(duplex, "end");
    duplex.end(sent);
    await Promise.all([echoing, ended]);
    expect(digest(received)).toBe(digest([sent]));
    if (!duplex.closed) await once(duplex, "close");
    expect([client.closed, server.closed]).toEqual([true, true]);
  });

  it("holds the writer back while nobody reads, and keeps the order of many small writes", async () => {
    const [left, right] = Socket.pair();
    const writer = toDuplex(left);
    const reader = toDuplex(right);
    let expected = "";
    let refusals = 0;
    for (let i = 0; i < 50_000; i++) {
      const line = `${i}\n`;
      expected += line;
      if (!writer.write(line, "latin1")) refusals++;
    }
    writer.end();
    expect(refusals).toBeGreaterThan(0);
    expect(reader.readableLength).toBe(0);
    expect(await text(reader)).toBe(expected);
    // Nobody reads from the writer; still it notices that the other side has ended, and closes.
    if (!writer.closed) await once(writer, "close");
    expect([left.closed, right.closed]).toEqual([true, true]);
  });

  it("reads ahead no more than asked for", async () => {
    const [left, right] = tcpPair();
    const reader = toDuplex(right, { readableHighWaterMark: 1 << 16 });
    const sending = left.sendAll(pattern(64 << 20));
    sending.catch(() => {});
    reader.once("readable", () => {});
    await once(reader, "readable");
    await new Promise((resolve) => setImmediate(resolve));
    expect(reader.readableLength).toBeLessThanOrEqual(2 << 16);
    reader.destroy();
    left.close();
    expect(await failureOf(() => sending)).toMatchObject({ name: "SystemError" });
  });

  it("ends its own side when the peer does, unless half-open is allowed", async () => {
    const [left, right] = tcpPair();
    using _right = right;
    const duplex = toDuplex(left);
    duplex.resume();
    right.shutdown("write");
    await once(duplex, "close");
    expect(left.closed).toBe(true);
    expect((await right.recv(1)).length).toBe(0);

    const [client, server] = tcpPair();
    using _server = server;
    const halfOpen = toDuplex(client, { allowHalfOpen: true });
    halfOpen.resume();
    server.shutdown("write");
    await once(halfOpen, "end");
    halfOpen.end("still here");
    expect((await server.recv(100)).toString()).toBe("still here");
    await once(halfOpen, "close");
  });

  it("closes the socket when destroyed, without an error of the receive that waits", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const duplex = toDuplex(left);
    const errors: Error[] = [];
    duplex.on("error", (error) => errors.push(error));
    duplex.resume();
    duplex.destroy();
    await once(duplex, "close");
    expect([left.closed, errors]).toEqual([true, []]);
    const [other, gone] = Socket.pair();
    const second = toDuplex(other);
    second.resume();
    gone.close();
    second.destroy(new Error("mine"));
    const [error] = (await once(second, "error")) as [Error];
    expect(error.message).toBe("mine");
  });

  it("emits the errors of the connection", async () => {
    const [left, right] = tcpPair();
    const duplex = toDuplex(left);
    right.lingerSeconds = 0;
    right.close();
    duplex.resume();
    const [error] = (await once(duplex, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET", syscall: "recv" });
    expect(left.closed).toBe(true);
  });

  it("is a stream to pipeline and to iteration", async () => {
    const [left, right] = Socket.pair();
    const sent = pattern(200_000);
    const sender = toDuplex(left);
    const chunks: Buffer[] = [];
    await Promise.all([
      pipeline(Readable.from([sent.subarray(0, 100_000), sent.subarray(100_000)]), sender),
      (async () => {
        for await (const chunk of toDuplex(right)) chunks.push(chunk as Buffer);
      })(),
    ]);
    expect(digest(chunks)).toBe(digest([sent]));
    if (!sender.closed) await once(sender, "close");
    expect([left.closed, right.closed]).toEqual([true, true]);
  });
});

describe("WHATWG streams", () => {
  it("carry megabytes both ways through an echo", async () => {
    const [client, server] = tcpPair();
    const far = toWeb(server);
    const echoing = far.readable.pipeTo(far.writable);
    const near = toWeb(client);
    const sent = pattern(size);
    const sending = (async () => {
      const writer = near.writable.getWriter();
      for (let at = 0; at < size; at += 100_000) await writer.write(sent.subarray(at, at + 100_000));
      await writer.close();
    })();
    const received: Uint8Array[] = [];
    for await (const chunk of near.readable) received.push(chunk);
    await Promise.all([sending, echoing]);
    expect(digest(received)).toBe(digest([sent]));
    expect([client.closed, server.closed]).toEqual([true, true]);
  });

  it("receive into the reader's own memory", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const { readable, writable } = toWeb(left);
    const reader = readable.getReader({ mode: "byob" });
    const reading = reader.read(new Uint8Array(8));
    await right.sendAll("0123456789");
    expect(Buffer.from((await reading).value as Uint8Array).toString()).toBe("01234567");
    expect(Buffer.from((await reader.read(new Uint8Array(8))).value as Uint8Array).toString()).toBe("89");
    right.shutdown("write");
    expect((await reader.read(new Uint8Array(8))).done).toBe(true);
    await writable.close();
    expect(left.closed).toBe(true);
  });

  it("receive nothing before somebody reads", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    const { readable } = toWeb(left);
    await right.sendAll("x");
    await new Promise((resolve) => setImmediate(resolve));
    expect(left.recvSync(1).toString()).toBe("x");
    right.close();
    expect((await readable.getReader().read()).done).toBe(true);
  });

  it("hold the writer back", async () => {
    const [left, right] = tcpPair();
    const writer = toWeb(left).writable.getWriter();
    let isWritten = false;
    const writing = writer.write(pattern(32 << 20)).then(() => {
      isWritten = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isWritten).toBe(false);
    expect(writer.desiredSize).toBeLessThanOrEqual(0);
    right.close();
    expect(await failureOf(() => writing)).toMatchObject({ name: "SystemError" });
    left.close();
  });

  it("end with cancel and abort, also while a read waits", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const { readable, writable } = toWeb(left);
    const reader = readable.getReader();
    const reading = reader.read();
    await reader.cancel();
    expect((await reading).done).toBe(true);
    expect(left.closed).toBe(false);
    await writable.close();
    expect(left.closed).toBe(true);

    const [other, peer] = Socket.pair();
    using _peer = peer;
    await toWeb(other).writable.abort();
    expect(other.closed).toBe(true);
  });

  it("are aborted while a write waits for a peer that does not read", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const writer = toWeb(left).writable.getWriter();
    const writing = failureOf(() => writer.write(pattern(8 << 20)));
    await new Promise((resolve) => setImmediate(resolve));
    const reason = new Error("enough");
    await writer.abort(reason);
    expect(await writing).toBe(reason);
    expect(left.closed).toBe(true);
  });

  it("fail with the connection", async () => {
    const [left, right] = tcpPair();
    const { readable } = toWeb(left);
    right.lingerSeconds = 0;
    right.close();
    expect(await failureOf(() => readable.getReader().read())).toMatchObject({ code: "ECONNRESET" });
    expect(left.closed).toBe(true);
  });
});

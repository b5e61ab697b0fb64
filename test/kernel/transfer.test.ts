/** Reading whole things from a stream, and moving bytes that never come to the process. */
import { closeSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { IncompleteReadError, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { pipe2 } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, pattern, tcpPair, withFolder } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const limits = { timeoutMs: 30_000 };

/** Sends in pieces, letting the other end run in between. */
async function trickle(socket: Socket, bytes: Uint8Array, sizes: readonly number[]): Promise<void> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    await socket.sendAll(bytes.subarray(at, at + size));
    at += size;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("readExactly", () => {
  it("joins what comes in parts, and takes nothing beyond", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    const bytes = pattern(5000);
    const reading = right.readExactly(4000, limits);
    await trickle(left, bytes, [1, 999, 1500]);
    expect(await reading).toEqual(bytes.subarray(0, 4000));
    expect(await right.readExactly(Buffer.alloc(1000), limits)).toEqual(bytes.subarray(4000));
    expect(await right.readExactly(0)).toEqual(Buffer.alloc(0));
  });

  it("serves readers in the order in which they asked", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const readings = [right.readExactly(3), right.readExactly(2), right.recv(10)];
    await trickle(left, Buffer.from("aaabbc"), [2, 1]);
    expect((await Promise.all(readings)).map(String)).toEqual(["aaa", "bb", "c"]);
  });

  it("tells the end of the stream from an end in the middle", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    left.sendAllSync("whole, part");
    left.close();
    expect(String(right.readExactlySync(7))).toBe("whole, ");
    const error = (await failureOf(() => right.readExactly(7))) as IncompleteReadError;
    expect(error).toBeInstanceOf(IncompleteReadError);
    expect(error).toMatchObject({
      code: "ERR_INCOMPLETE_READ",
      reason: "end",
      message: "the stream ended after 4 of 7 bytes",
    });
    expect(String(error.partial)).toBe("part");
    expect(await right.readExactly(1)).toBeUndefined();
    expect(right.readExactlySync(1)).toBeUndefined();
  });

  it("gives up in time, at a signal, and with the socket", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    left.sendSync("x");
    expect(await failureOf(() => right.readExactly(2, { timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => right.readExactlySync(2, { timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    const signal = AbortSignal.timeout(5);
    expect(await failureOf(() => right.readExactly(2, { signal }))).toBe(signal.reason);
    const reading = failureOf(() => right.readExactly(2));
    right.close();
    expect(await reading).toMatchObject({ code: "ECANCELED" });
    expect((await failureOf(() => left.readExactly(-1))).message).toContain("not -1");
  });
});

describe("readUntil", () => {
  it("leaves what is beyond the delimiter in the socket", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    left.sendAllSync("one\r\ntwo\r\nrest");
    expect(String(await right.readUntil("\r\n", limits))).toBe("one\r\n");
    expect(String(right.readUntilSync(Buffer.from("\r\n"), limits))).toBe("two\r\n");
    expect(String(await right.recv(100))).toBe("rest");
  });

  it("finds a delimiter that comes in parts, wherever it is cut", async () => {
    const text = Buffer.from("x\r\r\n\ry\r\n\r\nz");
    for (let cut = 1; cut < text.length; cut++) {
      const [left, right] = Socket.pair();
      using _left = left;
      using _right = right;
      const reading = right.readUntil("\r\n\r\n", limits);
      await trickle(left, text, [cut]);
      expect(String(await reading)).toBe("x\r\r\n\ry\r\n\r\n");
      expect(String(right.recvSync(10))).toBe("z");
    }
  });

  it("finds it in a long text, and has its limit", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const long = Buffer.concat([Buffer.alloc(50_000, "a"), Buffer.from("\n")]);
    left.sendAllSync(long);
    expect(await right.readUntil("\n", limits)).toEqual(long);
    left.sendAllSync("0123456789\n");
    const error = (await failureOf(() => right.readUntil("\n", { maxBytes: 5 }))) as IncompleteReadError;
    expect(error).toMatchObject({ reason: "limit", message: "no delimiter within 5 bytes" });
    expect(String(error.partial)).toBe("01234");
    expect(String(right.readUntilSync("\n", { maxBytes: 6 }))).toBe("56789\n");
  });

  it("tells the end of the stream from an end in the middle", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    left.sendAllSync("line\npart");
    left.close();
    expect(String(await right.readUntil("\n"))).toBe("line\n");
    expect(await failureOf(() => right.readUntil("\n"))).toMatchObject({ reason: "end" });
    expect(await right.readUntil("\n")).toBeUndefined();
  });

  it("refuses what cannot be", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    expect((await failureOf(() => right.readUntil(""))).message).toContain("at least one byte");
    expect((await failureOf(() => right.readUntil("\r\n", { maxBytes: 1 }))).message).toContain("from 2 to");
  });
});

describe("a reader", () => {
  it("reads what was sent, however it was cut and is asked for", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.nat(300),
            fc.string({ maxLength: 200 }).map((text) => text.replaceAll("\n", "")),
          ),
          {
            maxLength: 12,
          },
        ),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
        async (wanted, sizes) => {
          const [left, right] = Socket.pair();
          using _left = left;
          using _right = right;
          const pieces = wanted.map((one) => (typeof one === "number" ? pattern(one) : Buffer.from(`${one}\n`)));
          const sending = trickle(left, Buffer.concat(pieces), sizes);
          const reader = right.reader({ maxBytes: 1024 });
          for (const [index, one] of wanted.entries()) {
            const read = typeof one === "number" ? reader.readExactly(one, limits) : reader.readUntil("\n", limits);
            expect(await read).toEqual(pieces[index]);
          }
          await sending;
          left.close();
          expect(await reader.read(limits)).toBeUndefined();
          expect(reader.buffered.length).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("keeps what it has when the caller gives up", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const reader = right.reader();
    left.sendAllSync("half a li");
    expect(await failureOf(() => reader.readUntil("\n", { timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => reader.readExactlySync(20, { timeoutMs: 5 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(String(reader.buffered)).toBe("half a li");
    left.sendAllSync("ne\nand more");
    expect(String(reader.readUntilSync("\n"))).toBe("half a line\n");
    expect(String(reader.takeBuffered())).toBe("and more");
    left.sendAllSync("later");
    expect(String(right.recvSync(10))).toBe("later");
  });

  it("reads whatever is there", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const reader = right.reader();
    left.sendAllSync("abc\ndef");
    expect(String(await reader.readUntil("\n"))).toBe("abc\n");
    expect(String(await reader.read())).toBe("def");
    const waiting = reader.read(limits);
    left.sendAllSync("ghi");
    expect(String(await waiting)).toBe("ghi");
    left.sendAllSync("jkl");
    expect(String(reader.readSync())).toBe("jkl");
  });

  it("has its limit, and says so", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const reader = right.reader({ maxBytes: 10 });
    left.sendAllSync("0123456789abc\n");
    expect(await failureOf(() => reader.readUntil("\n"))).toMatchObject({ reason: "limit" });
    expect(await failureOf(() => reader.readUntil("\n", { maxBytes: 5 }))).toMatchObject({
      message: "no delimiter within 5 bytes",
    });
    expect((await failureOf(() => reader.readExactly(11))).message).toContain("from 0 to 10, not 11");
    expect(String(await reader.readExactly(10))).toBe("0123456789");
    expect(String(await reader.readUntil("\n"))).toBe("abc\n");
    expect((await failureOf(async () => right.reader({ maxBytes: 0 }))).message).toContain("maxBytes");
  });

  it("tells an end in the middle, and gives what is left", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const reader = right.reader();
    left.sendAllSync("rest");
    left.close();
    const error = (await failureOf(() => reader.readUntil("\n"))) as IncompleteReadError;
    expect([error.reason, String(error.partial)]).toEqual(["end", "rest"]);
    expect(await failureOf(() => reader.readExactly(5))).toMatchObject({ reason: "end" });
    expect(String(await reader.readExactly(4))).toBe("rest");
    expect(await reader.readExactly(1)).toBeUndefined();
    expect(await reader.readUntil("\n")).toBeUndefined();
  });

  it("does one read at a time", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const reader = right.reader();
    const reading = reader.readExactly(1, limits);
    expect((await failureOf(() => reader.read())).message).toContain("one at a time");
    left.sendAllSync("x");
    expect(String(await reading)).toBe("x");
  });
});

describe("sendFile", () => {
  it("sends a part of a file, by descriptor or handle, and leaves its position", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "file");
      const bytes = pattern(3_000_000);
      writeFileSync(path, bytes);
      const [left, right] = tcpPair();
      using _left = left;
      using _right = right;
      const file = await open(path);
      const receiving = right.readExactly(2_000_000, limits);
      expect(await left.sendFile(file, 500_000, 2_000_000, limits)).toBe(2_000_000);
      expect((await receiving)?.equals(bytes.subarray(500_000, 2_500_000))).toBe(true);
      expect((await file.read(Buffer.alloc(3), 0, 3)).buffer).toEqual(bytes.subarray(0, 3));
      await file.close();
      const fd = openSync(path, "r");
      expect(left.sendFileSync(fd, bytes.length - 100)).toBe(100);
      expect(right.readExactlySync(100)).toEqual(bytes.subarray(-100));
      expect(left.sendFileSync(fd, bytes.length + 5)).toBe(0);
      expect(left.sendFileSync(fd, 10, 0)).toBe(0);
      closeSync(fd);
    });
  });

  it("sends all there is to a peer that reads slowly, and lets others run meanwhile", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "large");
      const bytes = pattern(12_000_000);
      writeFileSync(path, bytes);
      const [left, right] = tcpPair();
      using _right = right;
      using file = new Descriptor(path);
      const sending = left.sendFile(file, 0, undefined, limits).then((sent) => {
        left.close();
        return sent;
      });
      const parts: Buffer[] = [];
      for (let part = await right.recv(100_000); part.length > 0; part = await right.recv(100_000)) parts.push(part);
      expect(await sending).toBe(bytes.length);
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    });
  });

  it("says what cannot be sent, and gives up in time", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    const ends = new Int32Array(2);
    pipe2(ends, 0);
    expect(await failureOf(() => left.sendFile(ends[0] as number, 1))).toMatchObject({
      code: "ESPIPE",
      syscall: "sendfile",
    });
    expect((await failureOf(() => left.sendFile(-1))).message).toContain("open descriptor");
    expect((await failureOf(() => left.sendFile({} as never))).message).toContain("open descriptor");
    expect((await failureOf(() => left.sendFile(0, -1))).message).toContain("not -1");
    expect((await failureOf(() => left.sendFile(0, 0, 0.5))).message).toContain("not 0.5");
    for (const fd of ends) closeSync(fd);
    using zero = new Descriptor("/proc/self/exe");
    const send = (): Promise<number> => left.sendFile(zero, 0, undefined, { timeoutMs: 20 });
    expect(await failureOf(send)).toMatchObject({ code: "ETIMEDOUT", syscall: "sendfile" });
  });
});

describe("spliceTo", () => {
  it("moves a stream to another, to its end", async () => {
    const [client, proxyIn] = tcpPair();
    const [proxyOut, server] = Socket.pair();
    using _client = client;
    using _proxyIn = proxyIn;
    using _server = server;
    const before = readdirSync("/proc/self/fd").length;
    const bytes = pattern(1_000_000);
    const moving = proxyIn.spliceTo(proxyOut, undefined, limits).then((moved) => {
      proxyOut.close();
      return moved;
    });
    const sending = client.sendAll(bytes).then(() => client.shutdown("write"));
    expect((await server.readExactly(bytes.length, limits))?.equals(bytes)).toBe(true);
    expect(await server.recv(1)).toEqual(Buffer.alloc(0));
    await sending;
    expect(await moving).toBe(bytes.length);
    expect(readdirSync("/proc/self/fd").length).toBe(before - 1);
  });

  it("moves so much and no more, blocking too", async () => {
    const [client, proxyIn] = tcpPair();
    const [proxyOut, server] = tcpPair();
    using _client = client;
    using _proxyIn = proxyIn;
    using _proxyOut = proxyOut;
    using _server = server;
    client.sendAllSync(pattern(300));
    expect(await proxyIn.spliceTo(proxyOut, 100, limits)).toBe(100);
    expect(proxyIn.spliceToSync(proxyOut, 150, limits)).toBe(150);
    expect(server.readExactlySync(250)).toEqual(pattern(250));
    expect(proxyIn.recvSync(100)).toEqual(pattern(300).subarray(250));
    client.close();
    expect(proxyIn.spliceToSync(proxyOut)).toBe(0);
  });

  it("gives up in time and leaves no pipe behind", async () => {
    const [client, proxyIn] = tcpPair();
    const [proxyOut, server] = tcpPair();
    using _client = client;
    using _proxyIn = proxyIn;
    using _proxyOut = proxyOut;
    using _server = server;
    const before = readdirSync("/proc/self/fd").length;
    const short = { timeoutMs: 5 };
    expect(await failureOf(() => proxyIn.spliceTo(proxyOut, 10, short))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => proxyIn.spliceToSync(proxyOut, 10, short))).toMatchObject({ syscall: "splice" });
    expect((await failureOf(() => proxyIn.spliceTo(proxyOut, -1))).message).toContain("not -1");
    const [unconnected] = [new Socket("inet", "stream")];
    using _unconnected = unconnected;
    expect(await failureOf(() => unconnected.spliceTo(proxyOut))).toMatchObject({ syscall: "splice" });
    expect(readdirSync("/proc/self/fd").length).toBe(before + 1);
  });
});

/** An open file that closes with its block. */
class Descriptor {
  readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, "r");
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** What sendfile(2) refuses is sent all the same: files without pages, and what has no offsets. */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { Socket } from "portolan";
import { O_CLOEXEC } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { pipe2 } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { leftBehind, openThings } from "../support/leaks.ts";
import { failureOf, pattern, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const limits = { timeoutMs: 30_000 };

class Pipe {
  readonly output: number;
  readonly input: number;

  constructor() {
    const ends = new Int32Array(2);
    if (pipe2(ends, O_CLOEXEC) < 0) throw new Error("no pipe");
    [this.output, this.input] = ends as unknown as [number, number];
  }

  [Symbol.dispose](): void {
    closeSync(this.output);
  }
}

const files = [
  "/proc/filesystems",
  "/proc/kallsyms",
  "/proc/self/environ",
  "/proc/self/limits",
  "/proc/swaps",
  "/proc/version",
].filter(existsSync);

describe("sendFile of a file without pages", () => {
  // Which of them sendfile refuses depends on the kernel; each has to arrive.
  it.each(files)("sends %s, whole and in part, and leaves its position", async (path) => {
    const [left, right] = tcpPair();
    using _right = right;
    using _left = left;
    const bytes = readFileSync(path);
    const file = openSync(path, "r");
    try {
      const whole = right.readExactly(bytes.length, limits);
      expect(await left.sendFile(file, 0, undefined, limits)).toBe(bytes.length);
      expect((await whole)?.equals(bytes)).toBe(true);
      const part = bytes.subarray(7, 7 + 11);
      expect(await left.sendFile(file, 7, 11, limits)).toBe(part.length);
      expect(await right.readExactly(part.length, limits)).toEqual(part);
      expect(left.sendFileSync(file, 3, 5, limits)).toBe(bytes.subarray(3, 8).length);
      expect(await left.sendFile(file, bytes.length + 1, undefined, limits)).toBe(0);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    } finally {
      closeSync(file);
    }
  });

  it("says so of what cannot be read", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    const folder = openSync("/proc", "r");
    expect(await failureOf(() => left.sendFile(folder))).toMatchObject({ name: "SystemError", syscall: "sendfile" });
    closeSync(folder);
    const sink = openSync("/dev/null", "w");
    const error = await failureOf(() => left.sendFile(sink));
    expect(error).toMatchObject({ code: "EBADF", message: expect.stringContaining("not for reading") });
    closeSync(sink);
  });
});

describe("sendFile of a pipe", () => {
  it("sends what is written to it, as it comes, up to the end", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    using pipe = new Pipe();
    const bytes = pattern(300_000);
    const sending = left.sendFile(pipe.output, 0, undefined, limits);
    for (let at = 0; at < bytes.length; ) {
      const count = writeSync(pipe.input, bytes, at, Math.min(60_000, bytes.length - at));
      expect((await right.readExactly(count, limits))?.equals(bytes.subarray(at, at + count))).toBe(true);
      at += count;
    }
    closeSync(pipe.input);
    expect(await sending).toBe(bytes.length);
  });

  it("takes no more than was asked for", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    using pipe = new Pipe();
    writeSync(pipe.input, "abcdefgh");
    expect(await left.sendFile(pipe.output, 0, 3, limits)).toBe(3);
    expect(left.sendFileSync(pipe.output, 0, 2, limits)).toBe(2);
    expect(await failureOf(() => left.sendFile(pipe.output, 1, 3, limits))).toMatchObject({ code: "ESPIPE" });
    closeSync(pipe.input);
    expect(left.sendFileSync(pipe.output, 0, undefined, limits)).toBe(3);
    expect(String(right.recvSync(100))).toBe("abcdefgh");
  });

  it("gives up in time, by a signal, or with the socket, and leaves nothing open", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    using pipe = new Pipe();
    await failureOf(() => left.recv(1, { timeoutMs: 0 }));
    const before = openThings();
    const failing = (options: object): Promise<Error> => failureOf(() => left.sendFile(pipe.output, 0, 1, options));
    expect(await failing({ timeoutMs: 5 })).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => left.sendFileSync(pipe.output, 0, 1, { timeoutMs: 5 }))).toMatchObject({
      code: "ETIMEDOUT",
    });
    const controller = new AbortController();
    const aborted = failing({ signal: controller.signal });
    setImmediate(() => controller.abort());
    expect((await aborted).name).toBe("AbortError");
    expect(await leftBehind(before, 20_000)).toEqual([]);
    const closed = failing({});
    setImmediate(() => left.close());
    expect(await closed).toMatchObject({ code: "ECANCELED" });
    expect(await leftBehind(before, 20_000)).toEqual([]);
    closeSync(pipe.input);
  });
});

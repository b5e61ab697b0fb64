/**
 * Clients and servers that are broken: each call ends by itself, with a status that says whose fault it is and one line that
 * says what the server did, whether it closes at once, says too much, dribbles, or answers with something else.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { type NodeServer, tcpServer, udpServer } from "./node-servers.ts";
import { type Ended, portolan, start } from "./portolan.ts";

const OK = 0;
const DATAERR = 65;
const UNAVAILABLE = 69;
const PROTOCOL = 76;

/** Sends on and on, whatever it gets. */
function forever(text: string): (socket: Socket) => void {
  const bytes = Buffer.from(text.repeat(1000));
  return (socket) => {
    const more = (error?: Error | null): void => {
      if (!error && !socket.destroyed) socket.write(bytes, more);
    };
    socket.resume();
    more();
  };
}

/** A byte now and then, and never the end of a line. */
function dribble(socket: Socket): void {
  socket.resume();
  const timer = setInterval(() => socket.write("1"), 20);
  socket.once("close", () => clearInterval(timer));
}

/** What is to be called, so that the server owes something. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  counter: ["--count", "3"],
  discard: ["--message", "hi"],
  echo: ["--message", "hi"],
  hangman: [],
  random: ["--length", "4k"],
  rot13: ["--message", "hi"],
  squares: ["--move", "2 3"],
};

async function call(name: string, { endpoint }: NodeServer, ...more: string[]): Promise<Ended> {
  await using program = start(["call", name, endpoint, ...(CALLS[name] ?? []), ...more]);
  program.endInput();
  return await program.end();
}

describe.concurrent("a server that closes at once", () => {
  it.each(["counter", "echo", "rot13"])("is no %s", async (name) => {
    await using there = await tcpServer((socket) => socket.resume().end());
    const { status, stderr } = await call(name, there);
    expect({ status, stderr }).toEqual({
      status: PROTOCOL,
      stderr: expect.stringContaining("closed the connection"),
    });
  });

  it("is no discard, whether the kernel has noticed by then or not", async () => {
    await using there = await tcpServer((socket) => socket.destroy());
    const args = ["call", "discard", there.endpoint, "--bytes", "10M"];
    const { status, stderr } = await portolan(args);
    expect([PROTOCOL, UNAVAILABLE]).toContain(status);
    expect(stderr).toMatch(/closed the connection before it had been sent all|ECONNRESET|EPIPE/);
  });
});

describe.concurrent("a server that says too much", () => {
  it.each(["counter", "discard", "echo", "hangman", "random", "rot13", "squares"])("is no %s", async (name) => {
    await using there = await tcpServer(forever("abcdefghij\r\n"));
    const { status, stderr } = await call(name, there);
    expect({ status, lines: stderr.trim().split("\n").length }).toEqual({ status: PROTOCOL, lines: 1 });
  });

  it("and never a whole line, neither", async () => {
    await using there = await tcpServer(forever("a"));
    for (const name of ["hangman", "squares"]) {
      expect(await call(name, there)).toMatchObject({ status: PROTOCOL, stderr: expect.stringMatching(/it is no/) });
    }
  });
});

it.each(["counter", "hangman", "squares"])("a server that dribbles owes %s an answer", async (name) => {
  await using there = await tcpServer(dribble);
  const { status, stderr } = await call(name, there, "--timeout", "0.5");
  expect({ status, stderr }).toEqual({ status: UNAVAILABLE, stderr: expect.stringContaining("within 0.5 s") });
});

describe.concurrent("a server that answers with something else", () => {
  it("as long over a stream, is no echo and no rot13", async () => {
    await using there = await tcpServer((socket) => {
      socket.on("data", (bytes) => socket.write(bytes.fill(0x7a))).once("end", () => socket.end());
    });
    for (const name of ["echo", "rot13"]) {
      expect(await call(name, there)).toMatchObject({
        status: PROTOCOL,
        stderr: `portolan call: ${there.endpoint} sent other bytes back than were due: it is no ${name} server\n`,
      });
    }
  });

  it("over datagrams, is told apart from one that is silent", async () => {
    await using there = await udpServer(function (_, { port, address }) {
      this.send("something else", port, address);
    });
    expect(await call("echo", there, "--timeout", "0.5")).toMatchObject({
      status: PROTOCOL,
      stderr: expect.stringContaining("answered with something else than was due: it is no echo server"),
    });
  });

  it("but one that is late is not", async () => {
    let before: Buffer | undefined;
    await using there = await udpServer(function (bytes, { port, address }) {
      if (before !== undefined) this.send(before, port, address);
      before = Buffer.from(bytes);
    });
    await using program = start(["call", "echo", there.endpoint, "--timeout", "0.5"]);
    program.endInput("one\ntwo\n");
    expect(await program.end()).toMatchObject({
      status: UNAVAILABLE,
      stderr: expect.stringContaining("to 2 of 2 datagrams"),
    });
  });

  it.each(["\x1b[2J\x07", "first\r\nsecond\r\n", "\xff\xfe\x00\x01"])("is no daytime: %j", async (text) => {
    await using there = await tcpServer((socket) => socket.resume().end(Buffer.from(text, "latin1")));
    expect(await call("daytime", there)).toMatchObject({
      status: PROTOCOL,
      stdout: "",
      stderr: expect.stringContaining("not one line of text"),
    });
  });

  it.each(["\n61373 26-11-29 05:11:22 00 0 0 103.0 UTC(NIST) *\n", "dimanche 1er février\r\n"])(
    "is a daytime in a form of its own: %j",
    async (text) => {
      await using there = await tcpServer((socket) => socket.resume().end(text));
      expect(await call("daytime", there)).toMatchObject({ status: OK, stdout: text });
    },
  );
});

it("a time server that is gone after an answer has lost the rest, and there is a report", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.once("message", (bytes, { port, address }) => {
    bytes[0] = 2;
    socket.send(bytes, port, address, () => socket.close());
  });
  const endpoint = `udp://127.0.0.1:${socket.address().port}`;
  const args = ["call", "time-query", endpoint, "--count", "3", "--interval", "0.1", "--timeout", "0.5"];
  const { status, stdout } = await portolan(args);
  expect({ status, stdout }).toEqual({ status: OK, stdout: expect.stringContaining("1 answered, 0 late, 2 lost") });
});

describe.concurrent("what the user gives", () => {
  it.each(["discard", "echo", "truncate"])("is too long for a datagram of %s", async (name) => {
    await using there = await udpServer(() => {});
    await using program = start(["call", name, there.endpoint]);
    program.endInput("a".repeat(65_508));
    expect(await program.end()).toMatchObject({
      status: DATAERR,
      stderr: expect.stringContaining("line 1 is longer than 65507 bytes"),
    });
    const { status } = await portolan(["call", name, there.endpoint, "--message", "a".repeat(65_508)]);
    expect(status).toBe(DATAERR);
  });

  it("is told to machines, as are errors of system calls", async () => {
    const there = await tcpServer(() => {});
    await there[Symbol.asyncDispose]();
    const { status, stdout } = await portolan(["call", "echo", there.endpoint, "--message", "hi", "--json"]);
    expect(status).toBe(UNAVAILABLE);
    expect(JSON.parse(stdout)).toMatchObject({ event: "error", code: "ECONNREFUSED", syscall: "connect" });
  });
});

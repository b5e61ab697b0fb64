/** Descriptors over unix sockets: among ourselves, to and from Python, too many, lost ones, and none left open. */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, listen, MAX_DESCRIPTORS, Socket } from "portolan";
import { AF_INET, F_GETFD, FD_CLOEXEC, SOCK_STREAM } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { close, fcntl } from "portolan/sys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needsProgram, outputOf } from "../support/programs.ts";
import { failureOf, tcpPair } from "../support/socket-pairs.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-"));
  writeFileSync(join(folder, "note"), "from a file");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  closeThreadReactor();
});

const openCount = (): number => readdirSync("/proc/self/fd").length;
const entry = new URL("../../dist/socket/index.js", import.meta.url).href;

/** Reads what a received descriptor of a file holds, and closes it. */
function contentOf(fd: number): string {
  const bytes = Buffer.alloc(100);
  const length = readSync(fd, bytes, 0, 100, 0);
  closeSync(fd);
  return bytes.toString("utf8", 0, length);
}

describe.for(["stream", "dgram", "seqpacket"] as const)("over a unix %s pair", (type) => {
  it("sockets, numbers and file handles arrive, in order and close-on-exec", async () => {
    const [one, other] = Socket.pair(type);
    using _one = one;
    using _other = other;
    const [client, server] = tcpPair();
    using _client = client;
    const file = openSync(join(folder, "note"), "r");
    await using handle = await open(join(folder, "note"));
    await one.sendDescriptors([server, file, handle], "three");
    server.close();
    closeSync(file);
    const { descriptors, bytes, closedCount, truncated } = await other.receiveDescriptors({ max: 3 });
    expect([descriptors.length, bytes.toString(), closedCount, truncated]).toEqual([3, "three", 0, false]);
    for (const fd of descriptors) expect(fcntl(fd, F_GETFD) & FD_CLOEXEC).toBe(FD_CLOEXEC);
    const [connection, first, second] = descriptors as [number, number, number];
    expect([contentOf(first), contentOf(second)]).toEqual(["from a file", "from a file"]);
    using received = Socket.from(connection);
    expect([received.state, received.remoteAddress]).toEqual(["connected", client.localAddress]);
    await received.sendAll("over the passed descriptor");
    expect((await client.recv(100)).toString()).toBe("over the passed descriptor");
  });

  it("those beyond the limit are closed, and the first are good", () => {
    const [one, other] = Socket.pair(type);
    using _one = one;
    using _other = other;
    const before = openCount();
    one.sendDescriptorsSync(Array(9).fill(one), "x");
    const { descriptors, closedCount } = other.receiveDescriptorsSync({ max: 2 });
    expect([descriptors.length, closedCount, openCount()]).toEqual([2, 7, before + 2]);
    for (const fd of descriptors) close(fd);
    one.sendDescriptorsSync([one], "x");
    expect(other.receiveDescriptorsSync({ max: 0 })).toMatchObject({ descriptors: [], closedCount: 1 });
    expect(openCount()).toBe(before);
  });
});

describe("sendDescriptors", () => {
  it("waits for room and for the rest of a long message, and sends the descriptors once", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    const long = Buffer.alloc(3_000_000, "x");
    const sending = one.sendDescriptors([one], long);
    let length = 0;
    const counts: number[] = [];
    while (length < long.length) {
      const { descriptors, bytes } = await other.receiveDescriptors({ max: 5, sizeBytes: 1_000_000 });
      for (const fd of descriptors) close(fd);
      counts.push(descriptors.length);
      length += bytes.length;
    }
    await sending;
    expect([length, counts[0], counts.slice(1).every((count) => count === 0)]).toEqual([long.length, 1, true]);
  });

  it("sends as many as a message can carry, none, and not one more", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    one.sendDescriptorsSync(Array(MAX_DESCRIPTORS).fill(one));
    const { descriptors, bytes } = other.receiveDescriptorsSync({ max: MAX_DESCRIPTORS });
    expect([descriptors.length, [...bytes]]).toEqual([MAX_DESCRIPTORS, [0]]);
    for (const fd of descriptors) close(fd);
    one.sendDescriptorsSync([], "bytes alone");
    expect(other.receiveDescriptorsSync()).toMatchObject({ descriptors: [], bytes: Buffer.from("bytes alone") });
    const error = await failureOf(() => one.sendDescriptors(Array(MAX_DESCRIPTORS + 1).fill(one)));
    expect(error.message).toBe("one message carries at most 253 descriptors, not 254");
  });

  it("refuses what cannot be", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    using tcp = new Socket("inet", "stream");
    const closed = new Socket("unix", "stream");
    closed.close();
    const table: [() => unknown, string, string][] = [
      [() => tcp.sendDescriptors([one]), "TypeError", "descriptors travel over sockets of AF_UNIX only"],
      [() => tcp.receiveDescriptors(), "TypeError", "descriptors travel over sockets of AF_UNIX only"],
      [() => one.sendDescriptors([one], ""), "RangeError", "at least one byte of a stream"],
      [() => one.sendDescriptors([-1]), "TypeError", "a descriptor is a whole number from 0 up"],
      [() => one.sendDescriptors(["3" as never]), "TypeError", "a descriptor is a whole number from 0 up"],
      [() => one.sendDescriptors([closed]), "SystemError", "EBADF: what was given is closed"],
      [() => one.sendDescriptors([999_999]), "SystemError", "sendmsg EBADF"],
      [() => one.receiveDescriptors({ max: 254 }), "RangeError", "max is an integer from 0 to 253, not 254"],
      [() => one.receiveDescriptors({ max: -1 }), "RangeError", "max is an integer"],
    ];
    for (const [call, name, message] of table) {
      const error = await failureOf(call);
      expect([error.name, error.message]).toEqual([name, expect.stringContaining(message)]);
    }
    expect((await failureOf(() => one.sendDescriptors([999_999]))).message).toContain("is not open");
    other.close();
    expect(await failureOf(() => one.sendDescriptors([one]))).toMatchObject({ code: "EPIPE" });
  });
});

describe("receiveDescriptors", () => {
  it("tells the end of a stream, waits with a limit, and stays usable", async () => {
    const [one, other] = Socket.pair();
    using _other = other;
    const error = await failureOf(() => other.receiveDescriptors({ timeoutMs: 0 }));
    expect(error).toMatchObject({ code: "ETIMEDOUT", syscall: "recvmsg" });
    const waiting = other.receiveDescriptors();
    one.sendDescriptorsSync([one]);
    const { descriptors } = await waiting;
    close(descriptors[0] as number);
    one.close();
    expect(await other.receiveDescriptors()).toMatchObject({ descriptors: [], bytes: Buffer.alloc(0) });
  });

  it("says who sent them, where SO_PASSCRED asks for it", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    other.setOption("SO_PASSCRED", true);
    await one.sendDescriptors([one]);
    const { descriptors, credentials } = await other.receiveDescriptors();
    close(descriptors[0] as number);
    expect(credentials).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  });

  it("closes the rest when some are lost because no number is free", async () => {
    const fixture = fileURLToPath(new URL("../fixtures/descriptors/no-room.mjs", import.meta.url));
    const child = spawn("sh", ["-c", `ulimit -n 256; exec "$0" "$@"`, process.execPath, fixture, entry], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { before, after, received } = JSON.parse(await outputOf(child));
    expect(received).toEqual({ descriptors: 0, text: "x", truncated: true, closedCount: 2 });
    expect(after).toBe(before);
  });

  it("leaves nothing open in ten thousand rounds", () => {
    const [one, other] = Socket.pair("seqpacket");
    using _one = one;
    using _other = other;
    const before = openCount();
    for (let i = 0; i < 10_000; i++) {
      one.sendDescriptorsSync([one, other, one]);
      const { descriptors } = other.receiveDescriptorsSync({ max: i % 4 });
      for (const fd of descriptors) close(fd);
    }
    expect(openCount()).toBe(before);
  });
});

describe("a passed connection", () => {
  it("lives as long as it is under way, though nobody has it open", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    const [client, server] = tcpPair();
    using _client = client;
    await one.sendDescriptors([server]);
    server.close();
    await client.sendAll("into the queue");
    const { descriptors } = await other.receiveDescriptors();
    {
      using received = Socket.from(descriptors[0] as number);
      expect((await received.recv(100)).toString()).toBe("into the queue");
    }
    expect((await client.recv(1)).length).toBe(0);
    other.close();
  });

  it("ends when the queue that it is in is thrown away", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    const [client, server] = tcpPair();
    using _client = client;
    await one.sendDescriptors([server]);
    server.close();
    other.close();
    expect((await client.recv(1)).length).toBe(0);
  });
});

describe("Python", () => {
  it("receives ours with recv_fds", async (context) => {
    needsProgram(context, "python3", ["-c", "1"]);
    const path = join(folder, "to-python");
    using listener = await listen(`unix://${path}`);
    const program = `
import array, os, socket, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
peer.connect(sys.argv[1])
text, fds, flags, address = socket.recv_fds(peer, 100, 5)
connection = socket.socket(fileno=fds[0])
connection.setblocking(True)
connection.sendall(text + b" " + os.read(fds[1], 100) + b" by " + str(int(connection.family)).encode())
`;
    const child = spawn("python3", ["-c", program, path], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = outputOf(child);
    using peer = await listener.accept();
    const [client, server] = tcpPair();
    using _client = client;
    const file = openSync(join(folder, "note"), "r");
    await peer.sendDescriptors([server, file], "hello");
    server.close();
    closeSync(file);
    await ended;
    expect((await client.recv(100)).toString()).toBe(`hello from a file by ${AF_INET}`);
    expect((await client.recv(100)).length).toBe(0);
  });

  it("sends us its own with send_fds", async (context) => {
    needsProgram(context, "python3", ["-c", "1"]);
    const path = join(folder, "from-python");
    using listener = await listen(`unix://${path}`);
    const program = `
import os, socket, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
peer.connect(sys.argv[1])
listening = socket.create_server(("127.0.0.1", 0))
reading, writing = os.pipe()
os.write(writing, b"through its pipe")
socket.send_fds(peer, [b"take these"], [listening.fileno(), reading])
`;
    const child = spawn("python3", ["-c", program, path], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = outputOf(child);
    using peer = await listener.accept();
    const { descriptors, bytes } = await peer.receiveDescriptors({ max: 2 });
    await ended;
    expect([bytes.toString(), descriptors.length]).toEqual(["take these", 2]);
    const [listening, pipe] = descriptors as [number, number];
    const text = Buffer.alloc(100);
    expect(text.toString("utf8", 0, readSync(pipe, text))).toBe("through its pipe");
    closeSync(pipe);
    using inherited = Socket.from(listening);
    expect([inherited.state, inherited.type]).toEqual(["listening", SOCK_STREAM]);
    const { port } = inherited.localAddress as { port: number };
    using client = await connect(`tcp://127.0.0.1:${port}`);
    using server = await inherited.accept();
    await client.sendAll("its maker is gone");
    expect((await server.recv(100)).toString()).toBe("its maker is gone");
  });
});

/** Programs that are started with sockets: cat as inetd starts it, Python with fd 0 and with fd 3, and who keeps what alive. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, listen, Socket, spawnWithSockets } from "portolan";
import { F_GETFL, O_NONBLOCK } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { fcntl } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { needsProgram, outputOf } from "../support/programs.ts";
import { failureOf, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const isNonBlocking = (fd: number): boolean => (fcntl(fd, F_GETFL) & O_NONBLOCK) !== 0;

describe("spawnWithSockets", () => {
  it("gives a connection to cat as its input and output, and cat echoes", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    const child = spawnWithSockets("cat", [], { stdio: [server, server, "inherit"] });
    const ended = once(child, "exit");
    server.close();
    await client.sendAll("through cat");
    expect((await client.recv(100)).toString()).toBe("through cat");
    client.shutdown("write");
    expect((await client.recv(100)).length).toBe(0);
    expect(await ended).toEqual([0, null]);
  });

  it("gives one socket as input, output and error: the program sees who is there", async (context) => {
    needsProgram(context, "python3", ["-c", "1"]);
    const [client, server] = tcpPair();
    using _client = client;
    const program = `
import os, socket, sys
peer = socket.fromfd(0, socket.AF_INET, socket.SOCK_STREAM)
print("peer %s:%d" % peer.getpeername(), "blocking", os.get_blocking(0))
print("and errors", file=sys.stderr)
`;
    const child = spawnWithSockets("python3", ["-u", "-c", program], { stdio: server });
    const ended = once(child, "exit");
    server.close();
    const text = await client.readExactly("peer 127.0.0.1:00000 blocking True\nand errors\n".length, {
      timeoutMs: 30_000,
    });
    const { port } = client.localAddress as { port: number };
    expect(String(text)).toBe(`peer 127.0.0.1:${port} blocking True\nand errors\n`);
    expect(await ended).toEqual([0, null]);
  });

  it("gives sockets from descriptor 3 up, blocking, and no other", async (context) => {
    needsProgram(context, "python3", ["-c", "1"]);
    using listener = await listen("tcp://127.0.0.1:0");
    using udp = await listen("udp://127.0.0.1:0");
    const program = `
import os, socket
listener = socket.socket(fileno=3)
datagrams = socket.socket(fileno=4)
print(int(listener.type), int(datagrams.type), os.get_blocking(3), os.get_blocking(4))
links = {int(name): "/proc/self/fd/" + name for name in os.listdir("/proc/self/fd") if int(name) > 2}
print(sorted(fd for fd in links if os.path.lexists(links[fd]) and os.readlink(links[fd]).startswith("socket:")))
peer, address = listener.accept()
peer.sendall(b"accepted elsewhere")
`;
    const child = spawnWithSockets("python3", ["-c", program], {
      stdio: ["ignore", "pipe", "inherit"],
      sockets: [listener, udp],
    });
    const ended = outputOf(child);
    using client = await connect(`tcp://127.0.0.1:${(listener.localAddress as { port: number }).port}`);
    expect((await client.recv(100)).toString()).toBe("accepted elsewhere");
    expect(await ended).toBe("1 2 True True\n[3, 4]\n");
    expect(listener.tryAccept()).toBeUndefined();
  });

  it("leaves O_NONBLOCK alone where it is told to, but for the standard streams", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    const child = spawnWithSockets("true", [], {
      stdio: [one, "inherit", "inherit"],
      sockets: [other],
      blocking: false,
    });
    await once(child, "exit");
    expect([isNonBlocking(one.fd), isNonBlocking(other.fd)]).toEqual([false, true]);
    // The calls of Socket do not block all the same.
    expect(one.tryRecv(new Uint8Array(1))).toBeUndefined();
  });

  it("refuses what cannot be given, and reports what cannot be started as Node does", async () => {
    const closed = new Socket("unix", "stream");
    closed.close();
    const table: [() => unknown, string, string][] = [
      [() => spawnWithSockets("true", [], { stdio: ["pipe"] as never }), "TypeError", "stdio has three entries"],
      [() => spawnWithSockets("true", [], { sockets: [closed] }), "SystemError", "EBADF"],
      [() => spawnWithSockets("true", [], { sockets: [-1] }), "TypeError", "a descriptor is a whole number"],
      [() => spawnWithSockets("true", [], { sockets: Array(1025).fill(0) }), "RangeError", "at most 1024"],
    ];
    for (const [call, name, message] of table) {
      const error = await failureOf(call);
      expect([error.name, error.message]).toEqual([name, expect.stringContaining(message)]);
    }
    const child = spawnWithSockets("/proc/nonexistent/program");
    const [error] = (await once(child, "error")) as [Error & { code: string }];
    expect(error.code).toBe("ENOENT");
  });
});

describe("who keeps a connection alive", () => {
  it("a parent that keeps the descriptor does: the client sees no end when the child is done", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    const child = spawnWithSockets("true", [], { stdio: [server, server, "inherit"] });
    await once(child, "exit");
    expect(await failureOf(() => client.recv(1, { timeoutMs: 50 }))).toMatchObject({ code: "ETIMEDOUT" });
    server.close();
    expect((await client.recv(1)).length).toBe(0);
  });

  it("a child that keeps it does: the parent's close ends nothing", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    const child = spawnWithSockets("cat", [], { stdio: [server, server, "inherit"] });
    const ended = once(child, "exit");
    server.close();
    await client.sendAll("x");
    expect((await client.recv(1)).toString()).toBe("x");
    child.kill();
    await ended;
    expect((await client.recv(1)).length).toBe(0);
  });

  it("nobody does after shutdown: it ends the connection for all, and the child reads the end", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    const child = spawnWithSockets("cat", [], { stdio: [server, server, "inherit"] });
    const ended = once(child, "exit");
    server.shutdown("both");
    expect((await client.recv(1)).length).toBe(0);
    expect(await ended).toEqual([0, null]);
    expect(server.closed).toBe(false);
    server.close();
  });

  it("descriptors that were made close-on-exec are not among those of any other child", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    const child = spawn("cat", { stdio: ["pipe", "ignore", "inherit"] });
    server.close();
    expect((await client.recv(1)).length).toBe(0);
    child.stdin.end();
    await once(child, "exit");
  });
});

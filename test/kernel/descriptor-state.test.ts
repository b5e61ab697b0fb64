/** A descriptor from elsewhere: the kernel tells its family, type, protocol and what it is doing. */
import { closeSync, openSync } from "node:fs";
import {
  connect,
  isSystemError,
  listen,
  listenGroup,
  listenGroupSync,
  listenSync,
  Socket,
  type SocketState,
  sockfd_to_family,
} from "portolan";
import * as abi from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { dup, fcntl } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, hasInet6, tcpListener, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** The socket as a stranger gets it: another number, of which nothing is known. */
function unknown(socket: Socket): Socket {
  return Socket.from(dup(socket.fd));
}

/** Bound to a port by its number, which the kernel treats as the program's own choice. */
async function udpAtNumberedPort(): Promise<Socket> {
  for (;;) {
    using probe = await listen("udp://127.0.0.1:0");
    const { port } = probe.localAddress as { port: number };
    probe.close();
    try {
      return await listen(`udp://127.0.0.1:${port}`);
    } catch (error) {
      if (!isSystemError(error, "EADDRINUSE")) throw error;
    }
  }
}

describe("Socket.from", () => {
  const kinds: [name: string, family: number, type: number, protocol: number, expected: number][] = [
    ["TCP", abi.AF_INET, abi.SOCK_STREAM, 0, abi.IPPROTO_TCP],
    ["UDP", abi.AF_INET, abi.SOCK_DGRAM, 0, abi.IPPROTO_UDP],
    ["UDP-Lite", abi.AF_INET, abi.SOCK_DGRAM, abi.IPPROTO_UDPLITE, abi.IPPROTO_UDPLITE],
    ["TCP over IPv6", abi.AF_INET6, abi.SOCK_STREAM, 0, abi.IPPROTO_TCP],
    ["a unix stream", abi.AF_UNIX, abi.SOCK_STREAM, 0, 0],
    ["a unix datagram socket", abi.AF_UNIX, abi.SOCK_DGRAM, 0, 0],
    ["unix seqpacket", abi.AF_UNIX, abi.SOCK_SEQPACKET, 0, 0],
    ["netlink", abi.AF_NETLINK, abi.SOCK_RAW, abi.NETLINK_ROUTE, abi.NETLINK_ROUTE],
  ];
  it.for(kinds)("finds family, type and protocol of %s", ([, family, type, protocol, expected], ctx) => {
    if (family === abi.AF_INET6 && !hasInet6) ctx.skip("this machine has no IPv6");
    using socket = new Socket(family, type, protocol);
    using found = unknown(socket);
    expect([found.family, found.type, found.protocol, found.state]).toEqual([family, type, expected, "unbound"]);
    expect([sockfd_to_family(found), sockfd_to_family(found.fd)]).toEqual([family, family]);
  });

  it("finds the peer of a connection, and keeps it when the connection is lost", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using found = unknown(server);
    expect(found.remoteAddress).toEqual(client.localAddress);
    server.close();
    client.lingerSeconds = 0;
    const peer = client.localAddress;
    client.close();
    expect(await failureOf(() => found.recv(1))).toMatchObject({ code: "ECONNRESET" });
    expect([found.remoteAddress, found.state]).toEqual([peer, "bound"]);
  });

  it("refuses what is no socket, saying what it is instead", async () => {
    const file = openSync("/dev/null", "r");
    try {
      const error = await failureOf(() => Socket.from(file));
      expect(error.message).toBe(`getsockopt ENOTSOCK descriptor ${file}: the descriptor is not a socket`);
      expect(await failureOf(() => sockfd_to_family(file))).toMatchObject({ code: "ENOTSOCK" });
    } finally {
      closeSync(file);
    }
    const error = await failureOf(() => Socket.from(999_999));
    expect(error.message).toBe("getsockopt EBADF descriptor 999999: no descriptor of this number is open");
    for (const wrong of [1.5, -1, "3", null, {}, { fd: "3" }]) {
      expect((await failureOf(() => sockfd_to_family(wrong as never))).name).toBe("TypeError");
    }
    const closed = new Socket("unix", "stream");
    closed.close();
    expect(await failureOf(() => sockfd_to_family(closed))).toMatchObject({ code: "EBADF" });
  });
});

describe("state", () => {
  it("follows a TCP socket from its making to its end", async () => {
    using listener = new Socket("inet", "stream");
    const states: SocketState[] = [listener.state];
    listener.bind("tcp://127.0.0.1:0");
    states.push(listener.state);
    listener.listen();
    states.push(listener.state);
    expect(states).toEqual(["unbound", "bound", "listening"]);
    using client = await connect(`tcp://127.0.0.1:${(listener.localAddress as { port: number }).port}`);
    using server = await listener.accept();
    expect([client.state, server.state]).toEqual(["connected", "connected"]);
    server.shutdown("write");
    expect((await client.recv(1)).length).toBe(0);
    expect(client.state).toBe("connected");
    client.disconnect();
    expect(client.remoteAddress).toBeUndefined();
  });

  it("knows a handshake that nobody answers", () => {
    using listener = tcpListener();
    // The queue holds one connection more than asked for; then the kernel drops what comes, and clients go on asking.
    listener.listen(0);
    using first = new Socket("inet", "stream");
    first.connectSync(listener.localAddress);
    using second = new Socket("inet", "stream");
    expect([second.tryConnect(listener.localAddress), second.state]).toEqual(["EINPROGRESS", "connecting"]);
  });

  it("tells bound from unbound in every family", () => {
    using udp = new Socket("inet", "dgram");
    using unix = new Socket("unix", "dgram");
    using netlink = new Socket("netlink", "raw");
    expect([udp.state, unix.state, netlink.state]).toEqual(["unbound", "unbound", "unbound"]);
    udp.bind("udp://127.0.0.1:0");
    unix.bind({ family: "unix", kind: "unnamed" });
    netlink.bind({ family: "netlink", pid: 0, groups: 0 });
    expect([udp.state, unix.state, netlink.state]).toEqual(["bound", "bound", "bound"]);
    udp.connectSync(udp.localAddress);
    expect(udp.state).toBe("connected");
  });
});

describe("dup", () => {
  it("makes a second, close-on-exec descriptor of one open file", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    using twin = client.dup();
    expect(twin.fd).not.toBe(client.fd);
    expect(fcntl(twin.fd, abi.F_GETFD) & abi.FD_CLOEXEC).toBe(abi.FD_CLOEXEC);
    expect([twin.family, twin.type, twin.localAddress]).toEqual([client.family, client.type, client.localAddress]);
    twin.noDelay = true;
    expect(client.noDelay).toBe(true);
    client.close();
    await twin.sendAll("still here");
    expect((await server.recv(100)).toString()).toBe("still here");
  });

  it("keeps the connection alive until the last is closed, and shutdown ends it for all", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const twin = client.dup();
    client.close();
    expect((await failureOf(() => server.recv(1, { timeoutMs: 0 }))).code).toBe("ETIMEDOUT");
    using third = twin.dup();
    twin.shutdown("write");
    expect((await server.recv(1)).length).toBe(0);
    expect(await failureOf(() => third.send("x"))).toMatchObject({ code: "EPIPE" });
    twin.close();
  });
});

describe("setNonBlocking", () => {
  it("changes the open file for all who have it, and no call blocks all the same", async () => {
    using listener = await listen("tcp://127.0.0.1:0");
    using twin = listener.dup();
    const isNonBlocking = (): boolean => (fcntl(twin.fd, abi.F_GETFL) & abi.O_NONBLOCK) !== 0;
    expect(isNonBlocking()).toBe(true);
    listener.setNonBlocking(false);
    expect(isNonBlocking()).toBe(false);
    expect(listener.tryAccept()).toBeUndefined();
    expect(isNonBlocking()).toBe(true);
  });
});

describe("disconnect", () => {
  it("lets a datagram socket hear from anybody again", async () => {
    using one = await listen("udp://127.0.0.1:0");
    using other = await listen("udp://127.0.0.1:0");
    using socket = await udpAtNumberedPort();
    socket.connectSync(one.localAddress);
    await other.sendTo("unheard", socket.localAddress);
    await one.sendTo("heard", socket.localAddress);
    expect((await socket.recvFrom(100)).bytes.toString()).toBe("heard");
    socket.disconnect();
    expect([socket.remoteAddress, socket.state]).toEqual([undefined, "bound"]);
    await other.sendTo("heard, too", socket.localAddress);
    expect((await socket.recvFrom(100)).bytes.toString()).toBe("heard, too");
    expect(await failureOf(() => socket.send("x"))).toMatchObject({ code: "EDESTADDRREQ" });
  });

  it("gives back a port that the kernel chose", async () => {
    using one = await listen("udp://127.0.0.1:0");
    using socket = await listen("udp://127.0.0.1:0");
    socket.connectSync(one.localAddress);
    expect(socket.localAddress).toMatchObject({ address: "127.0.0.1", port: expect.any(Number) });
    socket.disconnect();
    expect([socket.state, socket.localAddress]).toEqual(["unbound", expect.objectContaining({ port: 0 })]);
  });

  it("resets a TCP connection, whose socket may connect anew", async () => {
    using listener = tcpListener();
    using client = new Socket("inet", "stream");
    await client.connect(listener.localAddress);
    using first = await listener.accept();
    client.disconnect();
    expect(await failureOf(() => first.recv(1))).toMatchObject({ code: "ECONNRESET" });
    await client.connect(listener.localAddress);
    using second = await listener.accept();
    await client.sendAll("again");
    expect((await second.recv(10)).toString()).toBe("again");
  });

  it("is refused by a unix stream", async () => {
    const [one, other] = Socket.pair();
    using _one = one;
    using _other = other;
    const error = await failureOf(() => one.disconnect());
    expect(error).toMatchObject({ code: "EINVAL", syscall: "connect" });
  });
});

describe("peerCredentials", () => {
  it("are those of the process at the other end of a unix connection", async () => {
    using listener = await listen(`unix://@portolan-credentials-${process.pid}`);
    using client = await connect(`unix://@portolan-credentials-${process.pid}`);
    using server = await listener.accept();
    const own = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    expect([client.peerCredentials, server.peerCredentials]).toEqual([own, own]);
  });

  it("are undefined where there is no such peer", () => {
    using unix = new Socket("unix", "stream");
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    expect([unix.peerCredentials, client.peerCredentials]).toEqual([undefined, undefined]);
  });
});

describe("listenGroup", () => {
  it("opens listeners at one port, and each gets its share", async () => {
    const group = await listenGroup("tcp://127.0.0.1:0", 4);
    const clients: Socket[] = [];
    try {
      expect(new Set(group.map(({ localAddress }) => JSON.stringify(localAddress))).size).toBe(1);
      expect(group.map((socket) => [socket.state, socket.reusePort])).toEqual(Array(4).fill(["listening", true]));
      const shares = group.map(() => 0);
      // The hash is over addresses and ports: of 200 connections, each listener gets some but for a chance of 1e-25.
      for (let i = 0; i < 200; i++) {
        const client = new Socket("inet", "stream");
        clients.push(client);
        client.connectSync((group[0] as Socket).localAddress);
      }
      group.forEach((listener, index) => {
        for (let peer = listener.tryAccept(); peer !== undefined; peer = listener.tryAccept()) {
          shares[index] = (shares[index] as number) + 1;
          peer.close();
        }
      });
      expect(shares.reduce((sum, share) => sum + share)).toBe(200);
      for (const share of shares) expect(share).toBeGreaterThan(0);
    } finally {
      for (const socket of [...group, ...clients]) socket.close();
    }
  });

  it("spreads datagrams by their senders: one sender's reach one socket", async () => {
    const group = await listenGroup("udp://127.0.0.1:0", 3);
    try {
      using sender = new Socket("inet", "dgram");
      for (let i = 0; i < 10; i++) await sender.sendTo(`${i}`, (group[0] as Socket).localAddress);
      const counts = group.map((socket) => {
        let count = 0;
        while (socket.tryRecv(new Uint8Array(10)) !== undefined) count++;
        return count;
      });
      expect([...counts].sort()).toEqual([0, 0, 10]);
    } finally {
      for (const socket of group) socket.close();
    }
  });

  it("has a blocking twin", () => {
    const group = listenGroupSync("tcp://[::1]:0", 3, { backlog: 5 });
    try {
      expect(new Set(group.map(({ localAddress }) => JSON.stringify(localAddress))).size).toBe(1);
      expect(group.map((socket) => [socket.state, socket.reusePort])).toEqual(Array(3).fill(["listening", true]));
    } finally {
      for (const socket of group) socket.close();
    }
    expect(() => listenGroupSync("udp://127.0.0.1:0", 1025)).toThrow(RangeError);
    expect(() => listenGroupSync("unix://@x", 2)).toThrow("SO_REUSEPORT is about ports");
    using taken = listenSync("tcp://127.0.0.1:0");
    const { port } = taken.localAddress as { port: number };
    expect(() => listenGroupSync(`tcp://127.0.0.1:${port}`, 2)).toThrow("EADDRINUSE");
  });

  it("refuses what cannot be, and leaves nothing open", async () => {
    expect((await failureOf(() => listenGroup("tcp://127.0.0.1:0", 0))).name).toBe("RangeError");
    expect((await failureOf(() => listenGroup("unix:///tmp/x", 2))).message).toContain("SO_REUSEPORT is about ports");
    using taken = await listen("tcp://127.0.0.1:0");
    const { port } = taken.localAddress as { port: number };
    expect(await failureOf(() => listenGroup(`tcp://127.0.0.1:${port}`, 2))).toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("names from other systems", () => {
  it("are aliases", () => {
    expect([abi.PF_INET, abi.PF_INET6, abi.PF_UNIX, abi.PF_LOCAL, abi.PF_PACKET, abi.PF_NETLINK]).toEqual([
      abi.AF_INET,
      abi.AF_INET6,
      abi.AF_UNIX,
      abi.AF_LOCAL,
      abi.AF_PACKET,
      abi.AF_NETLINK,
    ]);
    expect([abi.AF_ROUTE, abi.PF_ROUTE]).toEqual([abi.AF_NETLINK, abi.AF_NETLINK]);
    using socket = new Socket(abi.AF_ROUTE, "raw");
    expect(socket.family).toBe(abi.AF_NETLINK);
  });
});

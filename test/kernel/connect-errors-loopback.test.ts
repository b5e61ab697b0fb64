/** How calls on sockets fail, each failure made on purpose on the loopback and named. What needs routes is next door. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listen, Socket, type SystemError } from "portolan";
import { AF_INET, BPF_K, BPF_RET, IPPROTO_TCP, MSG_OOB } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { Produced } from "../support/error-shape.ts";
import { failureOf, hasInet6, tcpListener, tcpPair, withFolder } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const produced = new Produced();
/** A filter of one instruction that lets nothing through: packets are lost, and nobody is told. */
const DROP_ALL = [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 0 }];

/** A port at which nothing listens: it was just given back. */
function freePort(type: "stream" | "dgram" = "stream"): number {
  using socket = new Socket("inet", type);
  socket.bind({ family: "inet", address: "127.0.0.1", port: 0 });
  return (socket.localAddress as { port: number }).port;
}

const to = (port: number, address = "127.0.0.1") => ({ family: "inet", address, port }) as const;

/** A listener that neither answers nor refuses: its SYNs are filtered out. */
function silentListener(): Socket {
  const listener = tcpListener();
  listener.setOption("SO_ATTACH_FILTER", DROP_ALL);
  return listener;
}

describe("connect", () => {
  it("ECONNREFUSED: nothing listens, over TCP and at a socket file that nobody has any more", async () => {
    using socket = new Socket("inet", "stream");
    const port = freePort();
    const error = await produced.by(() => socket.connect(to(port)), "connect", "ECONNREFUSED", "both");
    expect(error).toMatchObject({ address: "127.0.0.1", port });
    using blocking = new Socket("inet", "stream");
    await produced.by(() => blocking.connectSync(to(port)), "connect", "ECONNREFUSED", "both");
    await withFolder(async (folder) => {
      const path = join(folder, "stale");
      using bound = new Socket("unix", "stream");
      bound.bind(`unix://${path}`);
      using client = new Socket("unix", "stream");
      await produced.by(() => client.connect(`unix://${path}`), "connect", "ECONNREFUSED", "remote");
    });
  });

  it("ETIMEDOUT: after the caller's limit, or the kernel's own patience", async () => {
    using listener = silentListener();
    using hurried = new Socket("inet", "stream");
    const connecting = () => hurried.connect(listener.localAddress, { timeoutMs: 20 });
    const limit = await produced.by(connecting, "connect", "ETIMEDOUT", "both");
    expect(limit.message).toContain("the caller's limit of 20 ms has passed");
    using blocking = new Socket("inet", "stream");
    const waiting = () => blocking.connectSync(listener.localAddress, { timeoutMs: 20 });
    await produced.by(waiting, "connect", "ETIMEDOUT", "both");
    using patient = new Socket("inet", "stream");
    patient.setOption("TCP_USER_TIMEOUT", 100);
    const own = await produced.by(() => patient.connect(listener.localAddress), "connect", "ETIMEDOUT", "both");
    expect(own.message).toContain("no answer: the host is down, or a firewall drops what is sent there");
  });

  it("ETIMEDOUT: after as many SYNs as TCP_SYNCNT says", async () => {
    using listener = silentListener();
    using socket = new Socket("inet", "stream");
    socket.setOption("TCP_SYNCNT", 1);
    await produced.by(() => socket.connect(listener.localAddress), "connect", "ETIMEDOUT", "both");
  });

  it("EALREADY and EISCONN: it is under way, it is done", async () => {
    using silent = silentListener();
    using waiting = new Socket("inet", "stream");
    await failureOf(() => waiting.connect(silent.localAddress, { timeoutMs: 0 }));
    await produced.by(() => waiting.connect(silent.localAddress), "connect", "EALREADY", "both");
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await produced.by(() => client.connect(to(freePort())), "connect", "EISCONN", "both");
  });

  it("EADDRNOTAVAIL: the very connection exists already", async () => {
    using listener = tcpListener();
    using first = new Socket("inet", "stream");
    using second = new Socket("inet", "stream");
    for (const socket of [first, second]) socket.reuseAddress = true;
    first.bind(to(0));
    second.bind(first.localAddress);
    await first.connect(listener.localAddress);
    await produced.by(() => second.connect(listener.localAddress), "connect", "EADDRNOTAVAIL", "both");
  });

  it("EACCES and EAFNOSUPPORT: a broadcast address unasked for, another family", async () => {
    using udp = new Socket("inet", "dgram");
    const broadcast = to(9, "127.255.255.255");
    await produced.by(() => udp.connect(broadcast), "connect", "EACCES", "both");
    await produced.by(() => udp.sendTo("x", broadcast), "sendto", "EACCES", "both");
    udp.broadcast = true;
    await udp.connect(broadcast);
    using socket = new Socket("inet", "stream");
    await produced.by(() => socket.connect("tcp://[::1]:80"), "connect", "EAFNOSUPPORT", "remote");
    await produced.by(() => socket.bind("tcp://[::1]:80"), "bind", "EAFNOSUPPORT", "remote");
  });

  it("ENOENT, EPROTOTYPE, EACCES and EAGAIN: what is at the path of a unix socket", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "socket");
      using client = new Socket("unix", "stream");
      await produced.by(() => client.connect(`unix://${path}`), "connect", "ENOENT", "remote");
      using datagrams = new Socket("unix", "dgram");
      datagrams.bind(`unix+dgram://${path}`);
      await produced.by(() => client.connect(`unix://${path}`), "connect", "EPROTOTYPE", "remote");
      writeFileSync(join(folder, "file"), "");
      await produced.by(() => client.connect(`unix://${folder}/file`), "connect", "ECONNREFUSED", "remote");
    });
  });
});

describe("tryConnect", () => {
  it("returns what is no failure: EINPROGRESS, EALREADY, EISCONN, connected", async () => {
    using silent = silentListener();
    using waiting = new Socket("inet", "stream");
    expect(waiting.tryConnect(silent.localAddress)).toBe("EINPROGRESS");
    expect(waiting.tryConnect(silent.localAddress)).toBe("EALREADY");
    expect([waiting.state, waiting.takeError()]).toEqual(["connecting", undefined]);
    using listener = tcpListener();
    using socket = new Socket("inet", "stream");
    expect(socket.tryConnect(listener.localAddress)).toBe("EINPROGRESS");
    await socket.ready("writable");
    expect(socket.takeError()).toBeUndefined();
    // Linux confirms the end of the handshake once, to the next call.
    expect(socket.tryConnect(listener.localAddress)).toBe("connected");
    expect(socket.tryConnect(listener.localAddress)).toBe("EISCONN");
    expect(socket.state).toBe("connected");
    using unix = new Socket("unix", "stream");
    using named = await listen(`unix://@portolan-try-${process.pid}`, { backlog: 0 });
    expect(unix.tryConnect(named.localAddress)).toBe("connected");
    using late = new Socket("unix", "stream");
    expect(late.tryConnect(named.localAddress)).toBe("EAGAIN");
    expect(late.state).toBe("unbound");
  });

  it("leaves the failure in SO_ERROR, where takeError finds it, once", async () => {
    using socket = new Socket("inet", "stream");
    const target = to(freePort());
    expect(socket.tryConnect(target)).toBe("EINPROGRESS");
    await socket.ready("writable");
    const error = socket.takeError();
    produced.take(error as SystemError, "connect", "ECONNREFUSED", "both");
    expect(error).toMatchObject({ address: "127.0.0.1", port: target.port });
    expect(socket.takeError()).toBeUndefined();
    // Then Linux has one more call fail, and after that the socket is as new.
    await produced.by(() => socket.tryConnect(target), "connect", "ECONNABORTED", "both");
    using listener = tcpListener();
    expect(socket.tryConnect(listener.localAddress)).toBe("EINPROGRESS");
    await socket.ready("writable");
    expect(socket.takeError()).toBeUndefined();
    using peer = await listener.accept();
    expect(peer.remoteAddress).toEqual(socket.localAddress);
  });

  it("throws what is final", async () => {
    using unix = new Socket("unix", "stream");
    const absent = `unix://@portolan-absent-${process.pid}`;
    await produced.by(() => unix.tryConnect(absent), "connect", "ECONNREFUSED", "remote");
    expect((await failureOf(() => unix.tryConnect("tcp://nowhere:1"))).name).toBe("TypeError");
  });
});

describe("a second connect", () => {
  it("fails on TCP; the first connection goes on", async () => {
    using other = tcpListener();
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await produced.by(() => client.connect(other.localAddress), "connect", "EISCONN", "both");
    await client.sendAll("as before");
    expect((await server.recv(100)).toString()).toBe("as before");
    expect(other.tryAccept()).toBeUndefined();
  });

  it("gives a UDP socket another peer, and AF_UNSPEC takes it away", async () => {
    using one = await listen("udp://127.0.0.1:0");
    using other = await listen("udp://127.0.0.1:0");
    using socket = new Socket("inet", "dgram");
    for (const peer of [one, other]) {
      expect(socket.tryConnect(peer.localAddress)).toBe("connected");
      await socket.send("for you");
      expect((await peer.recv(100)).toString()).toBe("for you");
      expect(socket.remoteAddress).toEqual(peer.localAddress);
    }
    socket.disconnect();
    await produced.by(() => socket.send("x"), "send", "EDESTADDRREQ", "none");
  });
});

describe("bind, listen and accept", () => {
  it("EADDRINUSE: somebody has the address, or listens there", async () => {
    using listener = tcpListener();
    using socket = new Socket("inet", "stream");
    await produced.by(() => socket.bind(listener.localAddress), "bind", "EADDRINUSE", "remote");
    using first = new Socket("inet", "stream");
    using second = new Socket("inet", "stream");
    for (const each of [first, second]) each.reuseAddress = true;
    first.bind(to(0));
    second.bind(first.localAddress);
    first.listen();
    await produced.by(() => second.listen(), "listen", "EADDRINUSE", "remote");
  });

  it("EADDRNOTAVAIL, EINVAL, EOPNOTSUPP, EDESTADDRREQ: an address, a state or a type that cannot", async () => {
    using tcp = new Socket("inet", "stream");
    using udp = new Socket("inet", "dgram");
    using unix = new Socket("unix", "stream");
    await produced.by(() => tcp.bind(to(80, "192.0.2.1")), "bind", "EADDRNOTAVAIL", "remote");
    tcp.bind(to(0));
    await produced.by(() => tcp.bind(to(0)), "bind", "EINVAL", "remote");
    await produced.by(() => tcp.accept(), "accept", "EINVAL", "none");
    await produced.by(() => udp.accept(), "accept", "EOPNOTSUPP", "none");
    await produced.by(() => udp.listen(), "listen", "EOPNOTSUPP", "remote");
    // Linux listens at a unix socket without a name only to refuse: there is nothing to connect to.
    await produced.by(() => unix.listen(), "listen", "EINVAL", "none");
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await produced.by(() => client.listen(), "listen", "EINVAL", "remote");
  });

  it("ENOENT and ENOTDIR: no folder for the name of a unix socket", async () => {
    using unix = new Socket("unix", "stream");
    await produced.by(() => unix.bind("unix:///proc/nonexistent/x"), "bind", "ENOENT", "remote");
    await produced.by(() => unix.bind("unix:///dev/null/x"), "bind", "ENOTDIR", "remote");
  });
});

describe("send and recv", () => {
  it("ENOTCONN and EPIPE: before the connection, and after its end", async () => {
    using fresh = new Socket("inet", "stream");
    await produced.by(() => fresh.recv(1), "recv", "ENOTCONN", "none");
    await produced.by(() => fresh.send("x"), "send", "EPIPE", "none");
    await produced.by(() => fresh.shutdown("both"), "shutdown", "ENOTCONN", "none");
    using unix = new Socket("unix", "dgram");
    await produced.by(() => unix.send("x"), "send", "ENOTCONN", "none");
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    client.shutdown("write");
    await produced.by(() => client.send("x"), "send", "EPIPE", "both");
  });

  it("ECONNRESET, then EPIPE: the peer has closed with unread data, and is written to again", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    await client.sendAll("never read");
    server.close();
    await produced.by(() => client.recv(1), "recv", "ECONNRESET", "both");
    await produced.by(() => client.send("x"), "send", "EPIPE", "both");
    const [other, killer] = tcpPair();
    using _other = other;
    killer.lingerSeconds = 0;
    killer.close();
    await produced.by(() => other.send("x"), "send", "ECONNRESET", "both");
  });

  it("ETIMEDOUT: the caller's limit, or a peer that acknowledges nothing", async () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await produced.by(() => client.recv(1, { timeoutMs: 0 }), "recv", "ETIMEDOUT", "both");
    await produced.by(() => client.recvSync(1, { timeoutMs: 0 }), "recv", "ETIMEDOUT", "both");
    server.setOption("SO_ATTACH_FILTER", DROP_ALL);
    client.setOption("TCP_USER_TIMEOUT", 100);
    await client.sendAll("into the void");
    const error = await produced.by(() => client.recv(1), "recv", "ETIMEDOUT", "both");
    expect(error.message).toContain("the peer stopped answering");
  });

  it("EDESTADDRREQ, EMSGSIZE, EISCONN, EOPNOTSUPP, EINVAL: no destination, too long, in the wrong way", async () => {
    using udp = new Socket("inet", "dgram");
    await produced.by(() => udp.send("x"), "send", "EDESTADDRREQ", "none");
    await produced.by(() => udp.sendTo(new Uint8Array(70_000), to(9)), "sendto", "EMSGSIZE", "both");
    await produced.by(() => udp.sendTo("x", to(9), { flags: MSG_OOB }), "sendto", "EOPNOTSUPP", "both");
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    await produced.by(() => client.recv(1, { flags: MSG_OOB }), "recv", "EINVAL", "both");
    using name = await listen(`unix+dgram://@portolan-elsewhere-${process.pid}`);
    const [one, other] = Socket.pair("stream");
    using _one = one;
    using _other = other;
    await produced.by(() => one.sendTo("x", name.localAddress), "sendto", "EISCONN", "remote");
  });

  it("ECANCELED and EBADF: the socket was closed, while waiting or before", async () => {
    const [client, server] = tcpPair();
    using _server = server;
    const waiting = client.recv(1);
    client.close();
    const error = (await failureOf(() => waiting)) as SystemError;
    expect(error.message).toBe("recv ECANCELED: the socket was closed while the call waited");
    await produced.by(() => client.recv(1), "recv", "EBADF", "none");
    await produced.by(() => client.connect(to(9)), "connect", "EBADF", "none");
  });
});

describe("an answer by ICMP", () => {
  it("reaches a connected UDP socket as ECONNREFUSED, at the next call", async () => {
    using socket = new Socket("inet", "dgram");
    const target = to(freePort("dgram"));
    await socket.connect(target);
    await socket.send("anybody?");
    await produced.by(() => socket.recv(1), "recv", "ECONNREFUSED", "both");
    await socket.send("anybody?");
    await produced.by(() => socket.send("again"), "send", "ECONNREFUSED", "both");
    await socket.send("anybody?");
    produced.take(socket.takeError("send") as SystemError, "send", "ECONNREFUSED", "both");
  });

  it("does not reach an unconnected one, unless IP_RECVERR asks for it: then the queue says who and why", async () => {
    using socket = new Socket("inet", "dgram");
    const target = to(freePort("dgram"));
    await socket.sendTo("anybody?", target);
    expect(socket.tryRecv(new Uint8Array(1))).toBeUndefined();
    expect(socket.takeError()).toBeUndefined();
    socket.setOption("IP_RECVERR", true);
    await socket.sendTo("anybody?", target);
    await produced.by(() => socket.sendTo("again", target), "sendto", "ECONNREFUSED", "both");
    const report = await socket.recvError();
    expect(report).toMatchObject({ destination: target, bytes: Buffer.from("anybody?") });
    expect(report.error).toMatchObject({ code: "ECONNREFUSED", origin: "icmp", eeType: 3, eeCode: 3 });
  });

  it("over IPv6 likewise", async (ctx) => {
    if (!hasInet6) ctx.skip("this machine has no IPv6 loopback");
    using socket = new Socket("inet6", "dgram");
    using probe = await listen("udp://[::1]:0");
    const target = probe.localAddress;
    probe.close();
    await socket.connect(target);
    await socket.send("anybody?");
    await produced.by(() => socket.recv(1), "recv", "ECONNREFUSED", "both");
  });
});

describe("socket", () => {
  it("EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT: what this kernel has not", async () => {
    const subject = " AF_[^:]*";
    await produced.by(() => new Socket(11, "stream"), "socket", "EAFNOSUPPORT", "none", subject);
    const wrong = () => new Socket(AF_INET, "dgram", IPPROTO_TCP);
    await produced.by(wrong, "socket", "EPROTONOSUPPORT", "none", subject);
    await produced.by(() => new Socket("inet", "seqpacket"), "socket", "ESOCKTNOSUPPORT", "none", subject);
  });

  it("EBADF and ENOTSOCK: a number that is no open descriptor, or no socket's", async () => {
    const subject = " descriptor \\d+";
    await produced.by(() => Socket.from(999_999), "getsockopt", "EBADF", "none", subject);
    const file = openSync("/dev/null", "r");
    await produced.by(() => Socket.from(file), "getsockopt", "ENOTSOCK", "none", subject);
    closeSync(file);
  });
});

describe("the causes", () => {
  it("were asked for these calls and codes", () => {
    expect([...produced.seen].sort()).toMatchInlineSnapshot(`
      [
        "accept EINVAL",
        "accept EOPNOTSUPP",
        "bind EADDRINUSE",
        "bind EADDRNOTAVAIL",
        "bind EAFNOSUPPORT",
        "bind EINVAL",
        "bind ENOENT",
        "bind ENOTDIR",
        "connect EACCES",
        "connect EADDRNOTAVAIL",
        "connect EAFNOSUPPORT",
        "connect EALREADY",
        "connect EBADF",
        "connect ECONNABORTED",
        "connect ECONNREFUSED",
        "connect EISCONN",
        "connect ENOENT",
        "connect EPROTOTYPE",
        "connect ETIMEDOUT",
        "getsockopt EBADF",
        "getsockopt ENOTSOCK",
        "listen EADDRINUSE",
        "listen EINVAL",
        "listen EOPNOTSUPP",
        "recv EBADF",
        "recv ECONNREFUSED",
        "recv ECONNRESET",
        "recv EINVAL",
        "recv ENOTCONN",
        "recv ETIMEDOUT",
        "send ECONNREFUSED",
        "send ECONNRESET",
        "send EDESTADDRREQ",
        "send ENOTCONN",
        "send EPIPE",
        "sendto EACCES",
        "sendto ECONNREFUSED",
        "sendto EISCONN",
        "sendto EMSGSIZE",
        "sendto EOPNOTSUPP",
        "shutdown ENOTCONN",
        "socket EAFNOSUPPORT",
        "socket EPROTONOSUPPORT",
        "socket ESOCKTNOSUPPORT",
      ]
    `);
  });
});

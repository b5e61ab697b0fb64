/** Each kind of ancillary data, seen at work: sent, and seen in what arrives; or asked for, and received. */
import { closeSync } from "node:fs";
import { type Ancillary, ancillaryTypes, type ReceivedMessage, Socket } from "portolan";
import {
  IP_RECVORIGDSTADDR,
  IPV6_FLOWINFO,
  IPV6_RECVORIGDSTADDR,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_PKTINFO,
  NETLINK_USERSOCK,
  SO_INQ,
  SO_PASSPIDFD,
  SO_PASSSEC,
  SO_RCVPRIORITY,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPING,
  SO_TIMESTAMPING_NEW,
  SO_TIMESTAMPNS_NEW,
  SO_TXTIME,
  SOF_TIMESTAMPING_OPT_ID,
  SOF_TIMESTAMPING_OPT_TSONLY,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
  SOF_TIMESTAMPING_TX_SOFTWARE,
  SOL_IP,
  SOL_IPV6,
  SOL_NETLINK,
  SOL_SOCKET,
  SOL_TCP,
  TCP_INQ,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { failureOf, hasInet6, pattern, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** The types that a test here or in the namespace has shown, or whose test was skipped with its reason. */
const shown = new Set<string>();

function udp(family: "inet" | "inet6" = "inet"): Socket {
  const socket = new Socket(family, "dgram");
  socket.bind(family === "inet" ? "udp://127.0.0.1:0" : "udp://[::1]:0");
  return socket;
}

/** Sends a datagram with ancillary data to a socket of the same family, and gives what that received. */
function across(server: Socket, control: Ancillary[] = [], data: Uint8Array = Buffer.from("data")): ReceivedMessage {
  using client = new Socket(server.family, "dgram");
  client.sendMessageSync({ data, to: server.localAddress, control });
  return server.recvMessageSync({ sizeBytes: 70_000 }, { timeoutMs: 30_000 });
}

/** What is read of a timestamp, in whichever form. */
interface Stamp {
  readonly unixNs?: bigint;
  readonly softwareNs?: bigint;
}

function shows(...types: readonly Ancillary["type"][]): void {
  for (const type of types) shown.add(type);
}

describe("of internet datagrams", () => {
  it("IP_PKTINFO tells the destination, and chooses the source", () => {
    using server = new Socket("inet", "dgram");
    server.bind("udp://0.0.0.0:0");
    server.setOption("IP_PKTINFO", true);
    const { port } = server.localAddress as { port: number };
    using client = new Socket("inet", "dgram");
    const control = [{ type: "IP_PKTINFO", interfaceIndex: 0, localAddress: "127.0.0.9" } as const];
    client.sendMessageSync({ data: "x", to: `udp://127.0.0.5:${port}`, control });
    const message = server.recvMessageSync({ sizeBytes: 10 });
    expect(message.address).toMatchObject({ address: "127.0.0.9" });
    expect(message.find("IP_PKTINFO")).toMatchObject({ destinationAddress: "127.0.0.5", localAddress: "127.0.0.5" });
    expect(message.find("IP_PKTINFO")?.interfaceIndex).toBeGreaterThan(0);
    shows("IP_PKTINFO");
  });

  it("IP_TTL and IP_TOS are sent and received", () => {
    using server = udp();
    server.setOption("IP_RECVTTL", true);
    server.setOption("IP_RECVTOS", true);
    const message = across(server, [
      { type: "IP_TTL", value: 7 },
      { type: "IP_TOS", value: 0x10 },
    ]);
    expect(message.find("IP_TTL")?.value).toBe(7);
    expect(message.find("IP_TOS")?.value).toBe(0x10);
    shows("IP_TTL", "IP_TOS");
  });

  it("raw data goes by number", () => {
    using server = udp();
    server.setOption("IP_RECVTTL", true);
    const message = across(server, [{ type: "raw", level: SOL_IP, number: 2, data: Uint8Array.of(9, 0, 0, 0) }]);
    expect(message.ancillary).toEqual([{ type: "IP_TTL", value: 9 }]);
  });

  it.skipIf(!hasInet6)("IPV6_PKTINFO, IPV6_HOPLIMIT and IPV6_TCLASS are sent and received", () => {
    using server = udp("inet6");
    for (const option of ["IPV6_RECVPKTINFO", "IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS"] as const) {
      server.setOption(option, true);
    }
    const message = across(server, [
      { type: "IPV6_PKTINFO", interfaceIndex: 0, localAddress: "::1" },
      { type: "IPV6_HOPLIMIT", value: 5 },
      { type: "IPV6_TCLASS", value: 0x20 },
      { type: "IPV6_DONTFRAG", value: 1 },
    ]);
    expect(message.find("IPV6_PKTINFO")).toMatchObject({ localAddress: "::1" });
    expect(message.find("IPV6_HOPLIMIT")?.value).toBe(5);
    expect(message.find("IPV6_TCLASS")?.value).toBe(0x20);
    shows("IPV6_PKTINFO", "IPV6_HOPLIMIT", "IPV6_TCLASS", "IPV6_DONTFRAG");
  });

  it.skipIf(!hasInet6)("IPV6_FLOWINFO tells the traffic class and the flow label", () => {
    using server = udp("inet6");
    server.setRawOption(SOL_IPV6, IPV6_FLOWINFO, 1);
    const message = across(server, [{ type: "IPV6_TCLASS", value: 0x20 }]);
    expect((message.find("IPV6_FLOWINFO")?.value ?? 0) & 0x0ff00000).toBe(0x02000000);
    shows("IPV6_FLOWINFO");
  });

  it("timestamps tell when it came, in each form", () => {
    const rx = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    const forms: [Ancillary["type"], (socket: Socket) => void][] = [
      ["SO_TIMESTAMP", (socket) => socket.setOption("SO_TIMESTAMP", true)],
      ["SO_TIMESTAMP_NEW", (socket) => socket.setRawOption(SOL_SOCKET, SO_TIMESTAMP_NEW, 1)],
      ["SO_TIMESTAMPNS", (socket) => socket.setOption("SO_TIMESTAMPNS", true)],
      ["SO_TIMESTAMPNS_NEW", (socket) => socket.setRawOption(SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)],
      ["SO_TIMESTAMPING", (socket) => socket.setRawOption(SOL_SOCKET, SO_TIMESTAMPING, rx)],
      ["SO_TIMESTAMPING_NEW", (socket) => socket.setRawOption(SOL_SOCKET, SO_TIMESTAMPING_NEW, rx)],
    ];
    for (const [type, ask] of forms) {
      using server = udp();
      ask(server);
      let beforeMs = Date.now();
      const receive = (): Stamp | undefined => across(server).find(type) as Stamp | undefined;
      let entry = receive();
      // The kernel begins to stamp what arrives a moment after the first socket has asked for it.
      for (const deadlineMs = beforeMs + 30_000; entry === undefined && beforeMs < deadlineMs; entry = receive()) {
        beforeMs = Date.now();
      }
      const stampMs = Number((entry?.unixNs ?? entry?.softwareNs ?? 0n) / 1_000_000n);
      expect(stampMs, type).toBeGreaterThanOrEqual(beforeMs);
      expect(stampMs, type).toBeLessThanOrEqual(Date.now());
      shows(type);
    }
  });

  it("SO_TIMESTAMPING_FLAGS ask for one send's timestamp, SCM_TS_OPT_ID numbers it", (context) => {
    using server = udp();
    using client = new Socket("inet", "dgram");
    const options = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
    client.setRawOption(SOL_SOCKET, SO_TIMESTAMPING, options);
    const flags = { type: "SO_TIMESTAMPING_FLAGS", flags: SOF_TIMESTAMPING_TX_SOFTWARE } as const;
    client.sendMessageSync({ data: "x", to: server.localAddress, control: [flags] });
    expect(client.recvErrorSync({ timeoutMs: 30_000 }).error.timestamp).toEqual({ moment: 0, id: 0 });
    shows("SO_TIMESTAMPING_FLAGS", "SCM_TS_OPT_ID");
    const numbered = [flags, { type: "SCM_TS_OPT_ID", value: 4711 } as const];
    try {
      client.sendMessageSync({ data: "x", to: server.localAddress, control: numbered });
    } catch (error) {
      context.skip(`SCM_TS_OPT_ID: Linux 6.13 and newer (${(error as Error).message})`);
    }
    expect(client.recvErrorSync({ timeoutMs: 30_000 }).error.timestamp).toEqual({ moment: 0, id: 4711 });
  });

  it("SO_RXQ_OVFL counts what was dropped for want of room", () => {
    using server = udp();
    server.setOption("SO_RXQ_OVFL", true);
    server.setOption("SO_RCVBUF", 1);
    using client = new Socket("inet", "dgram");
    for (let i = 0; i < 50; i++) client.sendToSync(pattern(1000), server.localAddress);
    while (server.tryRecvMessage({ sizeBytes: 1000 }) !== undefined);
    // The count that comes with a datagram is that of the time when it was queued.
    expect(across(server).find("SO_RXQ_OVFL")?.value).toBeGreaterThan(0);
    shows("SO_RXQ_OVFL");
  });

  it("UDP_SEGMENT cuts one send into datagrams, UDP_GRO joins them", () => {
    using apart = udp();
    const cut = [{ type: "UDP_SEGMENT", value: 100 } as const];
    expect(across(apart, cut, pattern(350))).toMatchObject({ lengthBytes: 100 });
    const rest = [1, 2, 3].map(() => apart.recvMessageSync({ sizeBytes: 1000 }).lengthBytes);
    expect(rest).toEqual([100, 100, 50]);
    using joined = udp();
    joined.setOption("UDP_GRO", true as never);
    const message = across(joined, cut, pattern(350));
    expect(message.lengthBytes).toBe(350);
    expect(message.find("UDP_GRO")?.value).toBe(100);
    shows("UDP_SEGMENT", "UDP_GRO");
  });

  it("IP_ORIGDSTADDR and IPV6_ORIGDSTADDR tell the destination with its port", () => {
    using server = udp();
    server.setRawOption(SOL_IP, IP_RECVORIGDSTADDR, 1);
    expect(across(server).find("IP_ORIGDSTADDR")?.address).toEqual(server.localAddress);
    shows("IP_ORIGDSTADDR", "IPV6_ORIGDSTADDR");
    if (!hasInet6) return;
    using server6 = udp("inet6");
    server6.setRawOption(SOL_IPV6, IPV6_RECVORIGDSTADDR, 1);
    expect(across(server6).find("IPV6_ORIGDSTADDR")?.address).toMatchObject(server6.localAddress);
  });

  it("SO_PRIORITY is sent and received", (context) => {
    using server = udp();
    shows("SO_PRIORITY");
    try {
      server.setRawOption(SOL_SOCKET, SO_RCVPRIORITY, 1);
    } catch (error) {
      context.skip(`SO_RCVPRIORITY: Linux 6.14 and newer (${(error as Error).message})`);
    }
    expect(across(server, [{ type: "SO_PRIORITY", value: 5 }]).find("SO_PRIORITY")?.value).toBe(5);
  });

  it("SCM_TXTIME is taken where SO_TXTIME is set, and refused where it is not", async () => {
    using server = udp();
    using client = new Socket("inet", "dgram");
    const message = { data: "x", to: server.localAddress, control: [{ type: "SCM_TXTIME", value: 1n } as const] };
    expect(await failureOf(() => client.sendMessageSync(message))).toMatchObject({ code: "EINVAL" });
    // struct sock_txtime: the clock (CLOCK_MONOTONIC), and no flags.
    client.setRawOption(SOL_SOCKET, SO_TXTIME, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    client.sendMessageSync(message);
    expect(server.recvSync(10).toString()).toBe("x");
    shows("SCM_TXTIME");
  });

  it("ancillary data that does not fit is cut, and said to be", () => {
    using server = udp();
    server.setOption("IP_PKTINFO", true);
    server.setOption("IP_RECVTTL", true);
    using client = new Socket("inet", "dgram");
    client.sendToSync("x", server.localAddress);
    const message = server.recvMessageSync({ sizeBytes: 10, controlBytes: 32 });
    expect(message.controlTruncated).toBe(true);
    expect(message.ancillary.map(({ type }) => type)).toEqual(["IP_PKTINFO"]);
    client.sendToSync("x", server.localAddress);
    expect(server.recvMessageSync({ sizeBytes: 10, controlBytes: 0 })).toMatchObject({
      ancillary: [],
      controlTruncated: true,
    });
  });

  it("what the socket does not take is the kernel's EINVAL", async () => {
    const control = [{ type: "IPV6_HOPLIMIT", value: 999 } as const];
    using client = new Socket("inet6", "dgram");
    const error = await failureOf(() => client.sendMessageSync({ data: "x", to: "udp://[::1]:9", control }));
    expect(error).toMatchObject({ code: "EINVAL", syscall: "sendmsg" });
  });
});

describe("of streams", () => {
  it("TCP_CM_INQ tells how much more is there", () => {
    const [client, server] = tcpPair();
    using _client = client;
    using _server = server;
    server.setRawOption(SOL_TCP, TCP_INQ, 1);
    client.sendAllSync(pattern(1000));
    expect(server.recvMessageSync({ sizeBytes: 400 }).find("TCP_CM_INQ")?.value).toBe(600);
    shows("TCP_CM_INQ");
  });

  it("SCM_INQ tells the same of unix sockets", (context) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    shows("SCM_INQ");
    try {
      right.setRawOption(SOL_SOCKET, SO_INQ, 1);
    } catch (error) {
      context.skip(`SO_INQ: Linux 6.17 and newer (${(error as Error).message})`);
    }
    left.sendAllSync(pattern(1000));
    expect(right.recvMessageSync({ sizeBytes: 400 }).find("SCM_INQ")?.value).toBe(600);
  });
});

describe("of unix sockets", () => {
  it("SCM_CREDENTIALS tell who sent, and may be given", () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    right.setOption("SO_PASSCRED", true);
    const own = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    left.sendMessageSync({ data: "x" });
    expect(right.recvMessageSync({ sizeBytes: 1 }).find("SCM_CREDENTIALS")).toMatchObject(own);
    left.sendMessageSync({ data: "x", control: [{ type: "SCM_CREDENTIALS", ...own }] });
    expect(right.recvMessageSync({ sizeBytes: 1 }).find("SCM_CREDENTIALS")).toMatchObject(own);
    shows("SCM_CREDENTIALS");
  });

  it("SCM_RIGHTS pass descriptors", () => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    left.sendMessageSync({ data: "x", control: [{ type: "SCM_RIGHTS", descriptors: [left.fd] }] });
    const [fd] = right.recvMessageSync({ sizeBytes: 1, maxDescriptors: 1 }).takeDescriptors() as [number];
    using twin = Socket.from(fd);
    twin.sendSync("from the other one");
    expect(right.recvSync(100).toString()).toBe("from the other one");
    shows("SCM_RIGHTS");
  });

  it("SCM_PIDFD is a descriptor of the sending process", (context) => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    shows("SCM_PIDFD");
    try {
      right.setRawOption(SOL_SOCKET, SO_PASSPIDFD, 1);
    } catch (error) {
      context.skip(`SO_PASSPIDFD: Linux 6.5 and newer (${(error as Error).message})`);
    }
    left.sendMessageSync({ data: "x" });
    const message = right.recvMessageSync({ sizeBytes: 1 });
    const [pidfd] = message.takeDescriptors() as [number];
    expect(message.find("SCM_PIDFD")?.pidfd).toBe(pidfd);
    closeSync(pidfd);
  });

  it("SCM_SECURITY is the sender's label, where the kernel has labels", (context) => {
    const [left, right] = Socket.pair("dgram");
    using _left = left;
    using _right = right;
    right.setRawOption(SOL_SOCKET, SO_PASSSEC, 1);
    left.sendMessageSync({ data: "x" });
    const label = right.recvMessageSync({ sizeBytes: 1 }).find("SCM_SECURITY");
    shows("SCM_SECURITY");
    if (label === undefined) context.skip("no security module of this kernel labels processes");
    expect(label?.context.length).toBeGreaterThan(0);
  });
});

describe("of netlink sockets", () => {
  it("NETLINK_PKTINFO tells the group of a multicast", (context) => {
    using hearer = new Socket("netlink", "raw", NETLINK_USERSOCK);
    using speaker = new Socket("netlink", "raw", NETLINK_USERSOCK);
    shows("NETLINK_PKTINFO");
    hearer.bind({ family: "netlink", pid: 0, groups: 0 });
    hearer.setRawOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 5);
    hearer.setRawOption(SOL_NETLINK, NETLINK_PKTINFO, 1);
    try {
      // Group 5 is the fifth bit.
      speaker.sendToSync(pattern(16), { family: "netlink", pid: 0, groups: 1 << 4 });
    } catch (error) {
      // After the multicast comes the unicast to pid 0, the kernel, which does not listen to this protocol.
      if ((error as { code?: string }).code !== "ECONNREFUSED") context.skip(`multicasting is refused: ${error}`);
    }
    const message = hearer.recvMessageSync({ sizeBytes: 100 }, { timeoutMs: 30_000 });
    expect(message.find("NETLINK_PKTINFO")?.value).toBe(5);
  });
});

describe("in a namespace of its own", () => {
  const refusal = namespaceRefusal();
  const module = new URL("../fixtures/namespace/ancillary.mjs", import.meta.url);

  it.each<[string, readonly Ancillary["type"][]]>([
    ["mark", ["SO_MARK"]],
    ["checksum", ["IP_CHECKSUM"]],
    ["fragments", ["IP_RECVFRAGSIZE", "IPV6_RECVFRAGSIZE"]],
    ["pathMtu", ["IPV6_PATHMTU"]],
    ["tooLong", ["IP_RECVERR", "IPV6_RECVERR"]],
    ["protocol", ["IP_PROTOCOL"]],
    ["packet", ["PACKET_AUXDATA", "PACKET_TX_TIMESTAMP"]],
  ])("%s: %s", async (scenario, types, context?: { skip(reason: string): void }) => {
    shows(...types);
    if (refusal !== undefined) context?.skip(refusal);
    const { results, skipped } = (await runInNamespace(module, [scenario])) as {
      results: Record<string, unknown>;
      skipped?: string;
    };
    if (skipped !== undefined) context?.skip(skipped);
    expect(results).toMatchObject(EXPECTED[scenario] ?? {});
  });

  const EXPECTED: Record<string, object> = {
    mark: { sent: 77, received: 77 },
    checksum: { data: "ab", sum: expect.any(Number) },
    // IPv6 fragments are cut at multiples of 8.
    fragments: { inet: 1500, inet6: 1496 },
    pathMtu: { type: "IPV6_PATHMTU", mtuBytes: 1500, address: { family: "inet6", address: "::1" } },
    tooLong: {
      inet: { type: "IP_RECVERR", code: "EMSGSIZE", origin: "local", mtuBytes: 1500 },
      inet6: { type: "IPV6_RECVERR", code: "EMSGSIZE", origin: "local", mtuBytes: 1500 },
    },
    protocol: { protocol: 253 },
    packet: {
      auxdata: { type: "PACKET_AUXDATA", lengthBytes: 60, capturedBytes: 60 },
      stamp: { type: "PACKET_TX_TIMESTAMP", origin: "timestamping", code: "ENOMSG" },
    },
  };
});

describe("the list of types", () => {
  it("has none that is not shown to work", () => {
    // Completions of zero-copy sends over vsock need a virtual machine's other side.
    expect(ancillaryTypes.filter((type) => !shown.has(type))).toEqual(["VSOCK_RECVERR"]);
  });
});

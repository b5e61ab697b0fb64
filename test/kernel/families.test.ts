/** Every family, type and protocol that this kernel has, at work; and what is said of those that it has not. */
import { existsSync, readFileSync } from "node:fs";
import { isSystemError, probeSockets, Socket, type SocketSupport } from "portolan";
import {
  AF_INET,
  AF_INET6,
  AF_KEY,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  AF_VSOCK,
  forEachAttribute,
  forEachNetlinkMessage,
  IFINFOMSG,
  IFLA_IFNAME,
  IFLA_MTU,
  IPPROTO,
  IPPROTO_MPTCP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  NETLINK_ROUTE,
  NetlinkWriter,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  PF_NETLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  readAttributeText,
  readU32,
  SOCK_CLOEXEC,
  SOCK_DCCP,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOCK_RDM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_UDPLITE,
  UDPLITE_SEND_CSCOV,
  VMADDR_CID_ANY,
  VMADDR_CID_LOCAL,
  VMADDR_PORT_ANY,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import * as sys from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { failureOf, hasInet6, pattern } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const limits = { timeoutMs: 30_000 };
const support: SocketSupport[] = probeSockets();

function find(family: string, type: string, name: string): SocketSupport | undefined {
  return support.find((one) => one.family === family && one.type === type && one.name === name);
}

/** The status of a kind; "no" of one whose whole family is missing. */
function statusOf(family: string, type: string, name: string): string {
  return find(family, type, name)?.status ?? "no";
}

describe("unix sockets", () => {
  it("get an abstract name from the kernel when bound to none", async () => {
    using server = new Socket("unix", "dgram");
    server.bind({ family: "unix", kind: "unnamed" });
    const address = server.localAddress;
    // Five hexadecimal digits: unix(7), Autobind.
    expect(address).toMatchObject({ kind: "abstract", name: expect.stringMatching(/^[0-9a-f]{5}$/) });
    using client = new Socket("unix", "dgram");
    await client.sendTo("found", address);
    expect(await server.recvFrom(10, limits)).toMatchObject({ bytes: Buffer.from("found"), address: undefined });
    client.bind({ family: "unix", kind: "unnamed" });
    await client.sendTo("named", address);
    expect((await server.recvFrom(10, limits)).address).toEqual(client.localAddress);
  });

  it.each(["stream", "dgram", "seqpacket"] as const)("of type %s talk in pairs", async (type) => {
    const [left, right] = Socket.pair(type);
    using _left = left;
    using _right = right;
    await left.send("one");
    await left.send("two");
    const first = (await right.recv(100, limits)).toString();
    expect(first).toBe(type === "stream" ? "onetwo" : "one");
  });
});

describe("netlink sockets", () => {
  it("list the interfaces", async () => {
    using socket = new Socket("netlink", "raw", NETLINK_ROUTE);
    socket.bind({ family: "netlink", pid: 0, groups: 0 });
    expect(socket.localAddress).toMatchObject({ family: "netlink", groups: 0 });
    const request = new NetlinkWriter()
      .begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7)
      .raw(new Uint8Array(IFINFOMSG.size));
    await socket.sendTo(request.finish(), { family: "netlink", pid: 0, groups: 0 });
    const links = new Map<string, number>();
    for (let isDone = false; !isDone; ) {
      const message = await socket.recvMessage({ sizeBytes: 64 * 1024 }, limits);
      expect(message).toMatchObject({ truncated: false, address: { family: "netlink", pid: 0 } });
      const { bytes } = message;
      forEachNetlinkMessage(bytes, bytes.length, ({ type, seq, start, end }) => {
        expect(seq).toBe(7);
        if (type === NLMSG_DONE) isDone = true;
        if (type !== RTM_NEWLINK) return;
        let name = "";
        let mtu = 0;
        forEachAttribute(bytes, start + IFINFOMSG.size, end, (attribute, from, to) => {
          if (attribute === IFLA_IFNAME) name = readAttributeText(bytes, from, to);
          if (attribute === IFLA_MTU) mtu = readU32(bytes, from);
        });
        links.set(name, mtu);
      });
    }
    const known = readFileSync("/proc/thread-self/net/dev", "utf8").matchAll(/^\s*([^\s:]+):/gm);
    expect([...links.keys()].sort()).toEqual([...known].map(([, name]) => name).sort());
    expect(links.get("lo")).toBe(Number(readFileSync("/sys/class/net/lo/mtu", "utf8")));
  });

  it("are of a family with two names", () => {
    expect(PF_NETLINK).toBe(AF_NETLINK);
    using socket = new Socket(PF_NETLINK, "dgram");
    expect(socket.family).toBe(AF_NETLINK);
  });
});

describe("other transports of the internet", () => {
  it("MPTCP carries a stream, and speaks TCP with who knows nothing of it", async (context) => {
    if (statusOf("AF_INET", "SOCK_STREAM", "MPTCP") !== "yes") context.skip("this kernel has no MPTCP");
    for (const protocol of [IPPROTO_MPTCP, IPPROTO_TCP]) {
      using listener = new Socket("inet", "stream", IPPROTO_MPTCP);
      listener.bind("tcp://127.0.0.1:0");
      listener.listen();
      using client = new Socket("inet", "stream", protocol);
      await client.connect(listener.localAddress, limits);
      using server = await listener.accept(limits);
      expect(server.protocol).toBe(IPPROTO_MPTCP);
      await client.sendAll(pattern(100_000));
      expect((await server.readExactly(100_000, limits))?.equals(pattern(100_000))).toBe(true);
    }
  });

  it("UDP-Lite carries datagrams, of which a part is summed", async (context) => {
    if (statusOf("AF_INET", "SOCK_DGRAM", "UDP-Lite") !== "yes") context.skip("this kernel has no UDP-Lite");
    using server = new Socket("inet", "dgram", IPPROTO_UDPLITE);
    server.bind("udp://127.0.0.1:0");
    using client = new Socket("inet", "dgram", IPPROTO_UDPLITE);
    client.setRawOption(SOL_UDPLITE, UDPLITE_SEND_CSCOV, 20);
    await client.sendTo(pattern(100), server.localAddress);
    expect(await server.recv(200, limits)).toEqual(pattern(100));
  });

  it("SCTP carries a stream where there is SCTP, and is named where there is none", async () => {
    if (statusOf("AF_INET", "SOCK_STREAM", "SCTP") === "yes") {
      using listener = new Socket("inet", "stream", IPPROTO_SCTP);
      listener.bind("tcp://127.0.0.1:0");
      listener.listen();
      using client = new Socket("inet", "stream", IPPROTO_SCTP);
      await client.connect(listener.localAddress, limits);
      using server = await listener.accept(limits);
      await client.sendAll("hello");
      expect(String(await server.recv(10, limits))).toBe("hello");
      return;
    }
    const error = await failureOf(() => new Socket("inet", "stream", IPPROTO_SCTP));
    expect(isSystemError(error, "EPROTONOSUPPORT")).toBe(true);
    expect(error.message).toBe("socket EPROTONOSUPPORT AF_INET SOCK_STREAM IPPROTO_SCTP: this kernel has no SCTP");
  });
});

describe("vsock", () => {
  it("binds, and connects over the loopback where there is one", async (context) => {
    if (statusOf("AF_VSOCK", "SOCK_STREAM", "vsock stream") !== "yes") context.skip("this kernel has no vsock");
    using listener = new Socket("vsock", "stream");
    listener.bind({ family: "vsock", cid: VMADDR_CID_ANY, port: VMADDR_PORT_ANY });
    listener.listen();
    const { port } = listener.localAddress as { port: number };
    expect(port).toBeGreaterThan(0);
    // Without it the kernel would ask the hypervisor, and nobody answers.
    if (!existsSync("/sys/module/vsock_loopback")) context.skip("this kernel's vsock has no loopback");
    using client = new Socket("vsock", "stream");
    await client.connect({ family: "vsock", cid: VMADDR_CID_LOCAL, port }, limits);
    using server = await listener.accept(limits);
    expect(server.remoteAddress).toMatchObject({ family: "vsock", cid: VMADDR_CID_LOCAL });
    await client.sendAll("hello");
    expect(String(await server.recv(10, limits))).toBe("hello");
  });
});

describe("what cannot be made", () => {
  it.each<[string, () => Socket]>([
    [
      "socket EPROTONOSUPPORT AF_INET SOCK_DGRAM IPPROTO_TCP: TCP goes over SOCK_STREAM, not SOCK_DGRAM",
      () => new Socket("inet", "dgram", IPPROTO_TCP),
    ],
    [
      "socket EPROTONOSUPPORT AF_INET SOCK_STREAM IPPROTO_UDP: UDP goes over SOCK_DGRAM, not SOCK_STREAM",
      () => new Socket("inet", "stream", IPPROTO_UDP),
    ],
    [
      "socket ESOCKTNOSUPPORT AF_UNIX SOCK_RDM protocol 0: this family has no such socket type",
      () => new Socket("unix", SOCK_RDM),
    ],
    ["socket EAFNOSUPPORT 46 SOCK_STREAM protocol 0: this kernel has no 46", () => new Socket(46, "stream")],
  ])("is explained: %s", async (message, make) => {
    expect((await failureOf(make)).message).toBe(message);
  });

  it("names a family that the kernel lacks", async (context) => {
    if (support.some(({ family, status }) => family === "AF_KEY" && status !== "no")) {
      context.skip("this kernel has AF_KEY");
    }
    expect((await failureOf(() => new Socket(AF_KEY, "raw", 2))).message).toContain("this kernel has no AF_KEY");
  });
});

describe("probeSockets", () => {
  it("finds what every kernel has, and leaves nothing open", () => {
    for (const [type, name] of [
      ["SOCK_STREAM", "unix stream"],
      ["SOCK_DGRAM", "unix datagram"],
      ["SOCK_SEQPACKET", "unix records"],
    ] as const) {
      expect(find("AF_UNIX", type, name)).toMatchObject({ status: "yes", code: undefined, cause: undefined });
    }
    expect(find("AF_INET", "SOCK_STREAM", "TCP")?.status).toBe("yes");
    expect(find("AF_NETLINK", "SOCK_RAW", "netlink route")?.status).toBe("yes");
    expect(find("AF_INET6", "SOCK_DGRAM", "UDP")?.status ?? "no").toBe(hasInet6 ? "yes" : expect.any(String));
  });

  it("gives a reason for each that cannot be made, and numbers that say the same to socket(2)", () => {
    for (const { status, code, cause, numbers, type } of support) {
      expect(status === "yes").toBe(code === undefined && cause === undefined);
      if (type === undefined) continue;
      const make = (): Socket => new Socket(numbers.family, numbers.type as number, numbers.protocol);
      if (status === "yes") make().close();
      else expect(make).toThrow(expect.objectContaining({ code }));
    }
  });
});

describe("the kernel, asked for everything", () => {
  it("makes no kind of socket that the table lacks, but for those that are the same as one in it", () => {
    const yes = support.filter(({ status }) => status === "yes").map(({ numbers }) => numbers);
    const has = (family: number, type: number, protocol?: number): boolean =>
      yes.some((one) => one.family === family && one.type === type && (protocol ?? one.protocol) === one.protocol);
    // What `portolan sockets --matrix` says below its table.
    const isAlike = (family: number, type: number, protocol: number): boolean => {
      if (family === AF_UNIX) return protocol <= 1 && has(family, type === SOCK_RAW ? SOCK_DGRAM : type);
      if (family === AF_NETLINK) return type === SOCK_DGRAM && has(family, SOCK_RAW, protocol);
      if (family === AF_PACKET) return has(family, type);
      // Linux still takes the name that AF_PACKET had before it was a family: packet(7).
      if (family === AF_INET && type === SOCK_PACKET) return has(AF_PACKET, type);
      if (family === AF_VSOCK && protocol === AF_VSOCK) return has(family, type, 0);
      if (family !== AF_INET && family !== AF_INET6) return false;
      return (protocol === 0 && has(family, type)) || (type === SOCK_RAW && protocol > 0);
    };
    const families = [...new Set(yes.map(({ family }) => family))];
    const types = [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET];
    const protocols = [...new Set([...Array(32).keys(), ...Object.values(IPPROTO)])];
    const missing: string[] = [];
    let made = 0;
    for (const family of families) {
      for (const type of types) {
        for (const protocol of protocols) {
          const fd = sys.socket(family, type | SOCK_CLOEXEC, protocol);
          if (fd < 0) continue;
          sys.close(fd);
          made++;
          if (!has(family, type, protocol) && !isAlike(family, type, protocol))
            missing.push(`${family} ${type} ${protocol}`);
        }
      }
    }
    expect(made).toBeGreaterThanOrEqual(yes.length);
    expect(missing).toEqual([]);
  });
});

describe("in a namespace of its own", () => {
  const refusal = namespaceRefusal();
  const module = new URL("../fixtures/namespace/families.mjs", import.meta.url);
  const run = async (scenario: string, context: { skip(reason: string): void }): Promise<unknown> => {
    if (refusal !== undefined) context.skip(refusal);
    return runInNamespace(module, [scenario]);
  };

  it("a raw IPv4 socket pings the loopback", async (context) => {
    expect(await run("ping", context)).toMatchObject({
      type: 0,
      code: 0,
      id: 4711,
      sequence: 1,
      data: "are you there?",
      from: "127.0.0.1",
    });
  });

  it("a raw IPv4 socket sends headers of its own making", async (context) => {
    expect(await run("headers", context)).toEqual({
      data: "forged",
      from: { family: "inet", address: "127.0.0.42", port: 9 },
    });
  });

  it("a raw IPv6 socket pings the loopback", async (context) => {
    if (!hasInet6) context.skip("no IPv6 here");
    expect(await run("ping6", context)).toMatchObject({ type: 129, id: 4711, data: "are you there?", from: "::1" });
  });

  it("a ping socket does so without any capability", async (context) => {
    expect(await run("pingSocket", context)).toMatchObject({ type: 0, sequence: 1, data: "unprivileged" });
  });

  it("packet sockets see and send frames", async (context) => {
    expect(await run("packets", context)).toMatchObject({
      raw: { ethertype: 0x88b5, data: "frame", hatype: 772, ifindex: 1 },
      cooked: { protocol: 0x88b5, data: "frame" },
    });
  });

  it("who lacks a capability is told which", async (context) => {
    const messages = (await run("denied", context)) as string[];
    expect(messages[0]).toMatch(/^socket EPERM AF_INET SOCK_RAW IPPROTO_ICMP: this kind of socket needs CAP_NET_RAW$/);
    expect(messages[1]).toMatch(/^socket EPERM AF_PACKET SOCK_RAW protocol 0: this kind of socket needs CAP_NET_RAW$/);
  });
});

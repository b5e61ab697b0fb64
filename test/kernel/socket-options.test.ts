/** Options by C's name, as constants, by friendly names and by number; before bind and after connect. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { connect, type Option, options, Socket } from "portolan";
import {
  AF_INET,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PRIORITY,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SOL_TCP,
  TCP_NOTSENT_LOWAT,
} from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, tcpListener } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

describe("getOption and setOption", () => {
  it("set and read back before bind or connect, by name and by constant", () => {
    using socket = new Socket("inet", "stream");
    socket.setOption("TCP_NODELAY", true);
    expect(socket.getOption("TCP_NODELAY")).toBe(true);
    socket.setOption(options.TCP_NODELAY, false);
    expect(socket.getOption(options.TCP_NODELAY)).toBe(false);
    socket.setOption("TCP_KEEPIDLE", 77);
    expect(socket.getOption("TCP_KEEPIDLE")).toBe(77);
    socket.setOption("SO_LINGER", { enabled: true, seconds: 3 });
    expect(socket.getOption("SO_LINGER")).toEqual({ enabled: true, seconds: 3 });
    socket.setOption("SO_RCVTIMEO", 1250.5);
    expect(socket.getOption("SO_RCVTIMEO")).toBeCloseTo(1250, -1);
    socket.setOption("TCP_CONGESTION", "reno");
    expect(socket.getOption("TCP_CONGESTION")).toBe("reno");
    socket.setOption("SO_MAX_PACING_RATE", 1_000_000n);
    expect(socket.getOption("SO_MAX_PACING_RATE")).toBe(1_000_000n);
    expect(socket.getOption("SO_TYPE")).toBe(SOCK_STREAM);
    expect(socket.getOption("SO_DOMAIN")).toBe(AF_INET);
    expect(socket.getOption("SO_PROTOCOL")).toBe(IPPROTO_TCP);
    expect(socket.getOption("SO_COOKIE")).toBeGreaterThan(0n);
  });

  it("join and leave groups", async () => {
    using four = new Socket("inet", "dgram");
    four.setOption("IP_MULTICAST_IF", { interfaceAddress: "127.0.0.1" });
    expect(four.getOption("IP_MULTICAST_IF")).toBe("127.0.0.1");
    const membership = { group: "239.1.2.3", interfaceAddress: "127.0.0.1" };
    four.setOption("IP_ADD_MEMBERSHIP", membership);
    expect(await failureOf(() => four.setOption("IP_ADD_MEMBERSHIP", membership))).toMatchObject({
      code: "EADDRINUSE",
    });
    four.setOption("IP_DROP_MEMBERSHIP", membership);
    expect(await failureOf(() => four.setOption("IP_DROP_MEMBERSHIP", membership))).toMatchObject({
      code: "EADDRNOTAVAIL",
      syscall: "setsockopt",
    });
    const source = { group: "239.1.2.4", source: "127.0.0.1", interfaceAddress: "127.0.0.1" };
    four.setOption("IP_ADD_SOURCE_MEMBERSHIP", source);
    four.setOption("IP_DROP_SOURCE_MEMBERSHIP", source);
    using six = new Socket("inet6", "dgram");
    six.setOption("IPV6_ADD_MEMBERSHIP", { group: "ff01::1234", interfaceIndex: 1 });
    six.setOption("IPV6_DROP_MEMBERSHIP", { group: "ff01::1234", interfaceIndex: 1 });
  });

  it("tell the credentials of a unix peer", () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const { pid, uid, gid } = left.getOption("SO_PEERCRED");
    expect([pid, uid, gid]).toEqual([process.pid, process.getuid?.(), process.getgid?.()]);
  });

  it("name the capability that is missing", () => {
    // In a user namespace of its own, a process has no capabilities over the network namespace, root or not.
    const fixture = fileURLToPath(new URL("../fixtures/set-mark.mjs", import.meta.url));
    const entry = new URL("../../dist/socket/index.js", import.meta.url).href;
    const { stdout, stderr } = spawnSync("unshare", ["--user", process.execPath, fixture, entry], { encoding: "utf8" });
    expect(JSON.parse(stdout || JSON.stringify(stderr))).toEqual({
      code: "EPERM",
      syscall: "setsockopt",
      message: "setsockopt EPERM SO_MARK: this value needs CAP_NET_ADMIN",
    });
  });

  it("apply to a connection made by the helper, in the order given", async () => {
    using listener = tcpListener();
    const { port } = listener.localAddress as { port: number };
    using socket = await connect(`tcp://127.0.0.1:${port}`, { options: { SO_SNDBUF: 20_000, TCP_MAXSEG: 600 } });
    expect(socket.sendBufferBytes).toBe(40_000);
    expect(socket.getOption("TCP_MAXSEG")).toBeLessThanOrEqual(600);
  });
});

describe("friendly names", () => {
  it("read and write", () => {
    using socket = new Socket("inet", "stream");
    for (const name of ["keepAlive", "noDelay", "reuseAddress", "reusePort"] as const) {
      expect([name, socket[name]]).toEqual([name, false]);
      socket[name] = true;
      expect([name, socket[name]]).toEqual([name, true]);
    }
    expect(socket.lingerSeconds).toBeUndefined();
    socket.lingerSeconds = 0;
    expect(socket.lingerSeconds).toBe(0);
    socket.lingerSeconds = undefined;
    expect(socket.lingerSeconds).toBeUndefined();
    socket.receiveBufferBytes = 10_000;
    expect(socket.receiveBufferBytes).toBe(20_000);
    socket.sendBufferBytes = 10_000;
    expect(socket.sendBufferBytes).toBe(20_000);
    using udp = new Socket("inet", "dgram");
    udp.broadcast = true;
    expect([udp.broadcast, udp.getOption("SO_TYPE")]).toEqual([true, SOCK_DGRAM]);
  });
});

describe("raw access", () => {
  it("reads and writes bytes by number", () => {
    using socket = new Socket("inet", "stream");
    socket.setRawOption(SOL_SOCKET, SO_KEEPALIVE, 1);
    expect(socket.keepAlive).toBe(true);
    expect(socket.getRawOption(SOL_SOCKET, SO_TYPE, 64)).toEqual(new Uint8Array([SOCK_STREAM, 0, 0, 0]));
    socket.setRawOption(SOL_SOCKET, SO_LINGER, new Uint8Array([1, 0, 0, 0, 9, 0, 0, 0]));
    expect(socket.lingerSeconds).toBe(9);
    socket.setRawOption(SOL_SOCKET, SO_PRIORITY, 3);
    expect(socket.getOption("SO_PRIORITY")).toBe(3);
    // A C int may be unsigned.
    socket.setRawOption(SOL_TCP, TCP_NOTSENT_LOWAT, 0xffff_fff0);
    expect(socket.getOption("TCP_NOTSENT_LOWAT")).toBe(0xffff_fff0);
  });

  it("leaves a wrong size to the kernel, and says what it said", async () => {
    using socket = new Socket("inet", "stream");
    const error = await failureOf(() => socket.setRawOption(SOL_SOCKET, SO_LINGER, new Uint8Array(3)));
    expect(error).toMatchObject({ name: "SystemError", code: "EINVAL", syscall: "setsockopt" });
    expect(error.message).toBe(
      "setsockopt EINVAL SO_LINGER: the kernel does not take this value or size, or not in the socket's present state",
    );
    const unknown = await failureOf(() => socket.getRawOption(SOL_SOCKET, 9999, 4));
    expect(unknown).toMatchObject({ code: "ENOPROTOOPT" });
    expect(unknown.message).toContain(`option 9999 of level ${SOL_SOCKET}: `);
  });
});

describe("a wrong value", () => {
  it("is refused before any system call, naming the option and what it takes", async () => {
    using socket = new Socket("inet", "stream");
    const set = (name: string, value: unknown) => () => socket.setOption(name as "SO_PRIORITY", value as number);
    const table: [() => unknown, string, string | RegExp][] = [
      [set("SO_KEEPALIVE", 1), "TypeError", "SO_KEEPALIVE takes a boolean, not 1"],
      [set("SO_KEEPALIVE", "yes"), "TypeError", 'SO_KEEPALIVE takes a boolean, not "yes"'],
      [set("SO_RCVBUF", "big"), "TypeError", 'SO_RCVBUF takes a number, not "big"'],
      [set("SO_RCVBUF", 2 ** 31), "RangeError", /^SO_RCVBUF takes an integer from -2147483648 to 2147483647/],
      [set("SO_RCVBUF", 1.5), "RangeError", "not 1.5"],
      [set("SO_MARK", -1), "RangeError", "SO_MARK takes an integer from 0 to 4294967295, not -1"],
      [set("SO_LINGER", 5), "TypeError", "SO_LINGER takes { enabled: boolean, seconds: number }, not 5"],
      [set("SO_LINGER", { enabled: true, seconds: -1 }), "RangeError", "SO_LINGER's seconds"],
      [set("SO_RCVTIMEO", -1), "RangeError", "SO_RCVTIMEO takes milliseconds"],
      [set("SO_RCVTIMEO", "1s"), "TypeError", "SO_RCVTIMEO takes a number of milliseconds"],
      [set("SO_BINDTODEVICE", "x".repeat(16)), "RangeError", "SO_BINDTODEVICE takes at most 15 bytes"],
      [set("SO_BINDTODEVICE", 3), "TypeError", "SO_BINDTODEVICE takes a string, not 3"],
      [set("SO_MAX_PACING_RATE", 5), "TypeError", "SO_MAX_PACING_RATE takes a bigint, not 5"],
      [set("SO_MAX_PACING_RATE", -1n), "RangeError", "not -1n"],
      [set("IP_ADD_MEMBERSHIP", { group: "256.0.0.1" }), "RangeError", "IP_ADD_MEMBERSHIP's group takes the text"],
      [set("IP_ADD_MEMBERSHIP", {}), "TypeError", "not undefined"],
      [set("IPV6_ADD_MEMBERSHIP", { group: "abrakadabra" }), "RangeError", 'not "abrakadabra"'],
      [set("SO_TYPE", 1), "TypeError", "SO_TYPE can only be read"],
      [set("SO_NONSENSE", 1), "TypeError", 'no option "SO_NONSENSE" is known by name'],
      [set("toString", 1), "TypeError", 'no option "toString"'],
      [() => socket.setRawOption(1.5, 1, 1), "TypeError", "a level is an integer"],
      [() => socket.setRawOption(1, Number.NaN, 1), "TypeError", "an option is an integer"],
      [() => socket.setRawOption(1, 1, "x" as never), "TypeError", "a Uint8Array or a number"],
      [() => socket.getRawOption(1, 1, -1), "RangeError", "sizeBytes"],
    ];
    for (const [call, name, message] of table) {
      const error = await failureOf(call);
      expect(error.name, error.message).toBe(name);
      expect(error.message).toMatch(message);
    }
  });
});

describe("the table", () => {
  it("is sorted by name within each level", () => {
    const rows = Object.values(options) as Option<unknown, never>[];
    for (const level of new Set(rows.map((row) => row.level))) {
      const names = rows.filter((row) => row.level === level).map(({ name }) => name);
      expect(names).toEqual([...names].sort());
    }
    expect(Object.keys(options).length).toBeGreaterThan(80);
  });

  it("decodes any bytes without a throw, and undoes what it encodes", () => {
    const readable = (Object.values(options) as Option<unknown, never>[]).filter((option) => option.readable);
    fc.assert(
      fc.property(fc.constantFrom(...readable), fc.uint8Array({ maxLength: 300 }), (option, bytes) => {
        option.decode(bytes);
      }),
      { verbose: 1 },
    );
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.boolean(), fc.nat(), (int, bool, nat) => {
        expect(options.SO_PRIORITY.decode(options.SO_PRIORITY.encode(int))).toBe(int);
        expect(options.SO_KEEPALIVE.decode(options.SO_KEEPALIVE.encode(bool))).toBe(bool);
        const linger = { enabled: bool, seconds: nat };
        expect(options.SO_LINGER.decode(options.SO_LINGER.encode(linger))).toEqual(linger);
        expect(options.SO_RCVTIMEO.decode(options.SO_RCVTIMEO.encode(nat))).toBe(nat);
        expect(options.SO_MAX_PACING_RATE.decode(options.SO_MAX_PACING_RATE.encode(BigInt(nat)))).toBe(BigInt(nat));
      }),
      { verbose: 1 },
    );
  });
});

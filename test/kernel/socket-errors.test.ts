/** Bad input and bad luck: each a precise error, before or from the system call, named as in C. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { causeOf, checked, formatEndpoint, isSystemError, parseEndpoint, Socket, SystemError } from "portolan";
import { AF_INET, AF_INET6, AF_UNIX, errnoNumber, IPPROTO_TCP, SOCK_SEQPACKET, SOCK_STREAM } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, hasInet6, tcpListener } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

describe("an endpoint", () => {
  it("is read into transport, numbers and address", () => {
    expect(parseEndpoint("tcp://127.0.0.1:7007")).toEqual({
      transport: "tcp",
      family: AF_INET,
      type: SOCK_STREAM,
      protocol: IPPROTO_TCP,
      address: { family: "inet", address: "127.0.0.1", port: 7007 },
    });
    expect(parseEndpoint("udp://[::1]:53")).toMatchObject({
      family: AF_INET6,
      address: { family: "inet6", address: "::1", port: 53 },
    });
    expect(parseEndpoint("tcp://[fe80::1%lo]:0").address).toMatchObject({ address: "fe80::1", scopeId: 1 });
    expect(parseEndpoint("unix+seqpacket://@control")).toEqual({
      transport: "unix+seqpacket",
      family: AF_UNIX,
      type: SOCK_SEQPACKET,
      protocol: 0,
      address: { family: "unix", kind: "abstract", name: "control" },
    });
    expect(parseEndpoint("unix://relative.sock").address).toEqual({
      family: "unix",
      kind: "path",
      path: "relative.sock",
    });
    expect(parseEndpoint("tcp://localhost:80", { names: true })).toMatchObject({ host: "localhost", port: 80 });
  });

  it("that cannot be is refused with the part, the reason and what is allowed", async () => {
    const table: [unknown, string, string][] = [
      ["tcp://127.0.0.1:70000", "RangeError", 'port 70000 of "tcp://127.0.0.1:70000" is above 65535'],
      ["tcp://127.0.0.1:-1", "TypeError", 'port "-1"'],
      ["tcp://127.0.0.1:http", "TypeError", 'port "http"'],
      ["tcp://127.0.0.1:80/x", "TypeError", 'port "80/x"'],
      ["tcp://127.0.0.1", "TypeError", "has no port"],
      ["tcp://127.0.0.1:", "TypeError", "has no port"],
      ["tcp://:80", "TypeError", "has no host"],
      ["tcp://", "TypeError", "has no host"],
      ["tcp://256.0.0.1:80", "RangeError", 'host "256.0.0.1" of "tcp://256.0.0.1:80" is no IPv4 address'],
      ["tcp://1.2.3:80", "RangeError", "is no IPv4 address: it has four decimal parts from 0 to 255"],
      ["tcp://[::g]:80", "RangeError", "is no IPv6 address"],
      ["tcp://[127.0.0.1]:80", "RangeError", "is no IPv6 address"],
      ["tcp://[fe80::1%nowhere]:80", "RangeError", 'zone "nowhere"'],
      ["tcp://::1:80", "TypeError", "an IPv6 address stands in brackets"],
      ["tcp://[::1:80", "TypeError", "no closing bracket"],
      ["tcp://abrakadabra:80", "TypeError", 'host "abrakadabra" of "tcp://abrakadabra:80" is a name'],
      ["tcp://a b:80", "TypeError", "neither an IP address nor a host name"],
      ["127.0.0.1:80", "TypeError", "has no scheme; it begins with one of tcp://, udp://, unix://"],
      ["http://127.0.0.1:80", "TypeError", 'has the unknown scheme "http"'],
      ["toString://127.0.0.1:80", "TypeError", "unknown scheme"],
      ["unix://", "TypeError", "has no path"],
      ["unix://@", "TypeError", "has no path"],
      ["unix://a\0b", "TypeError", "NUL"],
      [`unix:///${"x".repeat(107)}`, "RangeError", "has 108 bytes; sun_path has room for 107"],
      [`unix://@${"é".repeat(54)}`, "RangeError", "has 108 bytes"],
      [7007, "TypeError", "an endpoint is a string, not 7007"],
    ];
    for (const [text, name, message] of table) {
      const error = await failureOf(() => parseEndpoint(text as string));
      expect([error.name, error.message]).toEqual([name, expect.stringContaining(message)]);
    }
    for (const text of [
      "tcp://256.0.0.1:80",
      "tcp://-x:80",
      `tcp://${"a".repeat(64)}:1`,
      `tcp://${"a.".repeat(127)}b:1`,
    ]) {
      expect((await failureOf(() => parseEndpoint(text, { names: true }))).name).toMatch(/^(Range|Type)Error$/);
    }
  });

  it("survives being written and read again", () => {
    const port = fc.nat(65535);
    const endpoints = fc.oneof(
      fc.tuple(fc.constantFrom("tcp", "udp"), fc.ipV4(), port).map(([t, host, p]) => `${t}://${host}:${p}`),
      fc.tuple(fc.constantFrom("tcp", "udp"), fc.ipV6(), port).map(([t, host, p]) => `${t}://[${host}]:${p}`),
      fc
        .tuple(fc.constantFrom("unix", "unix+dgram", "unix+seqpacket"), fc.stringMatching(/^[@/a-z][a-z0-9./-]{1,99}$/))
        .map(([t, path]) => `${t}://${path}`),
    );
    fc.assert(
      fc.property(endpoints, (text) => {
        const endpoint = parseEndpoint(text);
        expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
      }),
      { verbose: 1 },
    );
  });

  it("of any text is read, or refused with TypeError or RangeError", () => {
    const scheme = fc.constantFrom("tcp://", "udp://[", "unix://", "unix+dgram://@", "");
    fc.assert(
      fc.property(scheme, fc.string({ unit: "binary" }), fc.boolean(), (start, rest, names) => {
        try {
          if (names) parseEndpoint(start + rest, { names });
          else parseEndpoint(start + rest);
        } catch (error) {
          expect((error as Error).name).toMatch(/^(Range|Type)Error$/);
        }
      }),
      { verbose: 1 },
    );
  });
});

describe("a wrong argument", () => {
  it("is refused before any system call", async () => {
    using socket = new Socket("inet", "stream");
    const address = { family: "inet", address: "127.0.0.1", port: 70_000 } as const;
    const table: [() => unknown, string, string][] = [
      [() => new Socket("inet7" as never, "stream"), "TypeError", 'address family "inet7" is none of inet, inet6'],
      [() => new Socket("inet", "strem" as never), "TypeError", 'socket type "strem" is none of dgram, raw'],
      [() => new Socket("inet", "stream", "tcp" as never), "TypeError", "a protocol is a number, not tcp"],
      [() => socket.bind(address), "RangeError", "port 70000"],
      [() => socket.connect(address), "RangeError", "port 70000"],
      [() => socket.connectSync({ ...address, address: "256.0.0.1", port: 1 }), "RangeError", '"256.0.0.1"'],
      [() => socket.bind("tcp://localhost:0"), "TypeError", "is a name; an IP address is wanted here"],
      [() => socket.bind(undefined as never), "TypeError", "undefined is no socket address"],
      [() => socket.listen(-1), "RangeError", "a backlog is an integer from 0 to 2147483647, not -1"],
      [() => socket.listen(2 ** 31), "RangeError", "not 2147483648"],
      // The kernel would see the lower 32 bits, and do something else.
      [() => new Socket(2 ** 32 + 2, "stream"), "TypeError", "address family 4294967298"],
      [() => new Socket("inet", 2 ** 32 + 1), "TypeError", "socket type 4294967297"],
      [() => new Socket("inet", "stream", 2 ** 32), "RangeError", "a protocol is an integer"],
      [() => Socket.pair("stream", 2 ** 32), "RangeError", "a protocol is an integer"],
      [() => socket.getRawOption(2 ** 32 + 1, 2, 4), "RangeError", "a level is an integer"],
      [() => socket.setRawOption(1, 2 ** 32 + 2, 1), "RangeError", "an option's number is an integer"],
      [() => socket.setRawOption(1, 2, 2 ** 32), "RangeError", "a value that is a C int is an integer"],
      [() => socket.bind({ family: "inet", host: "::1", port: 1 } as never), "RangeError", "address undefined is not"],
      [() => socket.bind({ family: "inet6", port: 1 } as never), "RangeError", "address undefined is not an IPv6"],
      [() => socket.bind({ family: "unix", kind: "path" } as never), "RangeError", "path undefined is neither text"],
      [() => socket.bind({ family: "packet", protocol: 3 } as never), "RangeError", "hardware address undefined"],
      [() => socket.bind({ family: "unknown", familyNumber: 3 } as never), "RangeError", "bytes undefined"],
      [() => socket.recv(1, { timeoutMs: "5" as never }), "RangeError", "timeoutMs is a number of milliseconds"],
      [() => socket.recv(1, { deadlineMs: "5" as never }), "RangeError", "deadlineMs is a time"],
      [() => socket.shutdown("all" as never), "TypeError", 'shutdown takes "read", "write" or "both", not all'],
      [() => socket.recv(-1), "RangeError", "sizeBytes is an integer from 0"],
      [() => socket.recv(1.5), "RangeError", "not 1.5"],
      [() => socket.recvFrom(2 ** 40), "RangeError", "sizeBytes"],
      [() => socket.recv("x" as never), "TypeError", "a Uint8Array or a size in bytes is wanted"],
      [() => socket.recvFrom({} as never), "TypeError", "a Uint8Array or a size in bytes is wanted"],
      [() => socket.recvSync(null as never), "TypeError", "a Uint8Array or a size in bytes is wanted"],
      [() => socket.send(5 as never), "TypeError", "a Uint8Array or a string can be sent, not 5"],
      [() => socket.send(new ArrayBuffer(1 << 20) as never), "TypeError", "not an ArrayBuffer: give a view of it"],
      [() => socket.send([1, 2] as never), "TypeError", "not an object (Array)"],
      [() => socket.recv(1, { signal: new AbortController() as never }), "TypeError", "signal is an AbortSignal"],
      [() => socket.sendAll(undefined as never), "TypeError", "a Uint8Array or a string can be sent"],
      [() => Socket.from(1.5), "TypeError", "a descriptor is a whole number"],
    ];
    for (const [call, name, message] of table) {
      const error = await failureOf(call);
      expect([error.name, error.message]).toEqual([name, expect.stringContaining(message)]);
    }
  });
});

describe("an error of the kernel", () => {
  it("has Node's fields and says call, C name, whom and why", async () => {
    using socket = new Socket("inet", "stream");
    using unix = new Socket("unix", "stream");
    const table: [() => unknown, string, string][] = [
      [() => socket.accept(), "EINVAL", "accept EINVAL: the socket does not listen: call listen first"],
      [() => socket.recv(1), "ENOTCONN", "recv ENOTCONN: connect first"],
      [() => socket.shutdown("both"), "ENOTCONN", "shutdown ENOTCONN: the socket is not connected"],
      [
        () => socket.bind("tcp://192.0.2.1:80"),
        "EADDRNOTAVAIL",
        "bind EADDRNOTAVAIL 192.0.2.1:80: no interface of this machine has this address",
      ],
      [
        () => socket.bind("tcp://[::1]:80"),
        "EAFNOSUPPORT",
        "bind EAFNOSUPPORT [::1]:80: the address is of another family than the socket, or the kernel lacks the family",
      ],
      [
        () => unix.connect("unix:///proc/nonexistent/x.sock"),
        "ENOENT",
        "connect ENOENT /proc/nonexistent/x.sock: no socket file is at this path",
      ],
      [
        () => new Socket("inet", "seqpacket"),
        "ESOCKTNOSUPPORT",
        "socket ESOCKTNOSUPPORT AF_INET SOCK_SEQPACKET protocol 0: this family has no such socket type",
      ],
      [
        () => new Socket("inet", "stream", 254),
        "EPROTONOSUPPORT",
        "socket EPROTONOSUPPORT AF_INET SOCK_STREAM protocol 254: " +
          "this kernel has no such protocol for the family and type",
      ],
    ];
    for (const [call, code, message] of table) {
      const error = await failureOf(call);
      expect(error).toMatchObject({ name: "SystemError", code, errno: -(errnoNumber(code) ?? 0) });
      expect(error.message).toBe(message);
    }
  });

  it("tells connecting twice from connecting", async () => {
    using listener = tcpListener();
    using client = new Socket("inet", "stream");
    await client.connect(listener.localAddress);
    expect(await failureOf(() => client.connect(listener.localAddress))).toMatchObject({ code: "EISCONN" });
    expect(await failureOf(() => client.connectSync(listener.localAddress))).toMatchObject({ code: "EISCONN" });
  });

  it("is made by checked, from results and details", async () => {
    expect(checked("recv", 5)).toBe(5);
    const details = { address: "::1", port: 80, local: "[::1]:4000", hint: "try again" };
    const error = await failureOf(() => checked("connect", -111, () => details));
    expect(error.message).toBe("connect ECONNREFUSED [::1]:80 from [::1]:4000: nothing listens there; try again");
    expect(Object.keys(error).sort()).toEqual(["address", "code", "errno", "local", "name", "port", "syscall"]);
    expect([isSystemError(error), isSystemError(error, "EPIPE"), isSystemError(new Error("x"))]).toEqual([
      true,
      false,
      false,
    ]);
    expect(new SystemError("open", 2).message).toBe("open ENOENT: no such file or directory");
    expect(causeOf("recvmsg", "ENOTCONN")).toBe("connect first");
  });
});

describe("EADDRINUSE", () => {
  it("says that this very process holds the port", async () => {
    using listener = tcpListener();
    using socket = new Socket("inet", "stream");
    const error = await failureOf(() => socket.bind(listener.localAddress));
    const { port } = listener.localAddress as { port: number };
    expect(error.message).toBe(
      `bind EADDRINUSE 127.0.0.1:${port}: another socket has this address; held by pid ${process.pid} (this process)`,
    );
  });

  it("says it of the wildcard of the other family", async (ctx) => {
    if (!hasInet6) ctx.skip("this machine has no IPv6 loopback");
    using six = new Socket("inet6", "stream");
    six.bind("tcp://[::]:0");
    six.listen();
    const { port } = six.localAddress as { port: number };
    using four = new Socket("inet", "stream");
    const error = await failureOf(() => four.bind(`tcp://127.0.0.1:${port}`));
    expect(error.message).toContain(`held by pid ${process.pid} (this process)`);
  });

  it("says it of UDP and of unix names", async () => {
    const held = `held by pid ${process.pid} (this process)`;
    using udp = new Socket("inet", "dgram");
    udp.bind("udp://127.0.0.1:0");
    using second = new Socket("inet", "dgram");
    expect((await failureOf(() => second.bind(udp.localAddress))).message).toContain(held);
    using unix = new Socket("unix", "stream");
    unix.bind(`unix://@portolan-held-${process.pid}`);
    using other = new Socket("unix", "stream");
    const error = await failureOf(() => other.bind(`unix://@portolan-held-${process.pid}`));
    expect(error.message).toMatch(/^bind EADDRINUSE @portolan-held-\d+: the name is taken.*; held by pid/);
  });

  it("names another process that holds it", async () => {
    const fixture = fileURLToPath(new URL("../fixtures/hold-port.mjs", import.meta.url));
    const holder = spawn(process.execPath, [fixture], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const [line] = (await once(holder.stdout, "data")) as [Buffer];
      using socket = new Socket("inet", "stream");
      const error = await failureOf(() => socket.bind(`tcp://127.0.0.1:${Number(line)}`));
      expect(error).toMatchObject({ code: "EADDRINUSE", syscall: "bind" });
      expect(error.message).toContain(`held by pid ${holder.pid} (node`);
    } finally {
      holder.stdin.end();
      await once(holder, "exit");
    }
  });
});

/** The tables as a whole: nothing of the ABI is missing, wrong values are refused, failures are explained. */
import fc from "fast-check";
import { type AnyOption, connect, listen, type OptionName, options, Socket } from "portolan";
import * as abi from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { NOT_OPTION_GROUPS, NOT_OPTIONS } from "../../src/socket/options/not-options.ts";
import { failureOf, tcpListener } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

const all = Object.values(options) as AnyOption[];
const constants = abi as unknown as Readonly<Record<string, unknown>>;

/** The names that begin as options do, among those that the ABI exports. */
const LOOKS_LIKE_AN_OPTION =
  /^(ICMPV6_FILTER|ICMP_FILTER|IPV6|IP|MCAST|MPTCP|NETLINK|PACKET|SO|TCP|UDPLITE|UDP|VSOCK|XDP)(_|$)/;
/** Layouts and sizes of structures. */
const LAYOUT = /_(BYTES|SIZES|STRUCT)$/;

describe("the tables and the ABI", () => {
  const named = Object.keys(abi).filter((name) => typeof constants[name] === "number");
  const grouped = (group: string): string[] => Object.keys(constants[group] as object);
  const excused = new Set([...Object.keys(NOT_OPTIONS), ...Object.keys(NOT_OPTION_GROUPS).flatMap(grouped)]);

  it("every name of the ABI that looks like an option is one, or is excused with a reason", () => {
    const missing = named.filter((name) => LOOKS_LIKE_AN_OPTION.test(name) && !LAYOUT.test(name));
    expect(missing.length).toBeGreaterThan(350);
    expect(missing.filter((name) => !(name in options) && !excused.has(name))).toEqual([]);
  });

  it("nothing is excused that is an option, or that the ABI does not have", () => {
    expect([...excused].filter((name) => name in options)).toEqual([]);
    expect([...excused].filter((name) => typeof constants[name] !== "number")).toEqual([]);
  });

  it("every option has the ABI's number and level, and says where it is described", () => {
    for (const { name, option, level, levelName, page, since } of all) {
      expect([name, option]).toEqual([name, constants[name]]);
      expect([name, level]).toEqual([name, constants[levelName]]);
      expect([name, page]).toEqual([name, expect.stringMatching(/\S/)]);
      expect([name, since]).toEqual([name, expect.stringMatching(/^\d+\.\d+(\.\d+)?$/)]);
    }
  });

  it("no two options of a level have one number, unless one says that it is the other's name", () => {
    const byNumber = new Map<string, AnyOption[]>();
    for (const row of all) {
      const key = `${row.level}/${row.option}`;
      byNumber.set(key, [...(byNumber.get(key) ?? []), row]);
    }
    const same = [...byNumber.values()].filter((group) => group.filter((row) => !isAlias(row)).length > 1);
    // The same number reads one thing and sets another.
    expect(same.map((group) => group.map(({ name }) => name))).toEqual([["SO_ATTACH_FILTER", "SO_GET_FILTER"]]);
  });

  it("the kernel answers to none of those of which that is the reason", () => {
    using tcp6 = new Socket("inet6", "stream");
    using netlink = new Socket("netlink", "raw");
    using vsock = hasFamily(abi.AF_VSOCK) ? new Socket("vsock", "stream") : undefined;
    let asked = 0;
    for (const [name, reason] of Object.entries(NOT_OPTIONS)) {
      if (!reason.includes("answers to it")) continue;
      const number = constants[name] as number;
      const [socket, level] = name.startsWith("IPV6")
        ? [tcp6, abi.SOL_IPV6]
        : name.startsWith("NETLINK")
          ? [netlink, abi.SOL_NETLINK]
          : name.startsWith("SO_VM")
            ? [vsock, abi.AF_VSOCK]
            : [undefined, 0];
      if (socket === undefined) continue;
      expect([name, codeOf(() => socket.getRawOption(level, number, 8))]).toEqual([name, "ENOPROTOOPT"]);
      expect([name, codeOf(() => socket.setRawOption(level, number, new Uint8Array(8)))]).toEqual([
        name,
        "ENOPROTOOPT",
      ]);
      asked++;
    }
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});

/** Objects with the fields that structures have, and lists of them, with all kinds of things in the fields. */
const fields = ["group", "source", "sources", "mode", "interfaceIndex", "interfaceAddress", "address", "key", "flags"];
const more = [
  "label",
  "destination",
  "low",
  "high",
  "code",
  "jt",
  "jf",
  "k",
  "kind",
  "value",
  "start",
  "count",
  "type",
];
const content = fc.constantFrom<unknown>(
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  65_536,
  2 ** 53,
  7n,
  "239.1.2.3",
  "ff15::1",
  "include",
  "nonsense",
  ["127.0.0.1", 3],
  [null],
  {},
  new Uint8Array(16),
  new Uint8Array(99),
);
const entry = fc.dictionary(fc.constantFrom(...fields, ...more), content);
const almost = fc.oneof(entry, fc.array(entry, { maxLength: 4 }));

describe("values", () => {
  it("whatever is given is written, or refused with a TypeError or RangeError that names the option", () => {
    const writable = all.filter((option) => option.writable);
    fc.assert(
      fc.property(fc.constantFrom(...writable), fc.oneof(fc.anything(), almost), (option, value) => {
        try {
          expect(option.encode(value as never)).toBeInstanceOf(Uint8Array);
          expect(typeof option.levelFor(value)).toBe("number");
        } catch (error) {
          expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
          expect((error as Error).message).toContain(option.name);
        }
      }),
      { numRuns: 2000, verbose: 1 },
    );
  });

  it("whatever reading is asked about is taken, or refused likewise", () => {
    const readable = all.filter((option) => option.readable);
    fc.assert(
      fc.property(fc.constantFrom(...readable), fc.oneof(fc.anything(), almost), (option, argument) => {
        try {
          expect(option.request(argument as never)).toBeInstanceOf(Uint8Array);
        } catch (error) {
          expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
          expect((error as Error).message).toContain(option.name);
        }
      }),
      { numRuns: 1000, verbose: 1 },
    );
  });

  it("what is read of any bytes never throws", () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.uint8Array({ maxLength: 3000 }), (option, bytes) => {
        option.decode(bytes);
      }),
      { numRuns: 1000, verbose: 1 },
    );
  });

  it("structures come back from their bytes as they went in", () => {
    const u8 = fc.nat(0xff);
    const u16 = fc.nat(0xffff);
    const u32 = fc.nat(0xffff_ffff);
    const index = fc.nat(2 ** 31 - 1);
    const v4 = fc.ipV4();
    const roundTrips: [AnyOption, fc.Arbitrary<unknown>][] = [
      [options.ICMP_FILTER, fc.uniqueArray(fc.nat(31)).map(sorted)],
      [options.ICMPV6_FILTER, fc.uniqueArray(fc.nat(255)).map(sorted)],
      [
        options.IP_LOCAL_PORT_RANGE,
        fc.tuple(u16, u16).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
      ],
      [
        options.IP_MSFILTER,
        fc.record({
          group: v4,
          interfaceAddress: v4,
          mode: fc.constantFrom("include", "exclude"),
          sources: fc.array(v4, { maxLength: 128 }),
        }),
      ],
      [options.IP_UNICAST_IF, index],
      [
        options.IPV6_FLOWLABEL_MGR,
        fc.record({
          destination: fc.constantFrom("::", "::1", "2001:db8::7"),
          label: fc.nat(0xfffff),
          action: u8,
          share: u8,
          flags: u16,
          expiresSeconds: u16,
          lingerSeconds: u16,
        }),
      ],
      [options.IPV6_PKTINFO, fc.record({ address: fc.constantFrom("::", "2001:db8::7"), interfaceIndex: index })],
      [
        options.MCAST_MSFILTER,
        fc.record({
          group: fc.constantFrom("239.1.2.3", "ff15::1"),
          interfaceIndex: index,
          mode: fc.constantFrom("include", "exclude"),
          sources: fc.array(fc.oneof(v4, fc.constant("2001:db8::7")), { maxLength: 16 }),
        }),
      ],
      [options.PACKET_FANOUT, fc.record({ group: u16, mode: u8, flags: fc.nat(0xff).map((flags) => flags << 8) })],
      [options.SO_TIMESTAMPING, fc.record({ flags: index, phcIndex: index })],
      [options.SO_TXTIME, fc.record({ clock: index, flags: u32 })],
      [
        options.TCP_REPAIR_WINDOW,
        fc.record({ sendWl1: u32, sendWindow: u32, maxWindow: u32, receiveWindow: u32, receiveWup: u32 }),
      ],
    ];
    for (const [option, values] of roundTrips) {
      fc.assert(
        fc.property(values, (value) => {
          expect(option.decode(option.encode(value as never))).toEqual(value);
        }),
        { verbose: 1 },
      );
    }
  });

  it("those that are wrong are named, with what was expected and what came", async () => {
    using socket = new Socket("inet", "stream");
    const table: [OptionName, unknown, string, string][] = [
      ["SO_ATTACH_FILTER", [], "RangeError", "SO_ATTACH_FILTER takes 1 to 4096 instructions, not 0"],
      ["SO_ATTACH_FILTER", new Uint8Array(7), "RangeError", "instructions of 8 bytes each, not 7 bytes"],
      [
        "SO_ATTACH_FILTER",
        [{ code: 70_000 }],
        "RangeError",
        "SO_ATTACH_FILTER's code takes an integer from 0 to 65535",
      ],
      ["SO_DETACH_FILTER", false, "TypeError", "SO_DETACH_FILTER takes true, not false"],
      ["IP_LOCAL_PORT_RANGE", { low: 9, high: 3 }, "RangeError", "takes a range whose low end is first, not 9"],
      ["IP_OPTIONS", "text", "TypeError", 'IP_OPTIONS takes a Uint8Array, not "text"'],
      ["MCAST_JOIN_GROUP", { group: "here" }, "RangeError", "MCAST_JOIN_GROUP's group takes the text of an address"],
      ["MCAST_MSFILTER", { group: "ff15::1", sources: [], mode: "both" }, "TypeError", '"include" or "exclude"'],
      ["PACKET_ADD_MEMBERSHIP", 5, "TypeError", "takes { interfaceIndex: number, type: number }, not 5"],
      ["SO_TXTIME", { clock: -1, flags: 0 }, "RangeError", "SO_TXTIME's clock takes an integer from 0"],
      ["TCP_FASTOPEN_KEY", new Uint8Array(15), "RangeError", "takes a key of 16 bytes, or two of them, not 15 bytes"],
      ["TCP_MD5SIG", { address: "127.0.0.1", key: "k".repeat(81) }, "RangeError", "at most 80 bytes, not 81 bytes"],
    ];
    for (const [name, value, type, message] of table) {
      const error = await failureOf(() => socket.setOption(name as "SO_RCVBUF", value as never));
      expect([name, error.name, error.message]).toEqual([name, type, expect.stringContaining(message)]);
    }
    const unread = await failureOf(() => socket.getOption("TCP_ZEROCOPY_RECEIVE", undefined as never));
    expect(unread.message).toContain("TCP_ZEROCOPY_RECEIVE takes { address: number, lengthBytes: number }");
  });

  it("TypeScript knows what each option takes", () => {
    using socket = new Socket("inet", "stream");
    const nagle: boolean = socket.getOption("TCP_NODELAY");
    const cookie: bigint = socket.getOption("SO_COOKIE");
    expect([nagle, typeof cookie]).toEqual([false, "bigint"]);
    // @ts-expect-error a switch takes a boolean
    expect(() => socket.setOption("TCP_NODELAY", 1)).toThrow(TypeError);
    // @ts-expect-error it can only be read
    expect(() => socket.setOption("SO_TYPE", 1)).toThrow(TypeError);
    // @ts-expect-error reading it takes the group
    expect(() => socket.getOption("MCAST_MSFILTER")).toThrow(TypeError);
    // @ts-expect-error no option is called so
    expect(() => socket.getOption("SO_NONSENSE")).toThrow(TypeError);
  });
});

describe("a refusal", () => {
  it("of an option that the socket does not have says so, and which kernel this is", async () => {
    using socket = new Socket("unix", "stream");
    const error = await failureOf(() => socket.setOption("TCP_NODELAY", true));
    expect(error.message).toMatch(/^setsockopt E\w+ TCP_NODELAY: \S/);
    using udp = new Socket("inet", "dgram");
    const other = await failureOf(() => udp.getOption("TCP_NODELAY"));
    expect(other.message).toMatch(
      /^getsockopt (ENOPROTOOPT|EOPNOTSUPP) TCP_NODELAY: (this kind of socket has no such option|the option cannot)/,
    );
  });

  it("for coming too early or too late says when to set it", async () => {
    using socket = new Socket("inet", "stream");
    const error = await failureOf(() => socket.setOption("TCP_ULP", "tls"));
    expect(error.message).toMatch(/^setsockopt \w+ TCP_ULP: .*(the socket has to be connected|nothing of this name)/);
    const early = await failureOf(() => socket.getOption("IP_MTU"));
    expect(early.message).toBe(
      "getsockopt ENOTCONN IP_MTU: the socket is not connected; the socket has to be connected",
    );
  });
});

describe("the helpers", () => {
  it("listen sets before bind what has to be set then", async () => {
    const endpoint = "tcp://198.51.100.7:0";
    expect((await failureOf(() => listen(endpoint))).code).toBe("EADDRNOTAVAIL");
    using listener = await listen(endpoint, { options: { IP_FREEBIND: true, TCP_DEFER_ACCEPT: 3 } });
    expect(listener.getOption("SO_ACCEPTCONN")).toBe(true);
    expect(listener.getOption("TCP_DEFER_ACCEPT")).toBe(3);
  });

  it("connect sets before it what has to be set then, and after it what needs a connection", async () => {
    using listener = tcpListener();
    const { port } = listener.localAddress as { port: number };
    using socket = await connect(`tcp://127.0.0.1:${port}`, {
      options: { TCP_QUICKACK: false, TCP_MAXSEG: 600, IP_BIND_ADDRESS_NO_PORT: true },
      local: "tcp://127.0.0.1:0",
    });
    // The kernel begins each connection with quick acknowledgements: it was set after.
    expect(socket.getOption("TCP_QUICKACK")).toBe(false);
    expect(socket.getOption("TCP_MAXSEG")).toBeLessThanOrEqual(600);
    expect(socket.getOption("IP_BIND_ADDRESS_NO_PORT")).toBe(true);
  });

  it("an option that fails closes the socket", async () => {
    using listener = tcpListener();
    const { port } = listener.localAddress as { port: number };
    const error = await failureOf(() => connect(`tcp://127.0.0.1:${port}`, { options: { TCP_ULP: "nonesuch" } }));
    expect(error).toMatchObject({ code: "ENOENT", syscall: "setsockopt" });
  });
});

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "no error";
}

function hasFamily(family: number): boolean {
  try {
    new Socket(family, "stream").close();
    return true;
  } catch {
    return false;
  }
}

function isAlias({ note }: AnyOption): boolean {
  return note?.startsWith("another name of") ?? false;
}

function sorted(numbers: number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

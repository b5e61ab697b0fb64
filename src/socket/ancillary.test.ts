import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CMSG_SPACE,
  decodeCmsgs,
  encodeCmsgs,
  formatIPv6,
  IP_RECVERR,
  IP_TOS,
  SCM_RIGHTS,
  SOL_IP,
  SOL_SOCKET,
} from "../abi/index.ts";
import { type Ancillary, decodeAncillary, encodeAncillary } from "./ancillary.ts";
import { SCALARS } from "./ancillary-scalars.ts";
import type { STRUCTS } from "./ancillary-structs.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u31 = fc.integer({ min: 0, max: 0x7fffffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const stamp = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
const ipv4 = fc.ipV4();
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const port = u16;

/** As the kernel's own way to write an IPv6 address, so that what is decoded can be compared. */
const ipv6Text = ipv6.map((bytes) => formatIPv6(bytes));
const inet = fc.record({ family: fc.constant("inet" as const), address: ipv4, port });
const inet6 = fc.record({ family: fc.constant("inet6" as const), address: ipv6Text, port });

const extendedError = fc.record(
  {
    errno: u31.map((value) => (value === 0 ? 0 : -value)),
    code: fc.constant(""),
    origin: fc.oneof(
      fc.constantFrom("none", "local", "icmp", "icmp6", "timestamping", "zerocopy", "txtime"),
      fc.integer({ min: 7, max: 255 }),
    ),
    eeType: u8,
    eeCode: u8,
    eeInfo: u32,
    eeData: u32,
    offender: fc.oneof(inet, inet6),
  },
  { requiredKeys: ["errno", "code", "origin", "eeType", "eeCode", "eeInfo", "eeData"] },
);

/** Of each kind, the fields that there can be. */
const fields: Record<keyof typeof STRUCTS, fc.Arbitrary<object>> = {
  IP_ORIGDSTADDR: fc.record({ address: inet }),
  IP_PKTINFO: fc.record({ interfaceIndex: u31, localAddress: ipv4, destinationAddress: ipv4 }),
  IP_RECVERR: extendedError,
  IPV6_ORIGDSTADDR: fc.record({ address: inet6 }),
  IPV6_PATHMTU: fc.record({ address: inet6, mtuBytes: u32 }),
  IPV6_PKTINFO: fc.record({ interfaceIndex: u31, localAddress: ipv6Text }),
  IPV6_RECVERR: extendedError,
  PACKET_AUXDATA: fc.record({
    status: u32,
    lengthBytes: u32,
    capturedBytes: u32,
    macOffset: u16,
    networkOffset: u16,
    vlanTci: u16,
    vlanTpid: u16,
  }),
  PACKET_TX_TIMESTAMP: extendedError,
  SCM_CREDENTIALS: fc.record({ pid: u31, uid: u32, gid: u32 }),
  SCM_PIDFD: fc.record({ pidfd: fc.integer({ min: -1, max: 0x7fffffff }) }),
  SCM_RIGHTS: fc.record({ descriptors: fc.array(u31, { maxLength: 253 }) }),
  SCM_SECURITY: fc.record({ context: fc.string({ unit: "grapheme" }) }),
  SO_TIMESTAMP: fc.record({ unixNs: stamp.map((ns) => ns - (ns % 1000n)) }),
  SO_TIMESTAMP_NEW: fc.record({ unixNs: stamp.map((ns) => ns - (ns % 1000n)) }),
  SO_TIMESTAMPING: stamps(),
  SO_TIMESTAMPING_NEW: stamps(),
  SO_TIMESTAMPING_FLAGS: fc.record({ flags: u32 }),
  SO_TIMESTAMPNS: fc.record({ unixNs: stamp }),
  SO_TIMESTAMPNS_NEW: fc.record({ unixNs: stamp }),
  VSOCK_RECVERR: extendedError,
};

const ranges = { byte: u8, int: i32, u16, u32, u32be: u32, u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) };

const structs = Object.entries(fields).map(([type, values]) => values.map((value) => ({ type, ...value })));
const scalars = Object.entries(SCALARS).map(([type, { kind }]) =>
  (ranges[kind] as fc.Arbitrary<number | bigint>).map((value) => ({ type, value })),
);
const raws = fc.record({
  type: fc.constant("raw"),
  // No level of these numbers has a codec.
  level: fc.integer({ min: 1000, max: 0x7fffffff }),
  number: i32,
  data: fc.uint8Array({ maxLength: 64 }),
});
const entry = fc.oneof(...structs, ...scalars, raws) as fc.Arbitrary<Ancillary>;

function stamps(): fc.Arbitrary<object> {
  const some = stamp.filter((ns) => ns !== 0n);
  return fc.record({ softwareNs: some, hardwareNs: some }, { requiredKeys: [] });
}

describe("the codec of ancillary data", () => {
  it("reads back what it wrote, of every kind", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        for (const { type } of entries) seen.add(type);
        const decoded = decodeAncillary(encodeAncillary(entries));
        // An extended error comes back with its name and what its numbers mean.
        const named = entries.map((one) => ("code" in one ? { ...one, code: expect.any(String) } : one));
        expect(decoded).toMatchObject(named);
        expect(decoded.length).toBe(entries.length);
      }),
      { numRuns: 1000 },
    );
    expect(seen.size).toBe(structs.length + scalars.length + 1);
  });

  it("never throws at bytes, and does not keep them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), fc.nat(300), (bytes, length) => {
        decodeAncillary(bytes, length);
      }),
    );
    const message = fc.record({
      level: fc.constantFrom(0, 1, 6, 17, 41, 263, 270, 287, 99),
      type: fc.integer({ min: 0, max: 110 }),
      data: fc.uint8Array({ maxLength: 80 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
        const control = encodeCmsgs(messages);
        const entries = decodeAncillary(control);
        expect(entries.length).toBe(messages.length);
        const before = JSON.stringify(entries, toText);
        control.fill(0xee);
        expect(JSON.stringify(entries, toText)).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes the numbers of the kernel and gives them names", () => {
    const icmp = new Uint8Array(32);
    // ECONNREFUSED from an ICMP port unreachable (type 3, code 3) that 10.0.0.1 sent.
    icmp.set([111, 0, 0, 0, 2, 3, 3, 0], 0);
    icmp.set([2, 0, 0, 0, 10, 0, 0, 1], 16);
    const control = encodeCmsgs([
      { level: SOL_IP, type: IP_RECVERR, data: icmp },
      { level: SOL_IP, type: IP_TOS, data: Uint8Array.of(0x10) },
      { level: SOL_SOCKET, type: SCM_RIGHTS, data: Uint8Array.of(9, 0, 0, 0, 10, 0, 0, 0) },
    ]);
    expect(decodeAncillary(control)).toMatchObject([
      {
        type: "IP_RECVERR",
        code: "ECONNREFUSED",
        errno: -111,
        origin: "icmp",
        icmp: { type: 3, code: 3 },
        offender: { family: "inet", address: "10.0.0.1", port: 0 },
      },
      { type: "IP_TOS", value: 0x10 },
      { type: "SCM_RIGHTS", descriptors: [9, 10] },
    ]);
  });

  it("leaves data that is too short for its name raw", () => {
    const control = encodeCmsgs([{ level: SOL_IP, type: IP_RECVERR, data: Uint8Array.of(1, 2, 3) }]);
    expect(decodeAncillary(control)).toEqual([
      { type: "raw", level: SOL_IP, number: IP_RECVERR, data: Uint8Array.of(1, 2, 3) },
    ]);
  });

  it("sends the flags of timestamping and receives its stamps", () => {
    const flags: Ancillary = { type: "SO_TIMESTAMPING_FLAGS", flags: 2 };
    const [message] = decodeCmsgs(encodeAncillary([flags]));
    expect(message).toMatchObject({ level: SOL_SOCKET, type: 37, data: Uint8Array.of(2, 0, 0, 0) });
    expect(decodeAncillary(encodeAncillary([flags]))).toEqual([flags]);
  });

  it("asks for no more room than CMSG_SPACE", () => {
    expect(encodeAncillary([{ type: "IP_TTL", value: 3 }]).length).toBe(CMSG_SPACE(4));
    expect(encodeAncillary([])).toEqual(new Uint8Array(0));
  });

  it.each<[string, unknown]>([
    ['there is no ancillary data of type "IP_NONE"', { type: "IP_NONE" }],
    ["UDP_SEGMENT takes an integer from 0 to 65535, not 65536", { type: "UDP_SEGMENT", value: 65536 }],
    ["IP_TTL takes a number, not 3", { type: "IP_TTL", value: "3" }],
    ["SCM_TXTIME takes a bigint, not 3", { type: "SCM_TXTIME", value: 3 }],
    ["a descriptor is an integer from 0 up, not -1", { type: "SCM_RIGHTS", descriptors: [-1] }],
    ["pid is an integer from 0 to 2147483647, not 0.5", { type: "SCM_CREDENTIALS", pid: 0.5, uid: 0, gid: 0 }],
    ["the data of raw ancillary data is a Uint8Array", { type: "raw", level: 1, number: 1, data: "x" }],
  ])("refuses: %s", (message, wrong) => {
    expect(() => encodeAncillary([wrong as Ancillary])).toThrow(message);
  });
});

function toText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

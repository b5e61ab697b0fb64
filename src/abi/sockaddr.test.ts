import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, AF_UNIX, ETH_P_IP, PACKET_OUTGOING } from "./generated/constants.ts";
import type { SocketAddress } from "./sockaddr.ts";
import { decodeSockaddr, encodeSockaddr, MAX_SOCKADDR_BYTES } from "./sockaddr.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("encoding", () => {
  const examples: readonly (readonly [address: SocketAddress, bytes: string])[] = [
    [{ family: "inet", address: "127.0.0.1", port: 7007 }, "02001b5f7f0000010000000000000000"],
    [
      { family: "inet6", address: "fe80::1", port: 53, flowinfo: 0x12345, scopeId: 3 },
      "0a00003500012345fe80000000000000000000000000000103000000",
    ],
    [{ family: "unix", kind: "path", path: "/run/x" }, "01002f72756e2f7800"],
    [{ family: "unix", kind: "path", path: Uint8Array.of(0x2f, 0xff) }, "01002fff00"],
    [{ family: "unix", kind: "abstract", name: "x\0y" }, "010000780079"],
    [{ family: "unix", kind: "abstract", name: "" }, "010000"],
    [{ family: "unix", kind: "unnamed" }, "0100"],
    [
      {
        family: "packet",
        protocol: ETH_P_IP,
        ifindex: 2,
        hatype: 1,
        pkttype: PACKET_OUTGOING,
        address: Uint8Array.of(1, 2, 3, 4, 5, 6),
      },
      "110008000200000001000406" + "0102030405060000",
    ],
    [{ family: "netlink", pid: 4711, groups: 0x80000001 }, "100000006712000001000080"],
    [{ family: "vsock", cid: 0xffffffff, port: 1024 }, "2800000000040000ffffffff00000000"],
    [{ family: "unknown", familyNumber: 29, bytes: Uint8Array.of(1, 2, 3) }, "1d00010203"],
  ];

  it.each(examples)("%o", (address, bytes) => {
    expect(hex(encodeSockaddr(address))).toBe(bytes);
    expect(decodeSockaddr(Buffer.from(bytes, "hex"))).toEqual(address);
  });

  it("writes at an offset, clears what it covers and returns the length", () => {
    const into = new Uint8Array(24).fill(0xee);
    expect(encodeSockaddr({ family: "inet", address: "1.2.3.4", port: 1 }, into, 4)).toBe(16);
    expect(hex(into)).toBe("eeeeeeee02000001010203040000000000000000eeeeeeee");
  });

  it("takes a numeric zone for the scope", () => {
    const bytes = encodeSockaddr({ family: "inet6", address: "fe80::1%7", port: 0 });
    expect(decodeSockaddr(bytes)).toEqual({ family: "inet6", address: "fe80::1", port: 0, scopeId: 7 });
  });
});

describe("misuse", () => {
  const path = "/".padEnd(108, "x");
  const wrong: readonly (readonly [address: SocketAddress, message: string])[] = [
    [{ family: "inet", address: "127.0.0.1", port: 70000 }, "port 70000 is not an integer from 0 to 65535"],
    [{ family: "inet", address: "127.0.0.1", port: -1 }, "port -1"],
    [{ family: "inet", address: "127.0.0.1", port: 1.5 }, "port 1.5"],
    [{ family: "inet", address: "256.0.0.1", port: 1 }, 'host "256.0.0.1" is not an IPv4 address'],
    [{ family: "inet", address: "::1", port: 1 }, 'host "::1" is not an IPv4 address'],
    [{ family: "inet6", address: "1.2.3.4", port: 1 }, 'host "1.2.3.4" is not an IPv6 address'],
    [{ family: "inet6", address: "::1", port: 70000 }, "port 70000"],
    [{ family: "inet6", address: "fe80::1%", port: 1 }, 'host "fe80::1%" is not an IPv6 address'],
    [{ family: "inet6", address: "fe80::1%eth0", port: 1 }, 'zone "eth0" of host "fe80::1%eth0"'],
    [{ family: "inet6", address: "fe80::1%4294967296", port: 1 }, "scopeId 4294967296"],
    [{ family: "inet6", address: "::1", port: 1, flowinfo: -1 }, "flowinfo -1"],
    [{ family: "unix", kind: "path", path }, `path "${path}" is 108 bytes long; 107 is the limit`],
    [{ family: "unix", kind: "path", path: "ü".repeat(54) }, "is 108 bytes long; 107 is the limit"],
    [{ family: "unix", kind: "path", path: "/a\0b" }, "has a NUL in it"],
    [{ family: "unix", kind: "path", path: "" }, "path is empty"],
    [{ family: "unix", kind: "path", path: "/\ud800" }, "surrogate"],
    [{ family: "unix", kind: "abstract", name: "x".repeat(108) }, "108 bytes long; 107 is the limit"],
    [{ family: "netlink", pid: -1, groups: 0 }, "pid -1"],
    [{ family: "netlink", pid: 0, groups: 2 ** 32 }, "groups 4294967296"],
    [{ family: "vsock", cid: 2 ** 32, port: 0 }, "cid 4294967296"],
    [{ family: "unknown", familyNumber: 65536, bytes: new Uint8Array() }, "familyNumber 65536"],
    [{ family: "unknown", familyNumber: 1, bytes: new Uint8Array(127) }, "length of bytes 127"],
    [
      { family: "packet", protocol: 0, ifindex: 0, hatype: 0, pkttype: 0, address: new Uint8Array(33) },
      "address length 33",
    ],
    [{ family: "inte" } as unknown as SocketAddress, 'address family "inte" is not one of inet, inet6'],
    [{ family: "unix", kind: "file" } as unknown as SocketAddress, 'kind "file" is not one of path'],
  ];

  it.each(wrong)("%o", (address, message) => {
    expect(() => encodeSockaddr(address)).toThrow(RangeError);
    expect(() => encodeSockaddr(address)).toThrow(message);
  });

  it("accepts the longest path and name", () => {
    expect(encodeSockaddr({ family: "unix", kind: "path", path: "x".repeat(107) })).toHaveLength(110);
    expect(encodeSockaddr({ family: "unix", kind: "abstract", name: "x".repeat(107) })).toHaveLength(110);
  });

  it("says when there is no room", () => {
    const address = { family: "inet", address: "1.2.3.4", port: 1 } as const;
    expect(() => encodeSockaddr(address, new Uint8Array(15))).toThrow("takes 16 bytes, and 15 are there");
    expect(() => encodeSockaddr(address, new Uint8Array(20), 5)).toThrow("takes 16 bytes, and 15 are there");
  });
});

describe("decoding", () => {
  it("stops a path at its NUL", () => {
    const bytes = new Uint8Array(110);
    bytes.set([1, 0, 0x2f, 0x61, 0, 0x62]);
    expect(decodeSockaddr(bytes)).toEqual({ family: "unix", kind: "path", path: "/a" });
  });

  it("takes a path that fills sun_path without a NUL", () => {
    const bytes = new Uint8Array(110).fill(0x61, 2);
    bytes[0] = AF_UNIX;
    expect(decodeSockaddr(bytes, 0, 111)).toEqual({ family: "unix", kind: "path", path: "a".repeat(108) });
  });

  it("keeps what is not UTF-8 as bytes, and a byte order mark as text", () => {
    const name = Uint8Array.of(0xc3, 0x28);
    expect(decodeSockaddr(encodeSockaddr({ family: "unix", kind: "abstract", name }))).toEqual({
      family: "unix",
      kind: "abstract",
      name,
    });
    const marked = { family: "unix", kind: "path", path: "\ufeffa" } as const;
    expect(decodeSockaddr(encodeSockaddr(marked))).toEqual(marked);
  });

  it("copies bytes out of the buffer, a Buffer too", () => {
    const buffer = Buffer.from("1d00010203", "hex");
    const address = decodeSockaddr(buffer);
    buffer.fill(0xee);
    expect(address).toEqual({ family: "unknown", familyNumber: 29, bytes: Uint8Array.of(1, 2, 3) });
  });

  it("answers a short address as unknown", () => {
    const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
    expect(decodeSockaddr(bytes())).toEqual({ family: "unknown", familyNumber: 0, bytes: bytes() });
    expect(decodeSockaddr(bytes(AF_INET))).toEqual({ family: "unknown", familyNumber: 0, bytes: bytes(AF_INET) });
    expect(decodeSockaddr(bytes(AF_INET, 0, 1))).toEqual({ family: "unknown", familyNumber: AF_INET, bytes: bytes(1) });
    expect(decodeSockaddr(new Uint8Array(16), 0, 0)).toEqual({ family: "unknown", familyNumber: 0, bytes: bytes() });
    const short = new Uint8Array(23);
    short[0] = AF_INET6;
    expect(decodeSockaddr(short)).toMatchObject({ family: "unknown", familyNumber: AF_INET6 });
  });

  it("takes an IPv6 address without a scope, as the kernel does", () => {
    const bytes = encodeSockaddr({ family: "inet6", address: "::1", port: 9, scopeId: 4 });
    expect(decodeSockaddr(bytes, 0, 24)).toEqual({ family: "inet6", address: "::1", port: 9 });
  });

  it("never throws, and what it decodes encodes again", () => {
    const families = fc.constantFrom(0, 1, 2, 10, 16, 17, 40, 29, 300);
    fc.assert(
      fc.property(
        families,
        fc.uint8Array({ maxLength: MAX_SOCKADDR_BYTES - 2 }),
        fc.nat(140),
        (family, tail, length) => {
          const bytes = Uint8Array.of(family, family >> 8, ...tail);
          const address = decodeSockaddr(bytes, 0, length);
          if (address.family === "packet" && address.ifindex < 0) return;
          if (address.family === "unix" && (address.kind === "path" ? address.path : "").length > 107) return;
          if (address.family === "packet" && address.address.length > 32) return;
          if (address.family === "unix" && address.kind === "abstract" && Buffer.from(address.name).length > 107)
            return;
          expect(decodeSockaddr(encodeSockaddr(address))).toEqual(address);
        },
      ),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(220),
        (bytes, offset) => void decodeSockaddr(bytes, offset),
      ),
    );
  });
});

describe("round trip", () => {
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((value) => {
    const size = Buffer.byteLength(value);
    return size <= 107 && !value.includes("\0");
  });
  const ipv6 = fc.ipV6().map((value) => new URL(`http://[${value}]/`).hostname.slice(1, -1));

  it("of every family is identity", () => {
    const addresses: fc.Arbitrary<SocketAddress> = fc.oneof(
      fc.record({ family: fc.constant("inet" as const), address: fc.ipV4(), port: u16 }),
      fc
        .record({ family: fc.constant("inet6" as const), address: ipv6, port: u16, flowinfo: u32, scopeId: u32 })
        .filter(({ address, flowinfo, scopeId }) => !address.startsWith("::ffff:") && flowinfo > 0 && scopeId > 0),
      fc.record({ family: fc.constant("unix" as const), kind: fc.constant("path" as const), path: text }),
      fc.record({ family: fc.constant("unix" as const), kind: fc.constant("abstract" as const), name: text }),
      fc.record({ family: fc.constant("netlink" as const), pid: u32, groups: u32 }),
      fc.record({ family: fc.constant("vsock" as const), cid: u32, port: u32 }),
      fc.record({
        family: fc.constant("packet" as const),
        protocol: u16,
        ifindex: fc.nat(),
        hatype: u16,
        pkttype: fc.nat(255),
        address: fc.uint8Array({ maxLength: 32 }),
      }),
    );
    fc.assert(
      fc.property(addresses, (address) => {
        expect(decodeSockaddr(encodeSockaddr(address))).toEqual(address);
      }),
      { numRuns: 2000 },
    );
  });
});

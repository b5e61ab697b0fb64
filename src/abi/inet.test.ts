import { isIPv4 as nodeIsIPv4, isIPv6 as nodeIsIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, AF_UNIX } from "./generated/constants.ts";
import {
  formatIPv6,
  inet_aton,
  inet_ntop,
  inet_pton,
  isIPv4,
  isIPv6,
  parseIPv4,
  parseIPv6,
  parseIPv6Into,
  splitZone,
} from "./inet.ts";

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("hex"));

describe("IPv4 text", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["127.0.0.1", "7f000001"],
    ["192.168.10.255", "c0a80aff"],
    ["255.255.255.255", "ffffffff"],
  ])("%s is %s, both ways", (text, bytes) => {
    expect(hex(inet_pton(AF_INET, text))).toBe(bytes);
    expect(inet_ntop(AF_INET, Buffer.from(bytes, "hex"))).toBe(text);
  });

  it.each([
    "256.0.0.1",
    "abrakadabra",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.04",
    "00.0.0.0",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.1000",
    "1.2.3.-4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "0x7f.0.0.1",
    "1.2.3.4\0",
    "१.2.3.4",
    "::1",
    "",
  ])("%j is refused", (text) => {
    expect(inet_pton(AF_INET, text)).toBeNull();
    expect(isIPv4(text)).toBe(false);
    expect(() => parseIPv4(text)).toThrow(RangeError);
  });

  it("names the text that is refused", () => {
    expect(() => parseIPv4("256.0.0.1")).toThrow('"256.0.0.1" is not an IPv4 address');
  });
});

describe("IPv6 text", () => {
  /** From RFC 4291 section 2.2, RFC 5952 sections 1 to 5, and the corners of both. */
  const canonical: readonly (readonly [text: string, canonical: string])[] = [
    ["ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"],
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["FF01:0:0:0:0:0:0:101", "ff01::101"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:13.1.68.3", "::d01:4403"],
    ["::13.1.68.3", "::d01:4403"],
    ["0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38"],
    ["::FFFF:129.144.52.38", "::ffff:129.144.52.38"],
    ["::ffff:102:304", "::ffff:1.2.3.4"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["0:0:1::", "0:0:1::"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["fe80::0204:61ff:fe9d:f156", "fe80::204:61ff:fe9d:f156"],
  ];

  it.each(canonical)("%s is %s", (text, expected) => {
    const bytes = inet_pton(AF_INET6, text);
    expect(bytes).not.toBeNull();
    expect(inet_ntop(AF_INET6, bytes!)).toBe(expected);
    expect(hex(inet_pton(AF_INET6, expected))).toBe(hex(bytes));
  });

  it.each([
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1::2:3:4:5:6:7:8",
    "1::2::3",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7:",
    "12345::",
    "::g",
    "::1.2.3",
    "::1.2.3.4.5",
    "::256.2.3.4",
    "::01.2.3.4",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3.4:5",
    "::1 ",
    "[::1]",
    "::1%eth0",
    "127.0.0.1",
  ])("%j is refused", (text) => {
    expect(inet_pton(AF_INET6, text)).toBeNull();
    expect(() => parseIPv6(text)).toThrow(RangeError);
  });
});

describe("both families", () => {
  const ipv6Like = fc
    .array(fc.constantFrom("::", ":", ".", "0", "1", "ffff", "Ab", "12", "256", "1.2.3.4", "%", "%1", "g"), {
      maxLength: 14,
    })
    .map((parts) => parts.join(""));
  const ipv4Like = fc.array(fc.constantFrom(".", "0", "1", "00", "25", "255", "256", "a", " "), { maxLength: 9 });

  it("agrees with node:net about what an address is", () => {
    fc.assert(
      fc.property(fc.oneof(ipv6Like, fc.ipV6(), fc.string()), (text) => {
        expect(inet_pton(AF_INET6, text) !== null).toBe(nodeIsIPv6(text) && !text.includes("%"));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          ipv4Like.map((parts) => parts.join("")),
          fc.ipV4(),
          fc.string(),
        ),
        (text) => {
          expect(inet_pton(AF_INET, text) !== null).toBe(nodeIsIPv4(text));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        expect(inet_pton(AF_INET, inet_ntop(AF_INET, bytes))).toEqual(bytes);
      }),
    );
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xff, 0x20), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(sparse, (list) => {
        const bytes = Uint8Array.from(list);
        const text = inet_ntop(AF_INET6, bytes);
        expect(inet_pton(AF_INET6, text)).toEqual(bytes);
        // Canonical: writing what was read gives the same text, and so does the URL parser's own serializer, which has
        // no dotted form.
        if (!text.includes(".")) expect(`[${text}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 2000 },
    );
  });

  it("reads and writes at an offset and nowhere else", () => {
    const bytes = new Uint8Array(20).fill(7);
    expect(parseIPv6Into("fe80::1", bytes, 2)).toBe(true);
    expect([...bytes.subarray(0, 2), ...bytes.subarray(18)]).toEqual([7, 7, 7, 7]);
    expect(formatIPv6(bytes, 2)).toBe("fe80::1");
    expect(inet_ntop(AF_INET, Uint8Array.of(9, 10, 0, 0, 1, 9), 1)).toBe("10.0.0.1");
  });

  it("refuses another family and bytes that end too early", () => {
    expect(() => inet_pton(AF_UNIX, "1.2.3.4")).toThrow(RangeError);
    expect(() => inet_ntop(AF_UNIX, new Uint8Array(16))).toThrow(RangeError);
    expect(() => inet_ntop(AF_INET6, new Uint8Array(15))).toThrow(RangeError);
    expect(() => inet_ntop(AF_INET, new Uint8Array(4), 1)).toThrow(RangeError);
  });
});

describe("zones", () => {
  it.each([
    ["fe80::1", { address: "fe80::1" }],
    ["fe80::1%eth0", { address: "fe80::1", zone: "eth0" }],
    ["fe80::1%3", { address: "fe80::1", zone: "3" }],
    ["fe80::1%a%b", { address: "fe80::1", zone: "a%b" }],
    ["fe80::1%", null],
  ])("%s", (text, expected) => {
    expect(splitZone(text)).toEqual(expected);
  });

  it("is part of what isIPv6 takes", () => {
    expect(isIPv6("fe80::1%eth0")).toBe(true);
    expect(isIPv6("fe80::1%")).toBe(false);
    expect(isIPv6("127.0.0.1")).toBe(false);
  });
});

describe("inet_aton", () => {
  it.each([
    ["127.1", "7f000001"],
    ["127.0.1", "7f000001"],
    ["0x7f.1", "7f000001"],
    ["0177.0.0.01", "7f000001"],
    ["2130706433", "7f000001"],
    ["0x7f000001", "7f000001"],
    ["017700000001", "7f000001"],
    ["1.2.65535", "0102ffff"],
    ["1.16777215", "01ffffff"],
    ["4294967295", "ffffffff"],
    ["0", "00000000"],
    ["1.2.3.4", "01020304"],
  ])("%s is %s", (text, expected) => {
    expect(hex(inet_aton(text))).toBe(expected);
  });

  it.each([
    "",
    ".",
    "1.",
    "1..2",
    "256.1",
    "1.16777216",
    "1.2.65536",
    "1.2.3.256",
    "4294967296",
    "08",
    "0x",
    "0xg",
    "1.2.3.4.5",
    "-1",
    "1.2.3.4 tail",
    "99999999999999999999",
  ])("%j is refused", (text) => {
    expect(inet_aton(text)).toBeNull();
  });

  it("agrees with the strict form where both take the text", () => {
    fc.assert(fc.property(fc.ipV4(), (text) => hex(inet_aton(text)) === hex(inet_pton(AF_INET, text))));
  });
});

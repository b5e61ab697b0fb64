import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSource } from "./source-address.ts";

describe("the source of a datagram", () => {
  it.each([
    ["192.0.2.1", "unicast", "192.0.2.1"],
    ["127.0.0.1", "loopback", "127.0.0.1"],
    ["127.255.0.9", "loopback", "127.255.0.9"],
    ["0.0.0.0", "unspecified", "0.0.0.0"],
    ["0.1.2.3", "unspecified", "0.1.2.3"],
    ["223.255.255.255", "unicast", "223.255.255.255"],
    ["224.0.0.1", "multicast", "224.0.0.1"],
    ["239.255.255.255", "multicast", "239.255.255.255"],
    ["240.0.0.1", "reserved", "240.0.0.1"],
    ["255.255.255.255", "reserved", "255.255.255.255"],
    ["::ffff:192.0.2.1", "unicast", "192.0.2.1"],
    ["::FFFF:255.255.255.255", "reserved", "255.255.255.255"],
    ["::ffff:127.0.0.1", "loopback", "127.0.0.1"],
    ["::1", "loopback", "0:0:0:0::/64"],
    ["::", "unspecified", "0:0:0:0::/64"],
    ["::2", "unicast", "0:0:0:0::/64"],
    ["ff02::1", "multicast", "ff02:0:0:0::/64"],
    ["fe80::1%eth0", "unicast", "fe80:0:0:0:0:0:0:1"],
    ["2001:db8:1:2:3:4:5:6", "unicast", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::", "unicast", "2001:db8:1:2::/64"],
    ["2001:DB8::2:3:4:5:6", "unicast", "2001:db8:0:2::/64"],
  ])("%s is %s of %s", (address, kind, group) => {
    expect(readSource(address)).toEqual({ kind, group });
  });

  it.each([
    "",
    "localhost",
    "1.2.3",
    "256.1.1.1",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
  ])("%j is malformed", (address) => {
    expect(readSource(address).kind).toBe("malformed");
  });

  it("throws for nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%]*$/)), (text) => {
        expect(() => readSource(text)).not.toThrow();
      }),
    );
  });

  it("knows every address for one", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }).map(v6Text)), (text) => {
        expect(readSource(text).kind).not.toBe("malformed");
      }),
    );
  });
});

function v6Text(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

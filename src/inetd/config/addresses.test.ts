import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTimes, network, parsePattern, parseTimes, parseXinetdPatterns } from "./addresses.ts";

describe("rules of addresses", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::1", "::1"],
    ["2001:db8::/33", "2001:db8::/33"],
    ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3/104", "10.0.0.0/8"],
    ["gateway", "gateway"],
    [".example.org", ".example.org"],
  ])("%s is %s", (text, canonical) => {
    expect(parsePattern(text).text).toBe(canonical);
    expect(parsePattern(canonical)).toEqual(parsePattern(text));
  });

  it.each([
    "",
    "300.1.1.1",
    "10.1",
    "10.0.0.0/33",
    "::1/129",
    "::g",
    "10.0.0.0/8/8",
    "a b",
    "-x",
    "host/8",
    "1.2.3.4-5",
  ])("%j is refused", (text) => {
    expect(() => parsePattern(text)).toThrow(RangeError);
  });

  it.each([
    ["128.138.12.0", ["128.138.12.0/24"]],
    ["128.0.0.0", ["128.0.0.0/8"]],
    ["0.0.0.0", ["0.0.0.0/0"]],
    ["128.138.12.1", ["128.138.12.1"]],
    ["10.0.0.{1,2}", ["10.0.0.1", "10.0.0.2"]],
    ["10.0.{1,2}", ["10.0.1.0/24", "10.0.2.0/24"]],
    ["10.0.0.0/16", ["10.0.0.0/16"]],
  ])("xinetd's %s is %j", (text, canonical) => {
    expect(parseXinetdPatterns(text).map((pattern) => pattern.text)).toEqual(canonical);
  });

  it.each(["10.{1,300}", "10.{1,}", "{1,2}", "10.0.0.0.{1}"])("xinetd's %s is refused", (text) => {
    expect(() => parseXinetdPatterns(text)).toThrow(RangeError);
  });

  it("have a text that reads the same", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, fc.nat(128), (address, wished) => {
        const pattern = network(address, Math.min(wished, address.length * 8));
        expect(parsePattern(pattern.text)).toEqual(pattern);
      }),
    );
  });
});

describe("spans of a day", () => {
  it.each([
    ["8:30-17:00", 510, 1020],
    ["00:00-24:00", 0, 1439],
    ["9:05-9:05", 545, 545],
  ])("%s", (text, fromMinute, toMinute) => {
    expect(parseTimes(text)).toEqual({ fromMinute, toMinute });
    expect(parseTimes(formatTimes({ fromMinute, toMinute }))).toEqual({ fromMinute, toMinute });
  });

  it.each(["", "8-9", "9:00-8:00", "24:00-24:00", "8:60-9:00", "8:00-24:01", "8:00-25:00"])("%j is refused", (text) => {
    expect(() => parseTimes(text)).toThrow(RangeError);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  htonl,
  htonll,
  htons,
  ntohl,
  ntohll,
  ntohs,
  readI32,
  readU16,
  readU32,
  readU64,
  writeU16,
  writeU32,
  writeU64,
} from "./byte-order.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });

describe("network byte order", () => {
  it("swaps", () => {
    expect(htons(7007)).toBe(0x5f1b);
    expect(htonl(0x7f000001)).toBe(0x0100007f);
    expect(htonl(0x000000ff)).toBe(0xff000000);
    expect(htonll(1n)).toBe(0x0100000000000000n);
  });

  it("comes back", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), (value) => ntohs(htons(value)) === value));
    fc.assert(fc.property(u32, (value) => ntohl(htonl(value)) === value));
    fc.assert(fc.property(u64, (value) => ntohll(htonll(value)) === value));
  });

  it("refuses what does not fit, and says what and why", () => {
    expect(() => htons(65536)).toThrow("htons takes an integer from 0 to 65535, not 65536");
    for (const wrong of [-1, 0.5, Number.NaN, 0x100000000]) {
      expect(() => htons(wrong)).toThrow(RangeError);
      expect(() => ntohs(wrong)).toThrow(RangeError);
      expect(() => htonl(wrong)).toThrow(RangeError);
      expect(() => ntohl(wrong)).toThrow(RangeError);
    }
    expect(() => htonll(-1n)).toThrow(RangeError);
    expect(() => ntohll(1n << 64n)).toThrow(RangeError);
  });
});

describe("numbers in memory", () => {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);

  it("is what a DataView says", () => {
    fc.assert(
      fc.property(u32, u64, fc.nat(8), (value, wide, offset) => {
        writeU16(bytes, offset, value);
        expect(view.getUint16(offset, true)).toBe(value & 0xffff);
        expect(readU16(bytes, offset)).toBe(value & 0xffff);
        writeU32(bytes, offset, value);
        expect(view.getUint32(offset, true)).toBe(value);
        expect(readU32(bytes, offset)).toBe(value);
        expect(readI32(bytes, offset)).toBe(value | 0);
        writeU64(bytes, offset, wide);
        expect(view.getBigUint64(offset, true)).toBe(wide);
        expect(readU64(bytes, offset)).toBe(wide);
      }),
    );
  });

  it("writes negative numbers as the kernel reads them", () => {
    writeU32(bytes, 0, -2);
    expect(readI32(bytes, 0)).toBe(-2);
    writeU64(bytes, 0, -1n);
    expect(readU64(bytes, 0)).toBe(0xffffffffffffffffn);
  });
});

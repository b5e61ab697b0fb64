import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CMSG_ALIGN,
  CMSG_LEN,
  CMSG_SPACE,
  CmsgWriter,
  type ControlMessage,
  decodeCmsgs,
  encodeCmsgs,
  forEachCmsg,
} from "./cmsg.ts";
import { SCM_RIGHTS, SOL_SOCKET } from "./generated/constants.ts";

describe("the macros", () => {
  it("are those of cmsg(3) for 64 bits", () => {
    expect([0, 1, 8, 9].map(CMSG_ALIGN)).toEqual([0, 8, 8, 16]);
    expect([0, 4, 8].map(CMSG_LEN)).toEqual([16, 20, 24]);
    expect([0, 4, 8, 12].map(CMSG_SPACE)).toEqual([16, 24, 24, 32]);
  });
});

describe("building", () => {
  it("lays descriptors out as the kernel wants them", () => {
    const bytes = encodeCmsgs([{ level: SOL_SOCKET, type: SCM_RIGHTS, data: Uint8Array.of(5, 0, 0, 0) }]);
    expect(Buffer.from(bytes).toString("hex")).toBe("140000000000000001000000010000000500000000000000");
  });

  it("reuses its buffer, and clears it", () => {
    const writer = new CmsgWriter(new Uint8Array(48).fill(0xee));
    writer.append(1, 2, Uint8Array.of(1, 2, 3));
    const at = writer.reserve(3, 4, 5);
    expect([at, writer.length]).toEqual([40, 48]);
    expect([...writer.bytes.subarray(19, 24), ...writer.bytes.subarray(40)]).toEqual(new Array(13).fill(0));
    expect(writer.reset().append(9, 9, new Uint8Array(0)).length).toBe(16);
  });

  it("says when there is no room", () => {
    const writer = new CmsgWriter(new Uint8Array(23));
    expect(() => writer.append(1, 1, new Uint8Array(4))).toThrow("takes 24 bytes, and 23 are left");
    expect(writer.length).toBe(0);
  });
});

describe("walking", () => {
  const int = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  const messages = fc.array(
    fc.record<ControlMessage>({ level: int, type: int, data: fc.uint8Array({ maxLength: 40 }) }),
    { maxLength: 6 },
  );

  it("finds what was built", () => {
    fc.assert(
      fc.property(messages, (list) => {
        expect(decodeCmsgs(encodeCmsgs(list))).toEqual(list);
      }),
    );
  });

  it("never throws, and stays inside", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(120), (bytes, length) => {
        forEachCmsg(bytes, length, (_level, _type, start, end) => {
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(Math.min(length, bytes.length));
        });
      }),
    );
  });

  it("never throws on damaged messages either", () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), fc.nat(200), (list, position, value, length) => {
        const bytes = encodeCmsgs(list);
        if (bytes.length > 0) bytes[position % bytes.length] = value;
        for (const { data } of decodeCmsgs(bytes, length))
          expect(data.byteOffset + data.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it("stops at a header that claims too little, too much, or more than 32 bits", () => {
    const good = { level: 1, type: 2, data: Uint8Array.of(7) };
    for (const [at, value] of [
      [24, 15],
      [24, 33],
      [28, 1],
    ] as const) {
      const bytes = encodeCmsgs([good, good]);
      bytes[at] = value;
      expect(decodeCmsgs(bytes)).toEqual([good]);
    }
  });

  it("takes a last message without its padding", () => {
    const bytes = encodeCmsgs([{ level: 1, type: 2, data: Uint8Array.of(7) }]);
    expect(decodeCmsgs(bytes, 17)).toHaveLength(1);
    expect(decodeCmsgs(bytes, 16)).toHaveLength(0);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  NLM_F_ACK,
  NLM_F_REQUEST,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./generated/constants.ts";
import {
  forEachAttribute,
  forEachNetlinkMessage,
  MAX_ATTRIBUTE_BYTES,
  type NetlinkMessage,
  NetlinkWriter,
  readAttributeText,
} from "./netlink.ts";

function messagesIn(bytes: Uint8Array): NetlinkMessage[] {
  const found: NetlinkMessage[] = [];
  forEachNetlinkMessage(bytes, bytes.length, (message) => found.push(message));
  return found;
}

function attributesIn(bytes: Uint8Array, start: number, end: number): [number, Uint8Array][] {
  const found: [number, Uint8Array][] = [];
  forEachAttribute(bytes, start, end, (type, from, to) => found.push([type, bytes.slice(from, to)]));
  return found;
}

describe("building", () => {
  it("lays a request out as rtnetlink(7) has it", () => {
    const writer = new NetlinkWriter().begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 7);
    writer.reserve(16)[0] = 0;
    writer.attributeText(IFLA_IFNAME, "lo");
    expect(Buffer.from(writer.finish()).toString("hex")).toBe(
      `28000000120005000700000000000000${"00".repeat(16)}070003006c6f0000`,
    );
  });

  it("nests, and starts another message where the last one ended", () => {
    const writer = new NetlinkWriter();
    writer.begin(RTM_NEWLINK, NLM_F_REQUEST, 1).raw(new Uint8Array(16));
    writer.nested(IFLA_LINKINFO, (inner) => inner.attributeText(IFLA_INFO_KIND, "veth"));
    writer.begin(RTM_GETLINK, 0, 2, 99);
    const bytes = writer.finish();
    const [first, second] = messagesIn(bytes);
    expect(second).toMatchObject({ type: RTM_GETLINK, seq: 2, pid: 99 });
    const [[type, data] = [0, new Uint8Array()]] = attributesIn(bytes, first!.start + 16, first!.end);
    expect(type).toBe(IFLA_LINKINFO);
    expect(attributesIn(data, 0, data.length)).toEqual([[IFLA_INFO_KIND, new TextEncoder().encode("veth\0")]]);
  });

  it("writes numbers of every width", () => {
    const writer = new NetlinkWriter();
    writer.begin(1, 0, 0).attributeU8(1, 0xfe).attributeU16(2, 0xfedc).attributeU32(3, 0xfedcba98);
    const bytes = writer.attributeU64(4, 0xfedcba9876543210n).finish();
    const [message] = messagesIn(bytes);
    const hex = attributesIn(bytes, message!.start, message!.end).map(([, data]) => Buffer.from(data).toString("hex"));
    expect(hex).toEqual(["fe", "dcfe", "98badcfe", "1032547698badcfe"]);
  });

  it("is bounded", () => {
    const writer = new NetlinkWriter(32).begin(1, 0, 0);
    expect(() => writer.raw(new Uint8Array(17))).toThrow("takes 20 bytes more, and 16 are left");
    const large = new NetlinkWriter(200_000).begin(1, 0, 0);
    expect(() => large.attribute(1, new Uint8Array(MAX_ATTRIBUTE_BYTES + 1))).toThrow("65531 is the limit");
    expect(() => large.nested(1, (inner) => inner.raw(new Uint8Array(70_000)))).toThrow(RangeError);
  });
});

describe("walking", () => {
  const attribute = fc.tuple(fc.nat(0x3fff), fc.uint8Array({ maxLength: 30 }));

  it("finds what was built", () => {
    const messages = fc.array(fc.record({ type: fc.nat(0xffff), seq: fc.nat(), attributes: fc.array(attribute) }));
    fc.assert(
      fc.property(messages, (list) => {
        const writer = new NetlinkWriter(64 * 1024);
        for (const { type, seq, attributes } of list) {
          writer.begin(type, 0, seq);
          for (const [kind, data] of attributes) writer.attribute(kind, data);
        }
        const bytes = writer.finish();
        const found = messagesIn(bytes).map(({ type, seq, start, end }) => {
          return { type, seq, attributes: attributesIn(bytes, start, end) };
        });
        expect(found).toEqual(list);
      }),
    );
  });

  it("never throws, and stays inside", () => {
    const damaged = fc.tuple(fc.array(attribute), fc.nat(), fc.nat(255)).map(([attributes, position, value]) => {
      const writer = new NetlinkWriter(64 * 1024).begin(1, 0, 0);
      for (const [kind, data] of attributes) writer.attribute(kind, data);
      const bytes = writer.finish();
      bytes[position % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), damaged), (bytes) => {
        for (const { start, end } of messagesIn(bytes)) {
          expect(end).toBeLessThanOrEqual(bytes.length);
          forEachAttribute(bytes, start, end, (_type, from, to) => {
            expect(from).toBeLessThanOrEqual(to);
            expect(to).toBeLessThanOrEqual(end);
          });
        }
        attributesIn(bytes, 0, bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it("ends when told, and at lengths that cannot be", () => {
    const bytes = new NetlinkWriter().begin(1, 0, 1).begin(2, 0, 2).finish();
    expect(forEachNetlinkMessage(bytes, bytes.length, () => false)).toBe(1);
    expect(forEachNetlinkMessage(bytes, 31, () => true)).toBe(1);
    bytes[16] = 15;
    expect(messagesIn(bytes)).toHaveLength(1);
    expect(attributesIn(Uint8Array.of(3, 0, 1, 0), 0, 4)).toEqual([]);
    expect(attributesIn(Uint8Array.of(5, 0, 1, 0), 0, 4)).toEqual([]);
  });

  it("reads text up to its NUL", () => {
    expect(readAttributeText(Uint8Array.of(1, 0x6c, 0x6f, 0, 0x78), 1, 5)).toBe("lo");
    expect(readAttributeText(Uint8Array.of(0x6c, 0x6f), 0, 2)).toBe("lo");
    expect(readAttributeText(Uint8Array.of(0xff), 0, 1)).toBe("\ufffd");
  });
});

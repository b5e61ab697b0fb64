import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeDatagrams } from "./driver.testing.ts";
import { decodeTimeQuery, encodeTimeQuery, TIME_QUERY_BYTES, TimeQueryServer } from "./time-query.ts";

const SEQUENCE = fc.nat({ max: 2 ** 32 - 1 });

describe("the packet", () => {
  it("has 13 bytes, most significant first", () => {
    const bytes = encodeTimeQuery({ type: "request", sequence: 0x01020304, unixMs: 0x1_0203_0405_06 });
    expect([...bytes]).toEqual([1, 1, 2, 3, 4, 0, 0, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06]);
    expect(bytes.length).toBe(TIME_QUERY_BYTES);
  });

  it("is read as it was written", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("request" as const, "response" as const),
        SEQUENCE,
        fc.maxSafeNat(),
        (type, sequence, unixMs) => {
          const packet = { type, sequence, unixMs };
          expect(decodeTimeQuery(encodeTimeQuery(packet))).toEqual(packet);
        },
      ),
    );
  });

  it("is nothing else", () => {
    const right = encodeTimeQuery({ type: "response", sequence: 1, unixMs: 2 });
    for (let length = 0; length < TIME_QUERY_BYTES; length++) {
      expect(decodeTimeQuery(right.slice(0, length))).toBeUndefined();
    }
    expect(decodeTimeQuery(Uint8Array.of(...right, 0))).toBeUndefined();
    expect(decodeTimeQuery(Uint8Array.of(3, ...right.slice(1)))).toBeUndefined();
    expect(decodeTimeQuery(new Uint8Array(TIME_QUERY_BYTES).fill(0xff, 1).fill(1, 0, 1))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        expect(() => decodeTimeQuery(bytes)).not.toThrow();
      }),
    );
  });

  it("refuses numbers that do not fit", () => {
    for (const sequence of [-1, 2 ** 32, 0.5]) {
      expect(() => encodeTimeQuery({ type: "request", sequence, unixMs: 0 })).toThrow(RangeError);
    }
    for (const unixMs of [-1, 0.5, 2 ** 53]) {
      expect(() => encodeTimeQuery({ type: "request", sequence: 0, unixMs })).toThrow(RangeError);
    }
  });
});

describe("the time query server", () => {
  it("answers each request with its sequence and the server's time", () => {
    fc.assert(
      fc.property(SEQUENCE, fc.maxSafeNat(), (sequence, unixMs) => {
        const socket = new FakeDatagrams(new TimeQueryServer());
        socket.unixMs = 1_700_000_000_123;
        const answers = socket.receive(encodeTimeQuery({ type: "request", sequence, unixMs }));
        expect(answers.map((answer) => decodeTimeQuery(answer))).toEqual([
          { type: "response", sequence, unixMs: 1_700_000_000_123 },
        ]);
      }),
    );
  });

  it("ignores and counts what is no request, also a response and a truncated one", () => {
    const server = new TimeQueryServer();
    const socket = new FakeDatagrams(server);
    const request = encodeTimeQuery({ type: "request", sequence: 1, unixMs: 2 });
    const response = encodeTimeQuery({ type: "response", sequence: 1, unixMs: 2 });
    for (const bytes of [new Uint8Array(0), request.slice(1), Uint8Array.of(...request, 0), response]) {
      expect(socket.receive(bytes)).toEqual([]);
    }
    expect(socket.receive(request, undefined, TIME_QUERY_BYTES + 1)).toEqual([]);
    expect([server.answered, server.ignored]).toEqual([0, 5]);
    expect(socket.receive(request)).toHaveLength(1);
    expect([server.answered, server.ignored]).toEqual([1, 5]);
  });
});

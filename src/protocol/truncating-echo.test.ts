import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guarded } from "./datagram-guard.ts";
import { FakeDatagrams, peerAt } from "./driver.testing.ts";
import { TRUNCATING_ECHO_BYTES, TRUNCATION_NOTE_MAX_BYTES, truncatingEcho, truncationNote } from "./truncating-echo.ts";

describe("the truncating echo", () => {
  it("answers what fits into eight bytes", () => {
    const socket = new FakeDatagrams(truncatingEcho()());
    expect(socket.receiveText("hello, world")).toEqual(["hello, w"]);
    expect(socket.receiveText("12345678")).toEqual(["12345678"]);
    expect(socket.receiveText("short")).toEqual(["short"]);
    expect(socket.receiveText("")).toEqual([""]);
  });

  it("takes its measure from the wire when the kernel has truncated already", () => {
    const lengths: [number, number][] = [];
    const onDatagram = (kept: number, full: number): void => void lengths.push([kept, full]);
    const socket = new FakeDatagrams(truncatingEcho({ onDatagram, tellLength: true })());
    const [answer] = socket.receive("hello, w", undefined, 12);
    expect(new TextDecoder().decode(answer)).toBe("hello, w [8 of 12 bytes]\n");
    expect(socket.receiveText("12345678")).toEqual(["12345678"]);
    expect(lengths).toEqual([
      [8, 12],
      [8, 8],
    ]);
  });

  it("keeps a prefix of any datagram, whatever the buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 120 }), (input, bufferBytes) => {
        const socket = new FakeDatagrams(truncatingEcho({ bufferBytes })());
        expect(socket.receive(input)).toEqual([input.slice(0, bufferBytes)]);
      }),
    );
  });

  it("needs no more than its stated growth for the note", () => {
    expect(truncationNote(65_535, 65_536).length).toBeLessThanOrEqual(TRUNCATION_NOTE_MAX_BYTES);
    const protocol = truncatingEcho({ tellLength: true })();
    const guard = { maxGrowthBytes: TRUNCATION_NOTE_MAX_BYTES };
    const socket = new FakeDatagrams(guarded(protocol, guard));
    expect(socket.receiveText("123456789", peerAt("192.0.2.1", 40_000))).toEqual(["12345678 [8 of 9 bytes]\n"]);
  });

  it("refuses buffers that cannot be", () => {
    for (const bufferBytes of [0, -1, 1.5, 65_536, Number.NaN]) {
      expect(() => truncatingEcho({ bufferBytes })).toThrow(RangeError);
    }
    expect(TRUNCATING_ECHO_BYTES).toBe(8);
  });
});

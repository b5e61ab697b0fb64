import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { converse, FakeDatagrams } from "./driver.testing.ts";
import { echoDatagram, echoStream } from "./echo.ts";

describe("echo", () => {
  it("returns a stream byte for byte, however it arrives, and half-closes after the peer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(200)), (input, cuts) => {
        const outcome = converse(
          echoStream,
          input,
          cuts.sort((a, b) => a - b),
        );
        expect(outcome).toEqual({ output: [...input], ended: true, aborted: undefined });
      }),
    );
  });

  it("returns each datagram once, also an empty one", () => {
    const socket = new FakeDatagrams(echoDatagram);
    expect(socket.receive("hello")).toEqual([new TextEncoder().encode("hello")]);
    expect(socket.receive("")).toEqual([new Uint8Array(0)]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { discardDatagram, discardStream } from "./discard.ts";
import { converse, FakeDatagrams } from "./driver.testing.ts";

describe("discard", () => {
  it("answers nothing, and ends when the peer does (RFC 863)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (input) => {
        expect(converse(discardStream, input, [1, 2])).toEqual({ output: [], ended: true, aborted: undefined });
        expect(new FakeDatagrams(discardDatagram).receive(input)).toEqual([]);
      }),
    );
  });
});

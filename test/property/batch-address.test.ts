/** The address that a batch shows where the kernel wrote it is the one that the codec decodes, whatever the bytes. */
import fc from "fast-check";
import { BatchAddress, type SocketAddress } from "portolan";
import { AF_UNSPEC, decodeSockaddr, encodeSockaddr, readU16 } from "portolan/abi";
import { describe, expect, it } from "vitest";

const RUNS = 2_000;

const port = fc.nat(65535);
const addresses: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc.record({ family: fc.constant("inet" as const), address: fc.ipV4(), port }),
  fc.record({ family: fc.constant("inet6" as const), address: fc.constantFrom("::1", "2001:db8::7", "fe80::1"), port }),
  fc.record({
    family: fc.constant("unix" as const),
    kind: fc.constant("path" as const),
    path: fc.constantFrom("/a", "b"),
  }),
);

describe("an address in a batch", () => {
  it("is what was encoded there", () => {
    fc.assert(
      fc.property(addresses, fc.nat(40), (address, start) => {
        const sockaddr = encodeSockaddr(address);
        const bytes = new Uint8Array(start + sockaddr.length + 8);
        bytes.set(sockaddr, start);
        const shown = new BatchAddress(bytes).move(start, sockaddr.length);
        expect(shown.toAddress()).toEqual(decodeSockaddr(sockaddr));
        expect(shown.port).toBe("port" in address ? address.port : 0);
        expect(Buffer.from(shown.copy())).toEqual(Buffer.from(sockaddr));
      }),
      { numRuns: RUNS },
    );
  });

  it("never throws, wherever it is and however long", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 160, maxLength: 160 }),
        fc.nat(32),
        fc.nat(128),
        (bytes, start, length) => {
          const shown = new BatchAddress(bytes).move(start, length);
          expect(shown.family).toBe(length < 2 ? AF_UNSPEC : readU16(bytes, start));
          expect(shown.toAddress()).toEqual(decodeSockaddr(bytes, start, length));
          expect(shown.port).toBeLessThanOrEqual(65535);
          expect(shown.hostStart).toBeGreaterThanOrEqual(start);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

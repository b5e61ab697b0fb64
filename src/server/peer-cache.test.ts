import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeSockaddr, encodeSockaddr, type SocketAddress } from "../abi/index.ts";
import { toPeerAddress } from "./peer.ts";
import { PeerCache } from "./peer-cache.ts";

const OFFSET = 128;

const addresses: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc.record({ family: fc.constant("inet" as const), address: fc.ipV4(), port: fc.integer({ min: 0, max: 65_535 }) }),
  fc.record({
    family: fc.constant("inet6" as const),
    address: fc.constantFrom("::1", "2001:db8::1", "2001:db8:1::1", "fe80::1"),
    port: fc.integer({ min: 0, max: 65_535 }),
    scopeId: fc.constantFrom(0, 1, 2),
  }),
);

function holder(): { put(address: SocketAddress): number; bytes: Uint8Array; cache: PeerCache } {
  const bytes = new Uint8Array(512);
  return {
    bytes,
    cache: new PeerCache(bytes, new Uint32Array(bytes.buffer)),
    put(address) {
      const sockaddr = encodeSockaddr(address);
      bytes.fill(0xff, OFFSET).set(sockaddr, OFFSET);
      return sockaddr.length;
    },
  };
}

it("gives each peer as it would be decoded, whoever was there before", () => {
  fc.assert(
    fc.property(fc.array(addresses, { maxLength: 300 }), (list) => {
      const { bytes, cache, put } = holder();
      for (const address of [...list, ...list]) {
        const length = put(address);
        expect(cache.read(OFFSET, length)).toEqual(toPeerAddress(decodeSockaddr(bytes, OFFSET, length)));
      }
    }),
  );
});

it("decodes a peer once while nobody else has its place", () => {
  const { cache, put } = holder();
  const length = put({ family: "inet", address: "127.0.0.1", port: 40_000 });
  const first = cache.read(OFFSET, length);
  expect(cache.read(OFFSET, length)).toBe(first);
  put({ family: "inet", address: "127.0.0.1", port: 40_001 });
  expect(cache.read(OFFSET, length)).toMatchObject({ port: 40_001 });
});

it("keeps no unix names, which have other lengths", () => {
  const { cache, put } = holder();
  const length = put({ family: "unix", kind: "path", path: "/tmp/x" });
  expect(cache.read(OFFSET, length)).toEqual({ family: "unix", address: "/tmp/x", port: 0 });
});

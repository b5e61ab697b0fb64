/** Endpoints as text: what is written is read back, and what cannot be is refused by name. */
import fc from "fast-check";
import { type Endpoint, formatAddress, formatEndpoint, type NamedEndpoint, parseEndpoint } from "portolan";
import { inet_ntop } from "portolan/abi";
import { describe, expect, it } from "vitest";

const RUNS = 2_000;

const port = fc.nat(65535);
const inet6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => inet_ntop(10, bytes))
  .chain((address) => fc.constantFrom(address, `${address}%1`, `${address}%77`));
/** What a path or a name may hold: any text without a NUL that fits into sun_path, and that UTF-8 has bytes for. */
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .filter(
    (value) => !value.includes("\0") && Buffer.from(value).toString() === value && Buffer.byteLength(value) <= 107,
  );

const inetText = fc
  .tuple(
    fc.constantFrom("tcp", "udp"),
    fc.oneof(
      fc.ipV4(),
      inet6.map((host) => `[${host}]`),
    ),
    port,
  )
  .map(([scheme, host, number]) => `${scheme}://${host}:${number}`);
const unixText = fc
  .tuple(fc.constantFrom("unix", "unix+dgram", "unix+seqpacket"), fc.constantFrom("", "@"), text)
  .map(([scheme, mark, name]) => `${scheme}://${mark}${name}`);

/** Nearly endpoints. */
const pieces = fc.constantFrom(
  "tcp",
  "udp",
  "unix",
  "unix+dgram",
  "://",
  ":",
  "[",
  "]",
  "@",
  "%",
  "%lo",
  "::",
  "::1",
  "1.2.3.4",
  "256.0.0.1",
  "localhost",
  "a.b",
  "-",
  ".",
  "0",
  "7",
  "65535",
  "65536",
  "\0",
  " ",
  "é",
  "\ud800",
  "/",
  "x".repeat(120),
);
const junk = fc.oneof(
  fc.string(),
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")),
);

function read(value: string): Endpoint | NamedEndpoint | Error {
  try {
    return parseEndpoint(value, { names: true });
  } catch (error) {
    return error as Error;
  }
}

describe("an endpoint", () => {
  it("is read and written back as an equal one", () => {
    fc.assert(
      fc.property(fc.oneof(inetText, unixText), (written) => {
        const endpoint = parseEndpoint(written);
        const again = formatEndpoint(endpoint);
        expect(parseEndpoint(again)).toEqual(endpoint);
        expect(formatEndpoint(parseEndpoint(again))).toBe(again);
      }),
      { numRuns: RUNS },
    );
  });

  it("that is canonical is written as it was read", () => {
    const canonical = fc.oneof(
      fc
        .tuple(fc.constantFrom("tcp", "udp"), fc.ipV4(), port)
        .map(([scheme, host, number]) => `${scheme}://${host}:${number}`),
      unixText,
    );
    fc.assert(
      fc.property(canonical, (written) => {
        expect(formatEndpoint(parseEndpoint(written))).toBe(written);
      }),
      { numRuns: RUNS },
    );
  });

  it("has an address that messages show within it", () => {
    fc.assert(
      fc.property(inetText, (written) => {
        const endpoint = parseEndpoint(written);
        expect(formatEndpoint(endpoint)).toBe(`${endpoint.transport}://${formatAddress(endpoint.address)}`);
      }),
      { numRuns: RUNS },
    );
  });

  it("of any text is read, or refused with a TypeError or RangeError that quotes it", () => {
    fc.assert(
      fc.property(junk, (written) => {
        const found = read(written);
        if (!(found instanceof Error)) {
          if ("address" in found) expect(parseEndpoint(formatEndpoint(found))).toEqual(found);
          else expect(found.host.length).toBeLessThanOrEqual(253);
          return;
        }
        expect(found instanceof TypeError || found instanceof RangeError, found.stack).toBe(true);
        expect(found.message.length).toBeGreaterThan(20);
      }),
      { numRuns: RUNS * 5 },
    );
  });

  it("is never made of anything but text", () => {
    const other = fc.anything().filter((value) => typeof value !== "string");
    fc.assert(
      fc.property(other, (value) => {
        expect(() => parseEndpoint(value as string)).toThrow(TypeError);
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TelnetFilter } from "./telnet-filter.ts";

const IAC = 255;

function filter(bytes: Iterable<number>): number[] {
  const telnet = new TelnetFilter();
  return [...bytes].map((byte) => telnet.take(byte)).filter((byte) => byte >= 0);
}

describe("the telnet filter", () => {
  it("takes out commands of every shape and leaves the data around them", () => {
    const [a, b] = [0x61, 0x62];
    expect(filter([a, IAC, 253, 1, b])).toEqual([a, b]); // DO ECHO
    expect(filter([a, IAC, 254, 34, IAC, 251, 31, IAC, 252, 3, b])).toEqual([a, b]); // DONT, WILL, WONT
    expect(filter([a, IAC, 241, IAC, 244, IAC, 249, b])).toEqual([a, b]); // NOP, IP, GA
    expect(filter([a, IAC, 250, 31, 0, 80, 0, 24, IAC, 240, b])).toEqual([a, b]); // SB NAWS … SE
    expect(filter([a, IAC, 250, 24, 0, IAC, IAC, 10, 13, IAC, 240, b])).toEqual([a, b]); // 255 and line ends inside
  });

  it("counts the timing marks that are asked for, and no other option, nor what only looks like one", () => {
    const telnet = new TelnetFilter();
    const [doIt, will, mark] = [253, 251, 6];
    const asked = [IAC, doIt, mark, 0x61, IAC, 244, IAC, doIt, mark];
    for (const byte of [...asked, IAC, will, mark, IAC, doIt, 1, IAC, IAC, doIt, mark]) telnet.take(byte);
    expect(telnet.marksWanted).toBe(2);
  });

  it("makes one byte of a doubled 255", () => {
    expect(filter([IAC, IAC, 1, IAC, IAC])).toEqual([IAC, 1, IAC]);
  });

  it("remembers a subnegotiation that never ends without growing", () => {
    const telnet = new TelnetFilter();
    for (const byte of [IAC, 250]) telnet.take(byte);
    for (let i = 0; i < 100_000; i++) expect(telnet.take(0x61)).toBe(-1);
    for (const byte of [IAC, 240]) telnet.take(byte);
    expect(telnet.take(0x61)).toBe(0x61);
  });

  it("changes nothing where 255 does not occur, and undoes its doubling where it does", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255)), (data) => {
        const doubled = data.flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte]));
        expect(filter(doubled)).toEqual(data);
      }),
    );
  });
});

import { describe, expect, it } from "vitest";
import type { AddressPattern, InetdService } from "../model.ts";
import { checkAccess } from "./access.ts";

function network(text: string): AddressPattern {
  const [address = "", bits] = text.split("/");
  const isV6 = address.includes(":");
  const bytes = isV6 ? Buffer.alloc(16) : Uint8Array.from(address.split("."), Number);
  if (isV6) bytes.set([0xfd, 0x00], 0);
  return { kind: "network", address: bytes, bits: Number(bits ?? bytes.length * 8), text };
}

function serviceWith(access: Partial<InetdService["access"]>): InetdService {
  return { access: { onlyFrom: undefined, noAccess: [], times: [], ...access } } as unknown as InetdService;
}

const noon = new Date(2026, 0, 15, 12, 0);
const from = (address: string): Parameters<typeof checkAccess>[1] =>
  address.includes(":") ? { family: "inet6", address, port: 4000 } : { family: "inet", address, port: 4000 };

describe("addresses", () => {
  it("anybody may where nothing is said, and nobody else than those in only_from", () => {
    expect(checkAccess(serviceWith({}), from("192.0.2.1"), noon)).toBeUndefined();
    const service = serviceWith({ onlyFrom: [network("192.0.2.0/24"), network("198.51.100.7")] });
    expect(checkAccess(service, from("192.0.2.200"), noon)).toBeUndefined();
    expect(checkAccess(service, from("198.51.100.7"), noon)).toBeUndefined();
    expect(checkAccess(service, from("198.51.100.6"), noon)).toBe("address");
    expect(checkAccess(service, undefined, noon)).toBe("address");
    expect(checkAccess(serviceWith({ onlyFrom: [] }), from("192.0.2.1"), noon)).toBe("address");
  });

  it("the rule that fits best decides, and no_access where both fit alike", () => {
    const within = serviceWith({ onlyFrom: [network("192.0.2.0/24")], noAccess: [network("192.0.2.64/26")] });
    expect(checkAccess(within, from("192.0.2.65"), noon)).toBe("address");
    expect(checkAccess(within, from("192.0.2.63"), noon)).toBeUndefined();
    const except = serviceWith({ onlyFrom: [network("192.0.2.65")], noAccess: [network("192.0.2.64/26")] });
    expect(checkAccess(except, from("192.0.2.65"), noon)).toBeUndefined();
    const alike = serviceWith({ onlyFrom: [network("192.0.2.65")], noAccess: [network("192.0.2.65")] });
    expect(checkAccess(alike, from("192.0.2.65"), noon)).toBe("address");
    expect(checkAccess(serviceWith({ noAccess: [network("0.0.0.0/0")] }), from("203.0.113.9"), noon)).toBe("address");
  });

  it("an IPv4 address mapped into IPv6 is that address; networks of IPv6 are compared by their bits", () => {
    const service = serviceWith({ onlyFrom: [network("192.0.2.0/24"), network("fd00::/8")] });
    expect(checkAccess(service, from("::ffff:192.0.2.9"), noon)).toBeUndefined();
    expect(checkAccess(service, from("fd12::1"), noon)).toBeUndefined();
    expect(checkAccess(service, from("fe80::1"), noon)).toBe("address");
  });

  it("a host's name is looked up, known for a while after that, and nobody's where it is not found", async () => {
    const service = serviceWith({ onlyFrom: [{ kind: "host", text: "localhost" }] });
    const first = checkAccess(service, from("127.0.0.1"), noon);
    expect(await first).toBeUndefined();
    expect(checkAccess(service, from("127.0.0.1"), noon)).toBeUndefined();
    expect(checkAccess(service, from("192.0.2.1"), noon)).toBe("address");
    const nowhere = serviceWith({ onlyFrom: [{ kind: "host", text: "not a name" }] });
    expect(await checkAccess(nowhere, from("127.0.0.1"), noon)).toBe("address");
  });
});

it("times of the day hold from their first minute to the end of their last", () => {
  const service = serviceWith({ times: [{ fromMinute: 8 * 60, toMinute: 12 * 60 }] });
  const at = (hour: number, minute: number, second = 0): Date => new Date(2026, 0, 15, hour, minute, second);
  expect(checkAccess(service, from("192.0.2.1"), at(7, 59, 59))).toBe("time");
  expect(checkAccess(service, from("192.0.2.1"), at(8, 0))).toBeUndefined();
  expect(checkAccess(service, from("192.0.2.1"), at(12, 0, 59))).toBeUndefined();
  expect(checkAccess(service, from("192.0.2.1"), at(12, 1))).toBe("time");
});

import { describe, expect, it } from "vitest";
import { findPort, readServices, SHIPPED_SERVICES } from "./services-file.ts";

describe("a services file", () => {
  const text = "# comment\nrot13 1067/tcp caesar # rot13 9/udp\nrot13\t1068/udp\nbroken 99999/tcp\nempty\n";

  it.each([
    ["rot13", "tcp", 1067],
    ["caesar", "tcp", 1067],
    ["rot13", "udp", 1068],
    ["caesar", "udp", undefined],
    ["broken", "tcp", undefined],
    ["empty", "tcp", undefined],
    ["", "tcp", undefined],
  ])("has %j over %s at %s", (name, protocol, port) => {
    expect(findPort(text, name, protocol)).toBe(port);
  });

  it("ships with rot13 over both transports", () => {
    const shipped = readServices(SHIPPED_SERVICES);
    expect([findPort(shipped, "rot13", "tcp"), findPort(shipped, "rot13", "udp")]).toEqual([1067, 1067]);
  });
});

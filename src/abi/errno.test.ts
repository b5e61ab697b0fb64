import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { errnoMessage, errnoName, errnoNumber } from "./errno.ts";
import { ERRNO } from "./generated/constants.ts";
import { ERRNO_TABLE } from "./generated/errno.ts";

describe("errno", () => {
  it("names, numbers and explains", () => {
    expect(errnoName(111)).toBe("ECONNREFUSED");
    expect(errnoName(-111)).toBe("ECONNREFUSED");
    expect(errnoNumber("ECONNREFUSED")).toBe(111);
    expect(errnoMessage(-111)).toBe("Connection refused");
  });

  it("prefers the kernel's own name where there are two", () => {
    expect([errnoName(11), errnoName(35), errnoName(95)]).toEqual(["EAGAIN", "EDEADLK", "EOPNOTSUPP"]);
    expect(errnoNumber("EWOULDBLOCK")).toBe(11);
    expect(errnoNumber("ENOTSUP")).toBe(95);
  });

  it("prints unknown numbers as numbers", () => {
    expect(errnoName(123456)).toBe("E?123456");
    expect(errnoName(41)).toBe("E?41");
    expect(errnoMessage(123456)).toBe("Unknown error 123456");
    expect(errnoNumber("ENOSUCHTHING")).toBeUndefined();
    expect(errnoNumber("toString")).toBeUndefined();
  });

  it("agrees with Node about every error that Node knows", () => {
    const known = Object.entries(constants.errno);
    expect(known.length).toBeGreaterThan(70);
    for (const [name, number] of known) expect([name, errnoNumber(name)]).toEqual([name, number]);
  });

  it("has a name and a message for every constant", () => {
    expect(ERRNO_TABLE.length).toBeGreaterThan(130);
    for (const number of Object.values(ERRNO)) {
      expect(errnoName(number)).toMatch(/^E[A-Z0-9]+$/);
      expect(errnoMessage(number)).not.toContain("Unknown");
    }
  });
});

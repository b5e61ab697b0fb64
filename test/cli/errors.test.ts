/** `portolan errors`: the table of causes, one code of it, and codes that there are not. */
import { errnoMessage, errnoNumber } from "portolan/abi";
import { describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

describe("portolan errors", () => {
  it("lists every cause, sorted by code", async () => {
    const { status, stdout, stderr } = await portolan(["errors", "--json"]);
    expect([status, stderr]).toEqual([0, ""]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { code: string; errno: number; message: string; syscall: string | null });
    expect(lines.length).toBeGreaterThan(50);
    const codes = lines.map(({ code }) => code);
    expect(codes).toEqual([...codes].sort());
    for (const { code, errno, message } of lines)
      expect([errno, message]).toEqual([errnoNumber(code), errnoMessage(errno)]);
  });

  it("shows one code, by name or number, for each call that has its own cause", async () => {
    const ways = ["ECONNREFUSED", "econnrefused", "111"].map((text) => portolan(["errors", text]));
    for (const { status, stdout } of await Promise.all(ways)) {
      expect(status).toBe(0);
      expect(stdout).toMatch(
        /^CODE +ERRNO +CALL +WHAT USUALLY CAUSES IT\nECONNREFUSED +111 +any +nothing listens there\n/,
      );
      expect(stdout).toMatch(/\nECONNREFUSED +111 +recv +an earlier datagram/);
    }
    expect((await portolan(["errors", "EXDEV"])).stdout).toContain("Invalid cross-device link");
  });

  it("refuses what is no error, and says what is near", async () => {
    const near = await portolan(["errors", "ECONREFUSED"]);
    expect([near.status, near.stdout]).toEqual([64, ""]);
    expect(near.stderr).toContain('there is no error "ECONREFUSED"; did you mean ECONNREFUSED?');
    expect((await portolan(["errors", "99999"])).status).toBe(64);
  });
});

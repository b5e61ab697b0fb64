/** `portolan errors`: the table of causes, one code of it, and codes that there are not. */
import { EAI, errnoMessage, errnoNumber, H_ERRNO } from "portolan/abi";
import { describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

const LOOKUPS: readonly (string | null)[] = ["getaddrinfo", "gethostbyname"];

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
    const ofCalls = lines.filter(({ syscall }) => !LOOKUPS.includes(syscall));
    expect(ofCalls.length).toBeGreaterThan(50);
    for (const { code, errno, message } of ofCalls)
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

  it("knows every error of look-ups, by the numbers of <netdb.h>", async () => {
    const { stdout } = await portolan(["errors", "--json"]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { code: string; errno: number; message: string; syscall: string | null });
    const found = lines.filter(({ syscall }) => LOOKUPS.includes(syscall));
    // Those of getaddrinfo_a, which is not bound, are left out; so is success.
    const other = /^EAI_(ALLDONE|CANCELED|INPROGRESS|INTR|NOTCANCELED)$|^NETDB_SUCCESS$|^NO_ADDRESS$/;
    const known = Object.entries({ ...EAI, ...H_ERRNO }).filter(([code]) => !other.test(code));
    expect(found.map(({ code, errno }) => [code, errno]).sort()).toEqual(known.sort());
    for (const { message } of found) expect(message).toMatch(/\S/);
    expect((await portolan(["errors", "eai_noname"])).stdout).toMatch(/^EAI_NONAME +-2 +getaddrinfo +the name is mis/m);
    expect((await portolan(["errors", "EAI_NONAM"])).stderr).toContain("did you mean EAI_NONAME?");
  });

  it("refuses what is no error, and says what is near", async () => {
    const near = await portolan(["errors", "ECONREFUSED"]);
    expect([near.status, near.stdout]).toEqual([64, ""]);
    expect(near.stderr).toContain('there is no error "ECONREFUSED"; did you mean ECONNREFUSED?');
    for (const [text, message] of [
      ["99999", "there is no error 99999; the numbers of errno(3) go up to 133"],
      ["XYZZY", 'there is no error "XYZZY"; portolan errors lists those of sockets, errno(3) all'],
    ] as const) {
      expect(await portolan(["errors", text])).toMatchObject({ status: 64, stderr: `portolan errors: ${message}\n` });
    }
  });
});

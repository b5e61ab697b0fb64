/** `portolan inetd check`: faults by line, in words and as JSON, and the status that scripts act on. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

const CONFIG = 78;
const NOINPUT = 66;

const folder = mkdtempSync(join(tmpdir(), "portolan-inetd-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("portolan inetd check", () => {
  it("finds nothing in what is in order, and lists what would be served", async () => {
    const path = fileOf("good.conf", "127.0.0.1:7907 stream tcp nowait root /bin/sh sh -c true\n");
    const { status, stdout, stderr } = await portolan(["inetd", "check", "--no-host", path]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("tcp://127.0.0.1:7907");
    expect(stdout).toContain("1 service, 0 errors, 0 warnings");
  });

  it("tells a bad line by its number, and what this machine has not", async () => {
    const path = fileOf(
      "bad.conf",
      "# a comment\n127.0.0.1:7907 stream tcp nowait no-such-user /bin/sh sh\n\n" +
        "127.0.0.1:7908 stream tpc nowait root /bin/sh sh\n127.0.0.1:7909 stream tcp nowait root /no/such/program x\n",
    );
    const { status, stdout } = await portolan(["inetd", "check", path]);
    expect(status).toBe(CONFIG);
    expect(stdout).toContain(`${path}:2: error: 7907/tcp@127.0.0.1: there is no user "no-such-user"`);
    expect(stdout).toContain(`${path}:4: error: "tpc" is no protocol`);
    expect(stdout).toContain(`${path}:5: error: 7909/tcp@127.0.0.1: the program /no/such/program is not there`);
    const { stdout: lines } = await portolan(["inetd", "check", "--json", path]);
    const objects = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects).toContainEqual(expect.objectContaining({ kind: "problem", line: 4, severity: "error" }));
    expect(objects).toContainEqual(
      expect.objectContaining({ kind: "service", line: 5, endpoint: "tcp://127.0.0.1:7909" }),
    );
  });

  it("tells, by their lines, what a server design would not look at", async () => {
    const service = (port: string, ...more: string[]): string[] => [
      `    listen: ${port}`,
      "    builtin: echo",
      ...more.map((line) => `    ${line}`),
      "    design: iterative",
    ];
    const lines = [
      "services:",
      "  one:",
      ...service("udp://127.0.0.1:7907", "limits: { perSource: 3 }"),
      "  two:",
      ...service("tcp://127.0.0.1:7907", "access: { noAccess: [10.0.0.1] }"),
    ];
    const path = fileOf("design.yaml", `${lines.join("\n")}\n`);
    const { status, stdout } = await portolan(["inetd", "check", path]);
    expect(status).toBe(CONFIG);
    expect(stdout).toMatch(/design\.yaml:6: warning: one: .* do not hold: perSource;/);
    expect(stdout).toMatch(/design\.yaml:11: error: two: .* do not hold: noAccess;/);
    expect(stdout).toContain("1 service, 1 error, 1 warning");
  });

  it("says so when there is no such file", async () => {
    const { status, stderr } = await portolan(["inetd", "check", join(folder, "none")]);
    expect(status).toBe(NOINPUT);
    expect(stderr).toContain("ENOENT");
  });
});

describe("portolan inetd convert", () => {
  const classic = "127.0.0.1:7907 stream tcp nowait nobody /bin/cat cat -u\n";
  it.each(["yaml", "json"])("writes %s that reads back to the same", async (form) => {
    const first = await portolan(["inetd", "convert", "--to", form, fileOf("classic.conf", classic)]);
    expect({ status: first.status, stderr: first.stderr }).toEqual({ status: 0, stderr: "" });
    expect(first.stdout).toContain("tcp://127.0.0.1:7907");
    expect(first.stdout).not.toContain("limits");
    const second = await portolan(["inetd", "convert", "--to", form, fileOf(`converted-${form}`, first.stdout)]);
    const withoutOrigins = (text: string): string => text.replace(/^ *#.*\n/gm, "");
    expect(withoutOrigins(second.stdout)).toBe(withoutOrigins(first.stdout));
  });

  it("tells what it leaves out", async () => {
    const path = fileOf("partly.conf", `${classic}nonsense\n`);
    const { status, stdout, stderr } = await portolan(["inetd", "convert", path]);
    expect(status).toBe(CONFIG);
    expect(stderr).toContain(`${path}:2: error: the line ends before`);
    expect(stdout).toContain("/bin/cat");
  });
});

/** The guide and the command line say what the tables say. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { options } from "portolan";
import { describe, expect, it } from "vitest";
import { renderGuide } from "../../tools/options-table.ts";

const guide = new URL("../../docs/guide/options.md", import.meta.url);
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** What `portolan options …` prints. */
function run(...args: string[]): string {
  return execFileSync(process.execPath, [main, "options", ...args], { encoding: "utf8", stdio: "pipe" });
}

describe("docs/guide/options.md", () => {
  it("is current: else run `npx tsx tools/options-table.ts`", () => {
    const text = readFileSync(guide, "utf8");
    expect(text).toBe(renderGuide(text));
    expect(text).toContain("`TCP_NODELAY`");
  });
});

describe("portolan options", () => {
  it("lists every option for people", () => {
    const lines = run().trimEnd().split("\n");
    expect(lines[0]).toMatch(/^OPTION +LEVEL +TYPE +R\/W +LINUX +NEEDS +PAGE$/);
    expect(lines.length - 1).toBe(Object.keys(options).length);
  });

  it("lists every option for machines", () => {
    const rows = run("--json").trimEnd().split("\n");
    expect(rows.map((row) => JSON.parse(row).name)).toEqual(Object.keys(options));
  });

  it("lists a part, by name", () => {
    const names = run("mcast", "--json").trimEnd().split("\n");
    expect(names.length).toBe(Object.keys(options).filter((name) => name.includes("MCAST")).length);
  });

  it("lists a part, by level", () => {
    const [level] = run("sol_udplite", "--json").trimEnd().split("\n");
    expect(JSON.parse(level ?? "")).toMatchObject({ name: "UDPLITE_RECV_CSCOV", number: 11, level: 136, kind: "int" });
  });

  it("tells of one option what one has to know", () => {
    expect(run("TCP_MAXSEG")).toMatch(
      /^OPTION.*\nTCP_MAXSEG +SOL_TCP +int +rw +2\.0 +tcp\(7\)\n\n.*connection's.*\n\nset it before connect\n$/,
    );
  });

  it("says of what there is not what may be meant", () => {
    expect(() => run("tcp_nodelya")).toThrow(/did you mean TCP_NODELAY/i);
  });
});

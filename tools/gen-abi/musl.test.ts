/**
 * The tables are made with glibc's headers and used with musl too. Debian carries musl's headers and library: what both
 * name must have one value, and each function that is bound must be there.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { SPAWN_OBJECT_BYTES } from "portolan/sys";
import { describe, expect, it, type TestContext } from "vitest";
import * as abi from "../../src/abi/index.ts";
import * as tables from "../../src/sys/table.ts";
import { type Arch, evaluate, namesIn, type Toolchain } from "./compile.ts";
import { LAYOUTS } from "./layouts.ts";

/** What differs, and why that does no harm. */
const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ["NI_MAXHOST", "how much room a name is given: ours is the larger"],
  ["O_ACCMODE", "musl counts O_PATH and O_SEARCH in; nothing here takes a mode apart"],
  ["SOMAXCONN", "musl has the old kernels' figure; the kernel cuts a backlog to its own"],
]);

/** Bound only where they are: each has its reason at its table. */
const NOT_IN_MUSL = [...Object.keys(tables.closeFromTable), ...Object.keys(tables.protocolLookupTable)].sort();

function musl(context: TestContext): Toolchain {
  const compiler = "musl-gcc";
  if (spawnSync(compiler, ["-dumpmachine"]).status !== 0) {
    if (process.env.CI) throw new Error("CI must have musl's headers (Debian: musl-tools)");
    context.skip("no musl-gcc");
  }
  return { arch: process.arch as Arch, compiler };
}

/** The constants and layouts of this machine, by name. */
const known: Readonly<Record<string, unknown>> = (() => {
  const { arch: _, O, SYS, ...layouts } = abi.abiFor(process.arch as Arch);
  return { ...abi, ...O, ...SYS, ...layouts };
})();

describe("musl", () => {
  it("has the values of glibc for every constant that both have", (context) => {
    const toolchain = musl(context);
    const names = [...namesIn(toolchain, "libc")].filter((name) => typeof known[name] === "number");
    expect(names.length).toBeGreaterThan(1000);
    const values = evaluate(toolchain, "libc", "", new Map(names.map((name) => [name, name])));
    const different = names.filter((name) => values.get(name) !== BigInt(known[name] as number));
    expect(different.sort()).toEqual([...DIFFERENT.keys()]);
  });

  it("lays out every structure of the C library as glibc does", (context) => {
    const toolchain = musl(context);
    const layouts = LAYOUTS.filter(({ unit }) => unit === "libc");
    expect(layouts.length).toBeGreaterThan(10);
    const expressions = new Map<string, string>();
    const ours = new Map<string, bigint>();
    for (const { name, type, fields } of layouts) {
      const layout = known[name] as Readonly<Record<string, number>>;
      expressions.set(`${name} size`, `sizeof(${type})`);
      ours.set(`${name} size`, BigInt(layout.size as number));
      for (const field of fields) {
        const [key = "", member = key] = field.replace("[]", "").split("=");
        expressions.set(`${name} ${key}`, `offsetof(${type}, ${member})`);
        ours.set(`${name} ${key}`, BigInt(layout[key] as number));
      }
    }
    expect(evaluate(toolchain, "libc", "", expressions)).toEqual(ours);
  });

  it("finds room for what only it knows the inside of", (context) => {
    const sizes = evaluate(
      musl(context),
      "libc",
      "",
      new Map([
        ["actions", "sizeof(posix_spawn_file_actions_t)"],
        ["attributes", "sizeof(posix_spawnattr_t)"],
      ]),
    );
    for (const size of sizes.values()) expect(size).toBeLessThanOrEqual(BigInt(SPAWN_OBJECT_BYTES));
  });

  it("has every function that is bound, but those of which the table says so", (context) => {
    musl(context);
    const library = `/lib/ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`;
    const symbols = new Set(
      execFileSync("nm", ["--dynamic", "--defined-only", library], { encoding: "utf8" })
        .split("\n")
        .map((line) => line.split(" ")[2]),
    );
    const { uvTable: _, ...ofLibc } = tables;
    const bound = Object.values(ofLibc).flatMap((table) =>
      Object.values(table).map((prototype) => prototype.match(/^\w+ (\w+)\(/)?.[1] ?? prototype),
    );
    expect(new Set(bound).size).toBeGreaterThan(70);
    expect([...new Set(bound)].filter((symbol) => !symbols.has(symbol)).sort()).toEqual(NOT_IN_MUSL);
  });
});

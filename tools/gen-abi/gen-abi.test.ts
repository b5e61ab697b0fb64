import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { evaluate, findToolchain, namesIn } from "./compile.ts";
import { GENERATED_FOLDER, generate, staleFiles } from "./generate.ts";

/** Which headers a generated file was made from, as its head says. */
function headersOf(text: string | undefined): string | undefined {
  return /^\/\/ Headers: (.*)$/m.exec(text ?? "")?.[1];
}

describe("the generated tables", () => {
  it("are what the headers say", (ctx) => {
    const result = generate();
    if (result.missing !== undefined) {
      if (process.env.CI) throw new Error(`CI must have both compilers: ${result.missing}`);
      return ctx.skip(result.missing);
    }
    const committed = headersOf(readFileSync(join(GENERATED_FOLDER, "constants.ts"), "utf8"));
    const installed = headersOf(result.files.get("constants.ts"));
    if (committed !== installed && !process.env.CI) {
      return ctx.skip(`these headers are of other releases (${installed}) than the committed tables (${committed})`);
    }
    expect(installed).toBe(committed);
    expect(staleFiles(result.files, GENERATED_FOLDER)).toEqual([]);
  });

  it("are stale when a file differs or is not there", () => {
    const folder = mkdtempSync(join(tmpdir(), "gen-abi-test-"));
    try {
      writeFileSync(join(folder, "same.ts"), "1");
      writeFileSync(join(folder, "other.ts"), "1");
      const files = new Map([
        ["same.ts", "1"],
        ["other.ts", "2"],
        ["absent.ts", "3"],
      ]);
      expect(staleFiles(files, folder)).toEqual(["other.ts", "absent.ts"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the compiler's answers", () => {
  it("cover names, wide values and layouts without running a program", (ctx) => {
    const toolchain = findToolchain("arm64");
    if (toolchain === null) {
      if (process.env.CI) throw new Error("CI must have a compiler for arm64");
      return ctx.skip("no C compiler with headers for arm64");
    }
    const names = namesIn(toolchain, "libc");
    // A macro, an enumerator that is also a macro, an enumerator alone.
    for (const name of ["O_DIRECT", "MSG_PEEK", "TCP_LISTEN"]) expect(names).toContain(name);
    const values = evaluate(
      toolchain,
      "libc",
      "struct odd { char a; long b; };",
      new Map([
        ["wide", "0xfedcba9876543210ULL >> 1"],
        ["high", "1u << 31"],
        ["negative", "-2"],
        ["offset", "offsetof(struct odd, b)"],
      ]),
    );
    expect(Object.fromEntries(values)).toEqual({
      wide: 0x7f6e5d4c3b2a1908n,
      high: 0x80000000n,
      negative: -2n,
      offset: 8n,
    });
    expect(() => evaluate(toolchain, "libc", "", new Map([["absent", "NO_SUCH_CONSTANT"]]))).toThrow(
      "NO_SUCH_CONSTANT",
    );
  });
});

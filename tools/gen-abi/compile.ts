/**
 * Questions to the C compiler, answered without running anything: a constant is made to appear in the assembly text,
 * which works the same for a compiler whose programs this machine cannot run.
 */
import { spawnSync } from "node:child_process";
import type { UnitName } from "./units.ts";
import { includes, UNITS } from "./units.ts";

export type Arch = "arm64" | "x64";

export interface Toolchain {
  readonly arch: Arch;
  readonly compiler: string;
}

const MACHINES: Readonly<Record<Arch, { machine: string; compilers: readonly string[] }>> = {
  arm64: { machine: "aarch64", compilers: ["aarch64-linux-gnu-gcc", "gcc", "cc"] },
  x64: { machine: "x86_64", compilers: ["x86_64-linux-gnu-gcc", "gcc", "cc"] },
};

/** The largest assembly or preprocessor output that is accepted from a compiler. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The compiler for an architecture, or null where there is none. */
export function findToolchain(arch: Arch): Toolchain | null {
  const { machine, compilers } = MACHINES[arch];
  for (const compiler of compilers) {
    const answer = spawnSync(compiler, ["-dumpmachine"], { encoding: "utf8" });
    if (answer.status !== 0 || !answer.stdout.startsWith(machine)) continue;
    const headers = spawnSync(compiler, ["-E", "-x", "c", "-"], {
      input: "#include <sys/socket.h>\n",
      encoding: "utf8",
    });
    if (headers.status === 0) return { arch, compiler };
  }
  return null;
}

function run(toolchain: Toolchain, args: readonly string[], source: string): string {
  const result = spawnSync(toolchain.compiler, [...args, "-x", "c", "-", "-o", "-"], {
    input: source,
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${toolchain.compiler} ${args.join(" ")}:\n${result.stderr}`);
  return result.stdout;
}

/** Every name that a unit's headers define as an object-like macro or as an enumerator. */
export function namesIn(toolchain: Toolchain, unit: UnitName): Set<string> {
  const source = includes(UNITS.find((candidate) => candidate.name === unit)!);
  const names = new Set<string>();
  for (const line of run(toolchain, ["-E", "-dM"], source).split("\n")) {
    const macro = /^#define (\w+) \S/.exec(line);
    if (macro !== null) names.add(macro[1]!);
  }
  const text = run(toolchain, ["-E", "-P"], source);
  for (const [, body] of text.matchAll(/\benum\b[^;{}()]*\{([^{}]*)\}/g)) {
    for (const enumerator of splitAtCommas(body!)) {
      const name = /^\s*([A-Za-z_]\w*)/.exec(enumerator);
      if (name !== null) names.add(name[1]!);
    }
  }
  return names;
}

/** Splits an enumeration's body; a comma inside parentheses belongs to a value. */
function splitAtCommas(body: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < body.length; index++) {
    const character = body[index];
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "," && depth === 0) {
      parts.push(body.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(body.slice(start));
  return parts;
}

/** The values of C constant expressions, keyed as the caller keys them. */
export function evaluate(
  toolchain: Toolchain,
  unit: UnitName,
  prelude: string,
  expressions: ReadonlyMap<string, string>,
): Map<string, bigint> {
  const lines = [includes(UNITS.find((candidate) => candidate.name === unit)!), prelude, "void answers(void) {"];
  for (const [key, expression] of expressions) {
    // In halves: x64 has no immediate operand for some 64-bit constants.
    lines.push(
      `__asm__ volatile("\\n.ascii \\"->%c0 %c1 ${key}\\"" : :` +
        ` "i"((int)((long long)(${expression}) >> 32)), "i"((int)(long long)(${expression})));`,
    );
  }
  lines.push("}", "");
  const assembly = run(toolchain, ["-S", "-O1", "-w"], lines.join("\n"));
  const values = new Map<string, bigint>();
  for (const [, high, low, key] of assembly.matchAll(/\.ascii "->(-?\d+) (-?\d+) ([^"]+)"/g)) {
    values.set(key!, (BigInt(high!) << 32n) | BigInt.asUintN(32, BigInt(low!)));
  }
  for (const key of expressions.keys()) {
    if (!values.has(key)) throw new Error(`${toolchain.compiler} gave no value for ${key}`);
  }
  return values;
}

/** Which headers answered, for the head of the generated files: releases, not patch levels, which change nothing. */
export function headerVersions(toolchain: Toolchain): string {
  const source = "#include <features.h>\n#include <linux/version.h>\n";
  const macros = new Map(
    run(toolchain, ["-E", "-dM"], source)
      .split("\n")
      .map((line) => /^#define (\w+) (\d+)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[1]!, Number(match[2])]),
  );
  const kernel = macros.get("LINUX_VERSION_CODE") ?? 0;
  return `Linux ${kernel >> 16}.${(kernel >> 8) & 0xff}, glibc ${macros.get("__GLIBC__")}.${macros.get("__GLIBC_MINOR__")}`;
}

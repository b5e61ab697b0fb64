/**
 * What strerror(3) says. A message cannot be had from a header, so this one question is put to a running program of the
 * machine's own architecture; error numbers are the same on x64 and arm64, which the generator checks.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Arch, Toolchain } from "./compile.ts";

export interface ErrnoEntry {
  /** The kernel's own name where a number has two: EAGAIN, EDEADLK, EOPNOTSUPP. */
  readonly name: string;
  readonly message: string;
}

const PROGRAM = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  for (int number = 1; number < 4096; number++) {
    const char *name = strerrorname_np(number);
    if (name) printf("%d %s %s\\n", number, name, strerrordesc_np(number));
  }
  return 0;
}
`;

/** The entry of every error number; null where no toolchain builds programs that this machine runs. */
export function errnoMessages(toolchains: readonly Toolchain[]): Map<number, ErrnoEntry> | null {
  const native = toolchains.find(({ arch }) => arch === (process.arch as Arch));
  if (native === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), "gen-abi-"));
  try {
    const program = join(folder, "errno");
    const built = spawnSync(native.compiler, ["-x", "c", "-", "-o", program], { input: PROGRAM, encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
    const answer = spawnSync(program, { encoding: "utf8", env: { LC_ALL: "C" } });
    if (answer.status !== 0) throw new Error(`the errno program failed: ${answer.stderr}`);
    const entries = new Map<number, ErrnoEntry>();
    for (const [, number, name, message] of answer.stdout.matchAll(/^(\d+) (E\w+) (.+)$/gm)) {
      entries.set(Number(number), { name: name!, message: message! });
    }
    return entries;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

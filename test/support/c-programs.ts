/** Programs in C that tests contain, compiled when they are wanted. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";
import { needsProgram } from "./programs.ts";

const FLAGS = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror"];

/** Compiles each source once, into a folder that `dispose` removes. */
export class CPrograms implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "portolan-c-"));
  readonly #compiled = new Map<string, string>();

  /** The path of the program of `test/fixtures/interop/NAME.c`; the test is skipped where there is no compiler. */
  path(context: TestContext, name: string): string {
    needsProgram(context, "gcc", ["--version"]);
    let path = this.#compiled.get(name);
    if (path === undefined) {
      path = join(this.#folder, name);
      const source = fileURLToPath(new URL(`../fixtures/interop/${name}.c`, import.meta.url));
      execFileSync("gcc", [...FLAGS, "-o", path, source]);
      this.#compiled.set(name, path);
    }
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

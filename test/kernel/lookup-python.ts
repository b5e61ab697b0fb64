/** Python's `socket` module as an independent oracle: the same libc, another binding. */
import { execFileSync } from "node:child_process";
import type { TestContext } from "vitest";

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

let found: boolean | undefined;

/** Whether python3 runs here. In CI it must. */
export function needsPython(context: TestContext): void {
  found ??= runs();
  if (found) return;
  if (process.env.CI) throw new Error("python3 is not installed");
  context.skip("python3 is not installed");
}

/** Runs a program that reads JSON, `queries`, and prints JSON. */
export function python<Answer>(program: string, queries: unknown): Answer {
  const text = `import json, socket, sys\nqueries = json.load(sys.stdin)\n${program}`;
  const options = { input: JSON.stringify(queries), maxBuffer: MAX_OUTPUT_BYTES, encoding: "utf8" } as const;
  return JSON.parse(execFileSync("python3", ["-c", text], options)) as Answer;
}

function runs(): boolean {
  try {
    return execFileSync("python3", ["-c", "print(1)"], { encoding: "utf8" }).trim() === "1";
  } catch {
    return false;
  }
}

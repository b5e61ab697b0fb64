/** A million calls leave nothing behind. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** It takes seconds; a busy machine may take long. */
const limitMs = 120_000;

interface State {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly open: number;
}

describe("a million calls that send and receive", () => {
  it(
    "leave nothing on the heap, outside it, or open",
    () => {
      const fixture = fileURLToPath(new URL("../fixtures/million-calls.mjs", import.meta.url));
      const output = execFileSync(process.execPath, ["--expose-gc", fixture], { encoding: "utf8", timeout: limitMs });
      const { calls, before, after } = JSON.parse(output) as { calls: number; before: State; after: State };
      expect(calls).toBeGreaterThanOrEqual(1_000_000);
      expect(after.open).toBe(before.open);
      // The smallest leak for each call, a word, would be 8 MB; what V8 goes on to learn about the code is far less.
      expect(after.heapUsed - before.heapUsed).toBeLessThan(500_000);
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(100_000);
    },
    limitMs,
  );
});

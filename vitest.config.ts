/**
 * Tests of what needs a kernel import the built package by its name, as a user does. So the names of package.json's
 * `exports` are aliases of the files in `dist/`, and those are left to Node: one instance of each module, real `.js`
 * URLs for workers and child processes.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));
const manifest: { name: string; exports: Record<string, string | { default: string }> } = JSON.parse(
  readFileSync(`${root}package.json`, "utf8"),
);

/** `portolan/abi` to `<root>/dist/abi/index.js`, for each subpath that package.json exports. */
const alias = Object.entries(manifest.exports).map(([subpath, target]) => ({
  find: new RegExp(`^${manifest.name}${subpath.slice(1).replaceAll(".", "\\.")}$`),
  replacement: root + (typeof target === "string" ? target : target.default).replace(/^\.\//, ""),
}));

/** Generous: a slow machine that does other things too must not fail what a fast one passes. */
const testTimeoutMs = 60_000;

export default defineConfig({
  root,
  resolve: { alias },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "tools/**/*.test.ts", "bench/**/*.test.ts"],
    exclude: ["**/node_modules/**", "dist/**", "bench/build/**"],
    pool: "forks",
    // Workers, ports and measurements: more test files at once than cores make each other slow, not the whole fast.
    maxWorkers: 2,
    isolate: true,
    // Once more in CI, where others use the machine too; the closing lines name each test that needed it.
    retry: process.env.CI ? 1 : 0,
    testTimeout: testTimeoutMs,
    hookTimeout: testTimeoutMs,
    setupFiles: ["test/setup.ts"],
    reporters: ["default", "./test/counts-reporter.ts"],
    server: { deps: { external: [new RegExp(`^${root}dist/`)] } },
  },
});

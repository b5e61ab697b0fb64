import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Programs } from "./servers.ts";

const benchDirectory = fileURLToPath(new URL(".", import.meta.url));
export const buildDirectory: string = `${benchDirectory}build/`;
export const resultsFile: string = `${benchDirectory}RESULTS.md`;
const nativeDirectory = `${benchDirectory}native/`;
const xinetdFile = "/usr/sbin/xinetd";
const mainFile = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** What is compiled, and from which files. */
const nativePrograms: Readonly<Record<string, readonly string[]>> = {
  answer: ["answer.c"],
  "c-epoll-echo": ["c-epoll-echo.c"],
  "c-udp-echo": ["c-udp-echo.c"],
  "c-udp-runs": ["c-udp-runs.c"],
  "c-uring-echo": ["c-uring-echo.c"],
  connect: ["connect.c", "measure.c"],
  idle: ["idle.c", "measure.c"],
  launch: ["launch.c"],
  load: ["load.c", "measure.c"],
  sequence: ["sequence.c"],
  "udp-load": ["udp-load.c", "measure.c"],
};

/**
 * Compiles what is older than its sources, with gcc -O2.
 *
 * @throws Error if there is no gcc, or it refuses.
 */
export function buildNative(progress: (line: string) => void): void {
  mkdirSync(buildDirectory, { recursive: true });
  const headerMs = statSync(`${nativeDirectory}measure.h`).mtimeMs;
  for (const [name, sources] of Object.entries(nativePrograms)) {
    const target = buildDirectory + name;
    const paths = sources.map((source) => nativeDirectory + source);
    const changedMs = Math.max(headerMs, ...paths.map((path) => statSync(path).mtimeMs));
    if (existsSync(target) && statSync(target).mtimeMs > changedMs) continue;
    progress(`gcc -O2 ${name}`);
    // Compiled aside and renamed: two benches that start together never run half a program.
    const aside = `${target}.${process.pid}`;
    runTool("gcc", ["-O2", "-std=gnu17", "-Wall", "-Wextra", "-o", aside, ...paths]);
    renameSync(aside, target);
  }
}

export function hasCompiler(): boolean {
  return runs("gcc");
}

/** Installs bench/package.json's own packages unless the pinned version is there already. Says so if that fails. */
export function installPeers(progress: (line: string) => void): void {
  const wanted = dependencyVersion(`${benchDirectory}package.json`);
  const installed = `${benchDirectory}node_modules/bun/package.json`;
  if (existsSync(installed) && packageVersion(installed) === wanted) return;
  progress("npm ci --prefix bench");
  try {
    runTool("npm", ["ci", "--prefix", benchDirectory]);
  } catch (error) {
    progress(`the peers from npm are missing: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function findPrograms(): Programs {
  return {
    node: process.execPath,
    bun: () => {
      const path = findBun();
      if (path === undefined) throw new Error("Bun is not installed: npm ci --prefix bench");
      return path;
    },
    portolan: () => {
      if (!existsSync(mainFile)) throw new Error("dist/cli/main.js is not there: npm run build");
      return mainFile;
    },
    xinetd: () => {
      if (!existsSync(xinetdFile)) throw new Error(`xinetd is not installed: there is no ${xinetdFile}`);
      return xinetdFile;
    },
    native: (name) => buildDirectory + name,
    script: (name) => `${benchDirectory}peers/${name}`,
  };
}

/**
 * The Bun binary itself. What npm links as `bun` is that binary once its install script has run; the package for the
 * platform holds it otherwise. A wrapper that starts the binary would have the wrong pid and its own cost.
 */
export function findBun(): string | undefined {
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const platforms = [`linux-${arch}`, `linux-${arch}-musl`];
  const candidates = [
    "node_modules/bun/bin/bun.exe",
    ...platforms.map((platform) => `node_modules/@oven/bun-${platform}/bin/bun`),
  ];
  return candidates.map((path) => benchDirectory + path).find((path) => existsSync(path) && runs(path));
}

function runs(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

function runTool(program: string, args: string[]): void {
  try {
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 300_000 });
  } catch (error) {
    const text = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const cause = text || (error instanceof Error ? error.message : String(error));
    throw new Error(`${program} failed: ${cause}`);
  }
}

function dependencyVersion(path: string): string {
  const { dependencies } = JSON.parse(readFileSync(path, "utf8")) as { dependencies: { bun: string } };
  return dependencies.bun;
}

function packageVersion(path: string): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

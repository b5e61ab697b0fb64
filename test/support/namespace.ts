/**
 * Tests that need a capability run in a network namespace of their own, in which they have them all and can harm
 * nobody: a Node process under unshare(1), whose loopback interface is up.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const loopbackUp = new URL("./loopback-up.mjs", import.meta.url).href;
const usualLimitMs = 50_000;

/** Who is not root becomes it in a user namespace of its own. */
const unshare = process.getuid?.() === 0 ? ["-n"] : ["-Urn"];

let refusal: string | undefined | null = null;

/** Why no network namespace can be made here; undefined where one can. */
export function namespaceRefusal(): string | undefined {
  if (refusal === null) {
    const { status, stderr, error } = spawnSync("unshare", [...unshare, "true"], { encoding: "utf8" });
    const why = error?.message ?? stderr.trim();
    refusal = status === 0 ? undefined : `no network namespace of our own: unshare ${unshare.join(" ")}: ${why}`;
  }
  return refusal;
}

/**
 * Runs a module in a namespace of its own, and returns what it wrote to standard output as its last line, as JSON.
 * @throws Error with what it wrote to standard error when it fails, or does not end in time.
 */
export async function runInNamespace(
  module: URL,
  args: readonly string[] = [],
  limitMs: number = usualLimitMs,
): Promise<unknown> {
  const command = [...unshare, process.execPath, "--import", loopbackUp, fileURLToPath(module), ...args];
  const child = spawn("unshare", command, { cwd: packageRoot, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  const last = output.trim().split("\n").at(-1);
  if (code !== 0 || last === undefined || last === "") {
    throw new Error(`${args.join(" ")} ended with ${signal ?? code} in its namespace\n${output}${complaint}`);
  }
  return JSON.parse(last);
}

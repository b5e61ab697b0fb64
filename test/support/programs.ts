/** Programs by other hands as peers: whether they are here, and what they print. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "vitest";

const found = new Map<string, boolean>();

/** Whether a program is here, which some arguments prove; in CI it must be. */
export function needsProgram(context: TestContext, command: string, args: readonly string[]): void {
  wantsProgram(context, command, args, process.env.CI === undefined);
}

/** The same of a program that CI may lack too: test/expected-skips.json names the test. */
export function wantsProgram(context: TestContext, command: string, args: readonly string[], mayLack = true): void {
  if (!found.has(command)) found.set(command, runs(command, args));
  if (found.get(command)) return;
  if (!mayLack) throw new Error(`${command} is not installed`);
  context.skip(`${command} is not installed`);
}

/** What a child printed, once it has ended well. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
  const [status, signal] = await once(child, "close");
  if (status !== 0) throw new Error(`the child ended with ${signal ?? status}: ${Buffer.concat(errors)}`);
  return Buffer.concat(chunks).toString();
}

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

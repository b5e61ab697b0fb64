/**
 * Runs before each test file, and looks after it: what the file opened must be closed again and what it started must
 * have ended, or the file fails and says what was left.
 */
import { tmpdir } from "node:os";
import { afterAll } from "vitest";
import { leftBehind, openThings } from "./support/leaks.ts";

/** Closing is often asynchronous (a worker's end, a reactor's last turn): so long may it take. */
const settleTimeoutMs = 20_000;

// Whether the log of the tests has colours does not concern the programs that they start: Node's console heeds these.
for (const name of ["CLICOLOR_FORCE", "FORCE_COLOR", "NODE_DISABLE_COLORS", "NO_COLOR"]) delete process.env[name];

// Sockets with a path are made below this folder, by tests and by the programs that they start; a path has 107 bytes (unix(7)).
const MAX_FOLDER_BYTES = 30;
if (Buffer.byteLength(tmpdir()) > MAX_FOLDER_BYTES) process.env.TMPDIR = "/tmp";

// Node makes a pipe pair at its first use of signals (also for the end of a child process) and keeps it. Made here, it
// belongs to the state before.
const ignore = (): void => {};
process.on("SIGUSR2", ignore);
process.off("SIGUSR2", ignore);

const before = openThings();

// The first registered hook of a file runs last: after the file's own.
afterAll(async () => {
  const left = await leftBehind(before, settleTimeoutMs);
  if (left.length > 0) {
    throw new Error(`this test file left open:\n${left.map((line) => `  ${line}`).join("\n")}`);
  }
}, settleTimeoutMs * 2);

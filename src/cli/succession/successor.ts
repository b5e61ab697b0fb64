/** Starting the process that takes over, and hearing of it that it serves. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { type Answer, CHANNEL_FD, type Estate, VARIABLE } from "./inheritance.ts";
import { readLine } from "./lines.ts";

/** How long a successor may take until it serves. */
const START_TIMEOUT_MS = 60_000;
const FIRST_SOCKET_FD: number = CHANNEL_FD + 1;

/**
 * Starts this program once more, as it was started, with the sockets of this process.
 * @param estate with this process's own descriptors
 * @param abandon aborted when it is not wanted any more
 * @returns its process id, once it serves
 * @throws Error with the reason where it does not come to that; nothing is left of it then.
 */
export async function startSuccessor(estate: Estate, abandon: AbortSignal): Promise<number> {
  const sockets: number[] = [];
  const listeners = estate.listeners.map((listener) => ({
    ...listener,
    fds: listener.fds.map((fd) => FIRST_SOCKET_FD + sockets.push(fd) - 1),
  }));
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, [VARIABLE]: String(CHANNEL_FD) },
    stdio: ["inherit", "inherit", "inherit", "pipe", ...sockets],
  });
  const abandoned = (): void => void child.kill("SIGKILL");
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, START_TIMEOUT_MS);
  abandon.addEventListener("abort", abandoned);
  try {
    const pid = await welcome(child, { ...estate, listeners });
    child.unref();
    return pid;
  } catch (error) {
    child.kill("SIGKILL");
    if (abandon.aborted) throw new Error("this process was told to stop meanwhile");
    throw isLate ? new Error(`the new process did not serve within ${START_TIMEOUT_MS / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
    abandon.removeEventListener("abort", abandoned);
  }
}

/** Hands over, and waits for the answer. */
async function welcome(child: ChildProcess, estate: Estate): Promise<number> {
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`the new process could not be started: ${error.message}`));
    child.once("exit", (status, signal) =>
      resolve(
        `the new process has ended ${signal === null ? `with status ${status}` : `by ${signal}`} before it served`,
      ),
    );
  });
  const channel = child.stdio[CHANNEL_FD] as Duplex | null | undefined;
  if (child.pid === undefined || channel === null || channel === undefined) throw new Error(await ended);
  channel.on("error", () => {});
  channel.write(`${JSON.stringify(estate)}\n`);
  let answer: Answer;
  try {
    answer = JSON.parse(await readLine(channel)) as Answer;
  } catch {
    // It had no time to say more than its status does.
    child.kill("SIGKILL");
    throw new Error(await ended);
  } finally {
    channel.destroy();
  }
  if ("failed" in answer) throw new Error(answer.failed);
  return child.pid;
}

/**
 * SIGHUP: the wish that a server reload. It is heard before there is anything that an early one could leave behind, and kept
 * until there is a server.
 */
import { readFileSync } from "node:fs";
import type { Context } from "../context.ts";

export class HangUps {
  readonly #context: Context;
  #act: (() => void) | undefined;
  #isWaiting = false;

  constructor(context: Context) {
    this.#context = context;
    // Whoever was started by nohup(1) is not to hear of hang-ups. The handler stays: without one, a late SIGHUP would end
    // what drains.
    if (!isHangUpIgnored()) process.on("SIGHUP", this.#hear);
  }

  /** What to do at each from now on, and at once if one has come already. */
  onEach(act: () => void): void {
    this.#act = act;
    if (this.#isWaiting) act();
    this.#isWaiting = false;
  }

  readonly #hear = (): void => {
    const { out, err } = this.#context;
    // The terminal has been closed: nobody wants it to go on, let alone once more.
    if (out.isHungUp || err.isHungUp) process.kill(process.pid, "SIGTERM");
    else if (this.#act === undefined) this.#isWaiting = true;
    else this.#act();
  };
}

/** SigIgn of proc_pid_status(5): a mask of signals, the first of which is SIGHUP. */
function isHangUpIgnored(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (Number.parseInt(mask.slice(-1), 16) & 1) !== 0;
}

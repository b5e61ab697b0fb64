/** One Python process that answers case after case. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Answer, Case } from "./step.ts";

const PROGRAM = fileURLToPath(new URL("../../fixtures/python-socket.py", import.meta.url));

export class Python {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** What each step of a case gave. */
  async answers({ steps }: Case): Promise<Answer[]> {
    this.#child.stdin.write(`${JSON.stringify(steps)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("Python ended; its reason is on the standard error output");
    return JSON.parse(value) as Answer[];
  }

  /** Lets it end by itself. */
  async close(): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.stdin.end();
    const [status] = await ended;
    if (status !== 0) throw new Error(`Python ended with status ${status}`);
  }
}

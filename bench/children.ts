import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** The largest part of a child's standard error that is kept for a message. */
const maxErrorTextBytes = 4096;
/** How long a child may take to end after SIGTERM before it is killed. */
const graceMs = 2000;

/** Where and how a child runs. */
export interface Placement {
  /** The compiled `launch` program, which pins, raises limits and sets the death signal. */
  readonly launcher: string;
  /** Cores as "0" or "0,2", or "any". */
  readonly cores: string;
  /** The child's limit of open files. */
  readonly openFiles: number;
}

const running = new Set<Child>();

/** One program that this bench started. It is known, and ended, by its pid alone. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  readonly #ended: Promise<number | null>;
  #keepLines = true;
  #errorText = "";
  #exited = false;

  constructor(name: string, command: readonly string[], placement: Placement) {
    this.name = name;
    const args = [placement.cores, String(placement.openFiles), ...command];
    const child = spawn(placement.launcher, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process = child;
    running.add(this);
    const lines = createInterface({ input: child.stdout! });
    lines.on("line", (line) => this.#deliver(line));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-maxErrorTextBytes);
    });
    // A child that has ended no longer reads; that is told by its exit, not by this pipe.
    child.stdin!.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.#exited = true;
        running.delete(this);
        for (const wake of this.#waiting.splice(0)) wake(undefined);
        resolve(code);
      };
      child.once("error", (error) => {
        this.#errorText += error.message;
        end(null);
      });
      child.once("close", end);
    });
  }

  /** @throws Error if the program could not be started. */
  get pid(): number {
    if (this.#process.pid === undefined) throw this.#failure("did not start");
    return this.#process.pid;
  }

  /** Sends one line to the child's standard input. */
  write(line: string): void {
    this.#process.stdin!.write(`${line}\n`);
  }

  /**
   * Waits for a line of standard output that `pick` maps to a value.
   *
   * @throws Error with the end of standard error, if the child ends first or the deadline passes.
   */
  async waitFor<T>(pick: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const line = await this.#nextLine(deadlineMs - Date.now());
      const value = pick(line);
      if (value !== undefined) return value;
    }
  }

  /** From here on standard output is read and thrown away, so that a talkative server neither blocks nor grows. */
  discardOutput(): void {
    this.#keepLines = false;
    this.#lines.length = 0;
  }

  /** Waits for the child's own end. @throws Error if it fails, or takes longer than this. */
  async finish(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    const code = await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    if (code === "late") throw this.#failure(`did not end within ${timeoutMs} ms`);
    if (code !== 0) throw this.#failure(`failed (${this.#process.signalCode ?? `exit code ${code}`})`);
  }

  /** Ends the child: SIGTERM, and SIGKILL if it has not gone after a moment. Returns when it is gone. */
  async stop(): Promise<void> {
    if (this.#exited) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the child at once and waits for nothing: for the way out of this process. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #deliver(line: string): void {
    if (!this.#keepLines) return;
    const wake = this.#waiting.shift();
    if (wake) wake(line);
    else this.#lines.push(line);
  }

  async #nextLine(timeoutMs: number): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    if (this.#exited) throw this.#failure("ended before it was ready");
    return await new Promise<string>((resolve, reject) => {
      const wake = (next: string | undefined): void => {
        clearTimeout(timer);
        if (next === undefined) reject(this.#failure("ended before it was ready"));
        else resolve(next);
      };
      const timer = setTimeout(
        () => {
          this.#waiting.splice(this.#waiting.indexOf(wake), 1);
          reject(this.#failure("was not ready in time"));
        },
        Math.max(timeoutMs, 0),
      );
      this.#waiting.push(wake);
    });
  }

  #failure(what: string): Error {
    const text = this.#errorText.trim();
    return new Error(`${this.name} ${what}${text === "" ? "" : `: ${text}`}`);
  }
}

/** Ends whatever still runs when this process goes, by whichever way it goes. */
export function endChildrenOnExit(): void {
  process.once("exit", () => {
    for (const child of running) child.kill();
  });
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.once(signal, () => {
      process.stderr.write(`\n${signal}: ending what was started\n`);
      process.exit(128 + number);
    });
  }
}

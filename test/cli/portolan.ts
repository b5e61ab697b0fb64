/** The real command, as a child process: started, listened to, ended by its pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";

/** The root of the project, where the command runs. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));
const main = join(root, "dist/cli/main.js");
/** The longest that anything here is waited for. */
const patienceMs = 45_000;
/** How long a program may take to end when it is asked to, before it is killed. */
const politeMs = 3000;

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Listening {
  readonly event: "listening";
  readonly service: string;
  readonly design: string;
  readonly endpoint: string;
  readonly pid: number;
  readonly try: readonly { readonly program: string; readonly command: string; readonly installed: boolean }[];
}

/** A program at work. `await using` ends it, whatever has become of it. */
export class Program implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  readonly #wakes = new Set<() => void>();
  #hasEnded = false;

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, XDG_RUNTIME_DIR: undefined, NO_COLOR: undefined, ...environment };
    const child = spawn(command, args, { cwd: root, env, stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    // A program that has ended takes no more input; its status says why.
    child.stdin.on("error", () => {});
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => {
        this.#hasEnded = true;
        this.#wake();
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    this.#ended.catch(() => this.#wake());
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(text = ""): void {
    this.#child.stdin?.end(text);
  }

  /** Stops reading its standard output, as the reader of a pipe does who has seen enough. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until `look` finds something. @throws Error with what was written, at its end or at the deadline. */
  async until<Found>(what: string, look: () => Found | undefined): Promise<Found> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#hasEnded) throw this.#failure(`ended before ${what}`);
      if (!(await this.#news(deadlineMs - performance.now()))) throw this.#failure(`was late with ${what}`);
    }
  }

  /** Waits for its end. */
  async end(timeoutMs: number = patienceMs): Promise<Ended> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#failure("did not end")), timeoutMs);
    });
    try {
      return await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Objects of its standard output so far, of one event or of all. */
  events(name?: string): Record<string, unknown>[] {
    const complete = this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
    const events = complete
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return name === undefined ? events : events.filter((event) => event.event === name);
  }

  /** Waits until it listens at so many endpoints. */
  listening(count: number): Promise<Listening[]> {
    return this.until(`${count} listening events`, () => {
      const events = this.events("listening") as unknown as Listening[];
      return events.length >= count ? events : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    // Asked first, it removes what it made.
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.#child.kill("SIGKILL");
      // What it has started and not ended may have them still; a test that fails must not wait for that.
      this.#child.stdout?.destroy();
      this.#child.stderr?.destroy();
    }, politeMs);
    await this.#ended.catch(() => {});
    clearTimeout(timer);
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }

  /** Resolves to false if there is none in time. */
  #news(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isNews: boolean): void => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve(isNews);
      };
      const wake = (): void => settle(true);
      const timer = setTimeout(() => settle(false), Math.max(0, timeoutMs));
      this.#wakes.add(wake);
    });
  }

  #failure(what: string): Error {
    return new Error(`pid ${this.pid} ${what}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
  }
}

/** Starts `portolan` with these arguments. */
export function start(args: readonly string[], environment?: NodeJS.ProcessEnv): Program {
  return new Program(process.execPath, [main, ...args], environment);
}

/** Runs `portolan` to its end. */
export async function portolan(
  args: readonly string[],
  { input = "", environment }: { readonly input?: string; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  await using program = start(args, environment);
  program.endInput(input);
  return await program.end();
}

/** Runs a line of shell to its end, as somebody would who pastes it. */
export async function shell(line: string, environment?: NodeJS.ProcessEnv): Promise<Ended> {
  await using program = new Program("sh", ["-c", line], environment);
  program.endInput();
  return await program.end();
}

/** A folder for a test's own files, removed at the end of the block. */
export function scratchFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "portolan-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** Skips the test where a program is not installed. In CI it must be there: see .ci/packages.txt. */
export function needs(context: TestContext, program: string): void {
  const isThere = (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (isThere) return;
  if (process.env.CI) throw new Error(`${program} is not installed`);
  context.skip(`${program} is not installed`);
}

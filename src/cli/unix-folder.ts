/** Where `up` puts its unix sockets. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Estate } from "./succession/inheritance.ts";

/** Longer folders for temporary files have no room for ours and a socket in it: sun_path has 108 bytes. unix(7) */
const MAX_BASE_BYTES = 60;

/** A folder that only this user may enter. */
export class UnixFolder implements Disposable {
  readonly path: string;
  /** Whether it is to go with the last process that has it. */
  readonly isTemporary: boolean;
  #remove: (() => void) | undefined;

  /**
   * `$XDG_RUNTIME_DIR/portolan`, which stays; where there is no such variable, a fresh folder that goes again.
   * @param inherited the folder of the process before this one, in place of those; that one's until it is taken
   */
  constructor(inherited?: Estate["folder"]) {
    if (inherited !== undefined) {
      this.path = inherited.path;
      this.isTemporary = inherited.isTemporary;
      return;
    }
    const runtime = process.env.XDG_RUNTIME_DIR;
    this.isTemporary = !runtime;
    if (runtime) {
      this.path = join(runtime, "portolan");
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      return;
    }
    this.path = mkdtempSync(join(base(), "portolan-"));
    this.take();
  }

  /** It is this process's to remove from now on, also when a second Ctrl-C ends it at once. */
  take(): void {
    if (!this.isTemporary || this.#remove !== undefined) return;
    this.#remove = () => rmSync(this.path, { recursive: true, force: true });
    process.once("exit", this.#remove);
  }

  /** It belongs to a successor from now on. */
  leave(): void {
    if (this.#remove !== undefined) process.off("exit", this.#remove);
    this.#remove = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#remove === undefined) return;
    process.off("exit", this.#remove);
    this.#remove();
  }
}

function base(): string {
  const usual = tmpdir();
  return Buffer.byteLength(usual) <= MAX_BASE_BYTES ? usual : "/tmp";
}

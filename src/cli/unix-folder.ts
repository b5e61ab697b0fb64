/** Where `up` puts its unix sockets. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that only this user may enter. */
export class UnixFolder implements Disposable {
  readonly path: string;
  readonly #remove: (() => void) | undefined;

  /** `$XDG_RUNTIME_DIR/portolan`, which stays; where there is no such variable, a fresh folder that goes again. */
  constructor() {
    const runtime = process.env.XDG_RUNTIME_DIR;
    if (runtime) {
      this.path = join(runtime, "portolan");
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      return;
    }
    const path = mkdtempSync(join(tmpdir(), "portolan-"));
    this.path = path;
    this.#remove = () => rmSync(path, { recursive: true, force: true });
    // Also when a second Ctrl-C ends the process at once.
    process.once("exit", this.#remove);
  }

  [Symbol.dispose](): void {
    if (this.#remove === undefined) return;
    process.off("exit", this.#remove);
    this.#remove();
  }
}

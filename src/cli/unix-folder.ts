/** Where `up` puts its unix sockets. */
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that only this user may enter. */
export class UnixFolder implements Disposable {
  readonly path: string;
  readonly #isFresh: boolean;

  /** `$XDG_RUNTIME_DIR/portolan`, which stays; where there is no such variable, a fresh folder that goes again. */
  constructor() {
    const runtime = process.env.XDG_RUNTIME_DIR;
    this.#isFresh = !runtime;
    if (runtime) {
      this.path = join(runtime, "portolan");
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
    } else {
      this.path = mkdtempSync(join(tmpdir(), "portolan-"));
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isFresh) return;
    try {
      rmdirSync(this.path);
    } catch {
      // Something else was put there meanwhile; it is not ours to remove.
    }
  }
}

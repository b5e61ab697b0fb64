/**
 * A copy of the house with nearly empty rooms, in a temporary folder: the real settings, projects and checks, on code
 * small enough to break on purpose.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { rooms } from "../../tools/layers/rooms.ts";
import { checkTree } from "../../tools/layers/tree.ts";

const root = resolve(import.meta.dirname, "../..");
const copied = ["package.json", "tsconfig.json", "tsconfig.base.json", "biome.json", ".gitignore", "src/ambient.d.ts"];

/** How a check ended. */
export interface Outcome {
  readonly status: number | null;
  /** Standard output and error output together. */
  readonly output: string;
}

export class TinyTree {
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "portolan-house-"));
    for (const file of copied) {
      cpSync(join(root, file), join(this.#folder, file));
    }
    symlinkSync(join(root, "node_modules"), join(this.#folder, "node_modules"));
    for (const room of readdirSync(join(root, "src")).filter((name) => name in rooms)) {
      this.write(`src/${room}/tsconfig.json`, readFileSync(join(root, "src", room, "tsconfig.json"), "utf8"));
      this.write(`src/${room}/index.ts`, `export const room: string = "${room}";\n`);
    }
  }

  write(file: string, text: string): void {
    const path = join(this.#folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Writes `files`, runs `check`, and puts everything back. */
  with<T>(files: Readonly<Record<string, string>>, check: () => T): T {
    const undo: (() => void)[] = [];
    try {
      for (const [file, text] of Object.entries(files)) {
        undo.push(this.#restorer(file));
        this.write(file, text);
      }
      return check();
    } finally {
      for (const step of undo.reverse()) {
        step();
      }
    }
  }

  /** The problems that check-layers finds, as it prints them. */
  layerProblems(): string[] {
    return checkTree(this.#folder).problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
  }

  /** The command itself, for its output and exit code. */
  checkLayers(): Outcome {
    return this.#run(process.execPath, ["--import", "tsx", join(root, "tools/check-layers.ts"), this.#folder], root);
  }

  build(): Outcome {
    return this.#run(join(root, "node_modules/.bin/tsc"), ["-b", "--pretty", "false"], this.#folder);
  }

  lint(): Outcome {
    const args = ["lint", "--colors=off", "--vcs-enabled=false", "."];
    return this.#run(join(root, "node_modules/.bin/biome"), args, this.#folder);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** Makes what brings `file` back to what it is now; a folder that is not there now goes with it. */
  #restorer(file: string): () => void {
    const path = join(this.#folder, file);
    if (existsSync(path)) {
      const text = readFileSync(path, "utf8");
      return () => writeFileSync(path, text);
    }
    const added = existsSync(dirname(path)) ? path : dirname(path);
    return () => rmSync(added, { recursive: true });
  }

  #run(command: string, args: readonly string[], cwd: string): Outcome {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
    return { status, output: stdout + stderr };
  }
}

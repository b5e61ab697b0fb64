/** The package as `npm publish` would send it, unpacked into a project that depends on it. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A project of somebody who has installed the package, with what it needs; nothing comes over the network. */
export class Project implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "portolan-project-"));
  /** Where the package lies. */
  readonly installed: string = join(this.folder, "node_modules/portolan");

  constructor() {
    // npm tells it by name or in a list, as its version has it; the file is the only one.
    execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", this.folder], { cwd: root, stdio: "pipe" });
    const tarball = readdirSync(this.folder).find((file) => file.endsWith(".tgz")) as string;
    mkdirSync(join(this.folder, "node_modules/.bin"), { recursive: true });
    mkdirSync(this.installed);
    execFileSync("tar", ["-xzf", join(this.folder, tarball), "-C", this.installed, "--strip-components=1"]);
    const manifest = JSON.parse(readFileSync(join(this.installed, "package.json"), "utf8"));
    for (const name of [...Object.keys(manifest.dependencies), "@types/node", "undici-types", "@koromix"])
      this.#link(name);
    for (const [name, file] of Object.entries<string>(manifest.bin)) {
      const target = join(this.installed, file);
      chmodSync(target, 0o755);
      symlinkSync(target, join(this.folder, "node_modules/.bin", name));
    }
    this.write("package.json", JSON.stringify({ private: true, type: "module" }));
  }

  #link(name: string): void {
    const target = join(this.folder, "node_modules", name);
    mkdirSync(join(target, ".."), { recursive: true });
    symlinkSync(join(root, "node_modules", name), target);
  }

  write(path: string, text: string): void {
    const target = join(this.folder, path);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, text);
  }

  /** What the compiler complains of under these options, which are those of the strictest of users; "" for nothing. */
  compile(files: readonly string[], options: object): string {
    const strict = {
      target: "es2022",
      lib: ["es2022", "esnext.disposable"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      noEmit: true,
    };
    this.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...strict, ...options }, files }));
    try {
      const tsc = join(root, "node_modules/.bin/tsc");
      execFileSync(tsc, ["-p", "tsconfig.json"], { cwd: this.folder, encoding: "utf8", stdio: "pipe" });
      return "";
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

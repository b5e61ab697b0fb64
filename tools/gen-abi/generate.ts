/** The whole generation in memory, for the command and for the test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { collect } from "./collect.ts";
import { findToolchain } from "./compile.ts";
import { emit } from "./emit.ts";
import { errnoMessages } from "./messages.ts";

/** Where the generated files are committed. */
export const GENERATED_FOLDER: string = fileURLToPath(new URL("../../src/abi/generated/", import.meta.url));

export type Generated =
  | { readonly files: ReadonlyMap<string, string>; readonly missing?: undefined }
  | { readonly missing: string };

/** The generated files by name, or what the machine lacks for making them. */
export function generate(): Generated {
  const x64 = findToolchain("x64");
  if (x64 === null) return { missing: "no C compiler with headers for x64 (Debian: gcc libc6-dev)" };
  const arm64 = findToolchain("arm64");
  if (arm64 === null) {
    return { missing: "no C compiler with headers for arm64 (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross)" };
  }
  const errnos = errnoMessages([x64, arm64]);
  if (errnos === null) return { missing: `no C compiler for this machine's own architecture, ${process.arch}` };
  return { files: emit({ x64: collect(x64), arm64: collect(arm64) }, errnos) };
}

/** The names of those files that a folder lacks or has with other contents. */
export function staleFiles(files: ReadonlyMap<string, string>, folder: string): string[] {
  return [...files].filter(([name, text]) => readOrEmpty(join(folder, name)) !== text).map(([name]) => name);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

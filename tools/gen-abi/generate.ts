/** The whole generation in memory, for the command and for the test. */
import { collect } from "./collect.ts";
import { findToolchain } from "./compile.ts";
import { emit } from "./emit.ts";
import { errnoMessages } from "./messages.ts";

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

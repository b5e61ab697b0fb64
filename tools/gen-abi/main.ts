/**
 * Writes src/abi/generated from the system's headers: `npm run gen-abi`. With `--check` it writes nothing, and exits
 * with 1 when the committed files are not what the headers say.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generate } from "./generate.ts";

const folder = fileURLToPath(new URL("../../src/abi/generated/", import.meta.url));

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function main(): number {
  const check = process.argv.includes("--check");
  const result = generate();
  if (result.missing !== undefined) {
    process.stderr.write(`gen-abi: ${result.missing}\n`);
    return 2;
  }
  let stale = 0;
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of result.files) {
    if (readOrEmpty(folder + name) === text) continue;
    stale++;
    if (check) process.stderr.write(`gen-abi: src/abi/generated/${name} is not what the headers say\n`);
    else writeFileSync(folder + name, text);
  }
  process.stdout.write(`gen-abi: ${result.files.size} files, ${stale} ${check ? "stale" : "rewritten"}\n`);
  return check && stale > 0 ? 1 : 0;
}

process.exitCode = main();

/**
 * Writes src/abi/generated from the system's headers: `npm run gen-abi`. With `--check` it writes nothing, and exits
 * with 1 when the committed files are not what the headers say. Exits with 2 when a compiler is missing.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GENERATED_FOLDER, generate, staleFiles } from "./generate.ts";

function main(): number {
  const check = process.argv.includes("--check");
  const result = generate();
  if (result.missing !== undefined) {
    process.stderr.write(`gen-abi: ${result.missing}\n`);
    return 2;
  }
  const stale = staleFiles(result.files, GENERATED_FOLDER);
  mkdirSync(GENERATED_FOLDER, { recursive: true });
  for (const name of stale) {
    if (check) process.stderr.write(`gen-abi: src/abi/generated/${name} is not what the headers say\n`);
    else writeFileSync(join(GENERATED_FOLDER, name), result.files.get(name)!);
  }
  process.stdout.write(`gen-abi: ${result.files.size} files, ${stale.length} ${check ? "stale" : "rewritten"}\n`);
  return check && stale.length > 0 ? 1 : 0;
}

process.exitCode = main();

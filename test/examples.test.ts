/**
 * The examples that the guides quote run, and print what they say they print. An example ends with comments of the form
 * `// prints: …`, one for each line, in which `<port>` stands for any number. And what a guide quotes is what runs: a block
 * that begins with `// examples/name.ts` has the lines of that file.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const limitMs = 30_000;
const run = promisify(execFile);

const namesIn = (folder: string, extension: string): string[] =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((name) => name.endsWith(extension)) : [];

/** A line of output in which each number that `<port>` stood for is `<port>` again. */
function like(expected: string, actual: string): string {
  const pattern = expected
    .split("<port>")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[0-9]+");
  return new RegExp(`^${pattern}$`).test(actual) ? expected : actual;
}

const flat = (code: string): string => code.replaceAll(/^ +/gm, "");

describe("examples/", () => {
  it.for(namesIn("examples", ".ts"))("%s prints what it says", { timeout: limitMs + 5_000 }, async (name) => {
    const file = join(root, "examples", name);
    const wanted = [...readFileSync(file, "utf8").matchAll(/^\/\/ prints: (.*)$/gm)].map((match) => match[1] as string);
    expect(wanted.length, "lines of `// prints:`").toBeGreaterThan(0);
    const { stdout } = await run(process.execPath, ["--import", "tsx", file], {
      cwd: root,
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line, index) => like(wanted[index] ?? "", line))).toEqual(wanted);
  });
});

describe("docs/guide/", () => {
  const quotes = namesIn("docs/guide", ".md").flatMap((page) => {
    const text = readFileSync(join(root, "docs/guide", page), "utf8");
    const blocks = [...text.matchAll(/^```ts\n\/\/ (examples\/\S+\.ts)\n([\s\S]*?)^```$/gm)];
    return blocks.map(([, example = "", code = ""]) => ({ page, example, code }));
  });
  it.for(quotes)("$page quotes $example as it is", ({ example, code }) => {
    const file = join(root, example);
    expect(existsSync(file), relative(root, file)).toBe(true);
    // A guide may take a function's lines out of their indentation.
    expect(flat(readFileSync(file, "utf8"))).toContain(flat(code).trimEnd());
  });
});

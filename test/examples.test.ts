/**
 * Each example runs, prints what its last lines say that it prints, and is what the documents quote. In `// prints:` lines
 * `<port>` and the like stand for a number.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { outputOf } from "./support/programs.ts";

const root = resolve(import.meta.dirname, "..");
const examples = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".ts"));
/** A fresh process with a compiler in it, on a busy machine. */
const timeoutMs = 60_000;

describe("examples/", () => {
  it.for(examples)("%s prints what it says", { timeout: timeoutMs }, async (file) => {
    const expected = printed(readExample(file));
    expect(expected.length).toBeGreaterThan(0);
    const child = spawn(process.execPath, ["--import", "tsx", join("examples", file)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs - 5_000,
    });
    const lines = (await outputOf(child)).replace(/\n$/, "").split("\n");
    expect(lines.map((line, index) => fits(line, expected[index]))).toEqual(expected);
    expect(lines).toHaveLength(expected.length);
  });
});

const documents = [
  join(root, "README.md"),
  ...readdirSync(join(root, "docs/guide")).map((file) => join(root, "docs/guide", file)),
].filter((file) => file.endsWith(".md"));

describe.each(documents.map((file) => [relative(root, file), file]))("%s", (_name, file) => {
  const quotes = quotesIn(readFileSync(file, "utf8"));

  it("quotes examples as they are", () => {
    for (const { source, code } of quotes) {
      if (source === undefined) continue;
      expect(examples).toContain(basename(source));
      expect(dedented(readExample(basename(source)), code), `${source}:\n${code}`).toContain(code);
    }
  });
});

describe.each(["README.md", "docs/guide/from-c.md"])("%s", (file) => {
  it("quotes only what runs", () => {
    const quotes = quotesIn(readFileSync(join(root, file), "utf8"));
    expect(quotes.length).toBeGreaterThan(0);
    for (const { source, code } of quotes) expect(source, code).toBeDefined();
  });
});

function readExample(file: string): string {
  return readFileSync(join(root, "examples", file), "utf8");
}

function printed(text: string): string[] {
  return [...text.matchAll(/^\/\/ prints: ?(.*)$/gm)].map(([, line]) => line as string);
}

/** The expected line, if the given one is an instance of it; else the given one, for the difference to show. */
function fits(line: string, expected: string | undefined): string {
  if (expected === undefined) return line;
  const parts = expected.split(/<[a-z]+>/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("\\d+")}$`).test(line) ? expected : line;
}

/** Blocks of TypeScript; one that begins with a comment that names an example quotes it. */
function quotesIn(markdown: string): { source: string | undefined; code: string }[] {
  return [...markdown.matchAll(/^```ts\n(?:\/\/ (examples\/[\w-]+\.ts)\n)?([\s\S]*?)\n```$/gm)].map(
    ([, source, code]) => ({ source, code: code as string }),
  );
}

/** The example, moved to the left until its line is where the quotation has it. */
function dedented(text: string, code: string): string {
  const [first = ""] = code.split("\n");
  const line = text.split("\n").find((candidate) => candidate.trimStart() === first.trimStart());
  const indent = (line?.length ?? 0) - first.length;
  return indent <= 0 ? text : text.replaceAll(new RegExp(`^ {${indent}}`, "gm"), "");
}

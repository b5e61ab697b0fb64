/** The guide's table of designs says what the designs say of themselves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { designs } from "portolan/server";
import { expect, it } from "vitest";

const guide = readFileSync(join(import.meta.dirname, "../../docs/guide/designs.md"), "utf8");

/** The cells of the table whose first title is "design" and third is "what it costs". */
function tableRows(text: string): string[][] {
  const lines = text.split("\n");
  const titles = lines.findIndex((line) => /^\| design +\| how clients are served /.test(line));
  const end = lines.findIndex((line, at) => at > titles && !line.startsWith("|"));
  return lines.slice(titles + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

it("has a row for every design, in the words of its code", () => {
  expect(tableRows(guide)).toEqual(designs.map(({ name, summary, cost, suits }) => [name, summary, cost, suits]));
});

it("says of each design something that no other says", () => {
  for (const part of ["summary", "cost", "suits"] as const) {
    expect(new Set(designs.map((design) => design[part])).size, part).toBe(designs.length);
  }
});

/** What the documents point to is there: files, headings' files, npm scripts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { rooms } from "../../tools/layers/rooms.ts";

const root = resolve(import.meta.dirname, "../..");
const documents = [
  ...readdirSync(root)
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(root, file)),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !/(^|\/)(node_modules|reference)\//.test(file))
    .map((file) => join(root, "docs", file)),
];
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

describe.each(documents.map((file) => [relative(root, file), file]))("%s", (_name, file) => {
  const text = readFileSync(file, "utf8");

  it("links to files that exist", () => {
    const targets = [...text.matchAll(/\]\(([^)\s#]+)(#[^)]*)?\)/g)].map((match) => match[1]!);
    const local = targets.filter((target) => !/^[a-z]+:/.test(target));
    expect(local.filter((target) => !existsSync(resolve(dirname(file), target)))).toEqual([]);
  });

  it("links to headings that are there", () => {
    const targets = [...text.matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)];
    const missing = targets.filter(([, target, anchor]) => {
      const linked = target === "" ? file : resolve(dirname(file), target!);
      return existsSync(linked) && !anchorsOf(readFileSync(linked, "utf8")).has(anchor!);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });

  it("quotes npm scripts that exist", () => {
    const quoted = [...text.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1]!);
    expect(quoted.filter((script) => !(script in scripts))).toEqual([]);
  });
});

/** What GitHub and editors make of headings, outside code. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("docs/architecture.md", () => {
  it("draws every room with what it imports, and dashes what is not there yet", () => {
    const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
    const drawn = [...text.matchAll(/^ {2}(\w+) (-->|-\.->) (\w+)$/gm)].map(([, from, arrow, to]) =>
      [from, arrow, to].join(" "),
    );
    const isThere = (room: string) => existsSync(join(root, "src", room));
    const ruled = Object.entries(rooms).flatMap(([room, { below }]) =>
      below === "anything"
        ? []
        : below.map((lower) => `${room} ${isThere(room) && isThere(lower) ? "-->" : "-.->"} ${lower}`),
    );
    const isCli = (edge: string) => edge.startsWith("cli ");
    expect(drawn.filter((edge) => !isCli(edge)).sort()).toEqual(ruled.sort());
    expect(drawn.some(isCli)).toBe(true);
  });
});

describe("docs/decisions/", () => {
  it("has a page for every dependency, named where they are counted", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const text = readFileSync(join(root, "docs/decisions/0006-the-wheel-is-not-ours.md"), "utf8");
    for (const name of Object.keys(dependencies))
      expect(text).toMatch(new RegExp(`\\[${name}\\]\\(\\d{4}-${name}\\.md\\)`));
  });

  it("has every page in its index, and each page says what a decision needs", () => {
    const folder = join(root, "docs/decisions");
    const index = readFileSync(join(folder, "README.md"), "utf8");
    const pages = readdirSync(folder).filter((page) => /^\d{4}-.*\.md$/.test(page));
    expect(pages.length).toBeGreaterThan(0);
    for (const page of pages) {
      expect(index).toContain(`(${page})`);
      const text = readFileSync(join(folder, page), "utf8");
      expect(text, page).toMatch(new RegExp(`^# ${page.slice(0, 4)}: `));
      for (const heading of ["Context", "Decision", "What was measured", "Consequences", "When to revisit"]) {
        expect(text, page).toContain(`\n## ${heading}\n`);
      }
    }
  });
});

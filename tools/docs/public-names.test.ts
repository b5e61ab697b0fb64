/** What is public, and what it says, is found wherever it is declared. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { publicNames } from "./public-names.ts";

const files = {
  "package.json": JSON.stringify({
    name: "tiny",
    exports: {
      ".": { types: "./dist/a/index.d.ts", default: "./dist/a/index.js" },
      "./package.json": "./package.json",
    },
  }),
  "src/a/index.ts": `/** The entry point. */
export * from "./thing.ts";
export { type Other, other as renamed } from "./other.ts";
export { isIP } from "node:net";
/** Said here. */
export { silent as told } from "./other.ts";
`,
  "src/a/thing.ts": `
/** A thing that counts. */
export class Thing {
  #hidden(): void {}
  protected inner(): void {}
  constructor() {}
  /** Adds one. */
  add(): void {}
  get count(): number { return 0; }
  /** @returns nothing */
  tagged(): void {}
  override toString(): string { return ""; }
  [Symbol.dispose](): void {}
}
export class Made implements Disposable { use(): void {} [Symbol.dispose](): void {} }
/** One speaks for all. */
export function twice(a: number): void;
export function twice(a: string): void;
export function twice(a: unknown): void {}
// Not documentation.
export const plain = 1;
const inside = 2;
`,
  "src/a/other.ts": `
/**
 * Something else:
 * on two lines.
 * @throws never
 */
export interface Other { /** Calls. */ call(): void; field: string }
/** Other. */
function other(): void {}
export { other };
export function silent(): void {}
`,
};

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "portolan-public-names-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

it("follows each export to its declaration and its members", () => {
  const found = publicNames(root).map(({ entry, name, summary }) => [entry, name, summary]);
  expect(found).toEqual([
    ["tiny", "Thing", "A thing that counts."],
    ["tiny", "Thing.add", "Adds one."],
    ["tiny", "Thing.count", ""],
    ["tiny", "Thing.tagged", ""],
    ["tiny", "Made", ""],
    ["tiny", "twice", "One speaks for all."],
    ["tiny", "plain", ""],
    ["tiny", "Other", "Something else: on two lines."],
    ["tiny", "Other.call", "Calls."],
    ["tiny", "renamed", "Other."],
    ["tiny", "told", "Said here."],
  ]);
});

it("says where", () => {
  const plain = publicNames(root).find(({ name }) => name === "plain");
  expect(plain).toMatchObject({ file: "src/a/thing.ts", line: 21 });
});

it("refuses an entry point that names what is not there", () => {
  writeFileSync(join(root, "src/a/index.ts"), 'export { nothing } from "./other.ts";\n');
  expect(() => publicNames(root)).toThrow("src/a/index.ts: ./other.ts exports no nothing");
});

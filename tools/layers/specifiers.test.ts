import { describe, expect, it } from "vitest";
import { readReferences } from "./specifiers.ts";

/** The references of `text` as short text: `kind specifier`, with `?` for a computed one. */
function read(text: string): string[] {
  return readReferences("sample.ts", text).map(({ kind, specifier }) => `${kind} ${specifier ?? "?"}`);
}

describe("readReferences", () => {
  it("reads every form of static import and export", () => {
    const text = `import a from "m1"; import type { B } from "m2"; import "m3"; export * from "m4";
      export { c } from "m5"; export type * as d from "m6"; import e = require("m7"); declare module "m8" {}
      import f from "m9" with { type: "json" };`;
    expect(read(text)).toEqual(["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"].map((m) => `import ${m}`));
  });

  it("reads imports in type positions", () => {
    expect(read(`type A = import("m1").A; type B = typeof import("m2");`)).toEqual(["import m1", "import m2"]);
  });

  it("tells literal from computed import()", () => {
    const text = `await import("m1"); await import(\`m2\`); await import(\`m\${n}\`); await import("m" + n);`;
    expect(read(text)).toEqual(["import m1", "import m2", "import ?", "import ?"]);
  });

  it("follows require through createRequire, and refuses to lose sight of it", () => {
    const text = `require("m1"); const load = createRequire(import.meta.url); load("m2"); load.resolve("m3");
      load(n); const other = load; use(load); createRequire(import.meta.url)("m4");`;
    expect(read(text)).toEqual([
      "require m1",
      "require m2",
      "require m3",
      "require ?",
      "require ?",
      "require ?",
      "require ?",
    ]);
  });

  it("reads import.meta.resolve, module URLs and process.getBuiltinModule", () => {
    const text = `import.meta.resolve("m1"); new URL("./w.js", import.meta.url); new URL(n, import.meta.url);
      new URL("http://localhost", base); globalThis.process.getBuiltinModule("fs"); process["getBuiltinModule"](n);`;
    expect(read(text)).toEqual(["resolve m1", "url ./w.js", "url ?", "require fs", "require ?"]);
  });

  it("reads triple-slash references with their lines", () => {
    const text = `\n/// <reference path="../sys/index.ts" />\n/// <reference types='node' />\n/// <reference lib="dom"/>\n`;
    expect(readReferences("sample.ts", text)).toEqual([
      { kind: "reference-path", specifier: "../sys/index.ts", line: 2 },
      { kind: "reference-types", specifier: "node", line: 3 },
      { kind: "reference-lib", specifier: "dom", line: 4 },
    ]);
  });

  it("is not confused by strings, comments, templates or regular expressions", () => {
    const text = `// import "no1"
      /* import "no2" */ const a = 'import "no3"'; const b = \`import("no4") \${await import("yes")}\`;
      const c = /import("no5")/; const d = { import: 1, require: 2 }; d.import; x.require("no6");`;
    expect(read(text)).toEqual(["import yes"]);
  });

  it("reports what does not parse", () => {
    expect(readReferences("sample.ts", "const = ;")[0]?.kind).toBe("syntax-error");
  });
});

/** The checks are tested like all else: what they must refuse is planted, and must be refused by name. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plants } from "./plants.ts";
import { TinyTree } from "./tiny-tree.ts";

const upwardImport = { "src/sys/planted.ts": `import "../socket/index.ts";\n` };
const nodeImport = { "src/abi/planted.ts": `import { sep } from "node:path";\nexport const planted: string = sep;\n` };
const koffiImport = 'import koffi from "koffi";\nexport const planted: unknown = koffi;\n';

let tree: TinyTree;

beforeAll(() => {
  tree = new TinyTree();
});
afterAll(() => tree.remove());

describe("npm test", () => {
  it("runs every check before the tests", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(scripts.pretest).toContain("npm run build");
    expect(scripts.build).toContain("tsc -b");
    expect(scripts.test).toMatch(/^npm run check && /);
    expect(scripts.check).toContain("npm run check:layers");
    expect(scripts["check:layers"]).toBe("tsx tools/check-layers.ts");
    expect(scripts.check).toContain("npm run check:style");
    expect(scripts["check:style"]).toMatch(/^biome ci/);
  });
});

describe("check-layers", () => {
  it("passes the clean tree, with exit code 0", () => {
    const { status, output } = tree.checkLayers();
    expect(output).toMatch(/^check-layers: \d+ files in \d+ rooms import downward only$/m);
    expect(status).toBe(0);
  });

  it("exits with 1 where it refuses something", () => {
    const { status, output } = tree.with(upwardImport, () => tree.checkLayers());
    expect(output).toMatch(/^src\/sys\/planted\.ts:1: upward import/m);
    expect(output).toMatch(/^check-layers: 1 problem$/m);
    expect(status).toBe(1);
  });

  it.each(plants)("refuses $what", ({ file, text, says }) => {
    const problems = tree.with({ [file]: text }, () => tree.layerProblems());
    expect(problems.join("\n")).toMatch(says);
    expect(problems).toHaveLength(1);
  });

  it("lets the service loader compute its import()", () => {
    const text = "export const load = (url: string): Promise<unknown> => import(url);\n";
    expect(tree.with({ "src/server/service-loader.ts": text }, () => tree.layerProblems())).toEqual([]);
  });

  it("is not misled by strings and comments", () => {
    const text = `// import "../cli/index.ts";\nexport const planted: string = 'import "koffi"';\n`;
    expect(tree.with({ "src/abi/planted.ts": text }, () => tree.layerProblems())).toEqual([]);
  });

  it("allows what the rooms need: downward, node: and koffi in their places", () => {
    const files = {
      "src/sys/planted.ts": `import "../abi/index.ts";\nimport "node:fs";\n${koffiImport}`,
      "src/server/planted.ts": `import "../abi/index.ts";\nexport const u: URL = new URL("./index.js", import.meta.url);\n`,
      "src/cli/planted.ts": `import "../abi/index.ts";\nimport "commander";\nvoid import("../service/index.ts");\n`,
    };
    expect(tree.with(files, () => tree.layerProblems())).toEqual([]);
  });
});

describe("tsc -b", () => {
  it("builds the clean tree", () => {
    expect(tree.build()).toEqual({ status: 0, output: "" });
  });

  it("refuses a relative upward import, and a node: import in a pure room", () => {
    const { status, output } = tree.with({ ...upwardImport, ...nodeImport }, () => tree.build());
    expect(output).toMatch(/^src\/sys\/planted\.ts\(1,\d+\): error TS6307/m);
    expect(output).toMatch(/^src\/abi\/planted\.ts\(1,\d+\): error TS\d+: .*node:path/m);
    expect(status).not.toBe(0);
  });
});

describe("biome", () => {
  it("passes the clean tree", () => {
    expect(tree.lint().status).toBe(0);
  });

  it("refuses koffi outside src/sys, and only there", () => {
    expect(tree.with({ "src/sys/planted.ts": koffiImport }, () => tree.lint()).status).toBe(0);
    const { status, output } = tree.with({ "src/socket/planted.ts": koffiImport }, () => tree.lint());
    expect(output).toMatch(/src\/socket\/planted\.ts:1:\d+ lint\/style\/noRestrictedImports/);
    expect(output).toContain("Only src/sys speaks to koffi");
    expect(status).not.toBe(0);
  });

  it("refuses a promise that nobody waits for", () => {
    const text = "async function later(): Promise<void> {}\nexport function planted(): void {\n  later();\n}\n";
    const { status, output } = tree.with({ "src/socket/planted.ts": text }, () => tree.lint());
    expect(output).toMatch(/src\/socket\/planted\.ts:3:\d+ lint\/nursery\/noFloatingPromises/);
    expect(status).not.toBe(0);
  });
});

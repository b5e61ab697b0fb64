/** What the checks must refuse, each as a file to plant and the message that must come of it. */

/** A file with something wrong in it, and what check-layers must say, as `file:line: message`. */
export interface Plant {
  readonly what: string;
  readonly file: string;
  readonly text: string;
  readonly says: RegExp;
}

export const plants: readonly Plant[] = [
  {
    what: "an upward relative import",
    file: "src/sys/planted.ts",
    text: `\nimport { room } from "../socket/index.ts";\nexport const planted: string = room;\n`,
    says: /^src\/sys\/planted\.ts:2: upward import: room "sys" may not name room "socket"/m,
  },
  {
    what: "an upward type-only import",
    file: "src/sys/planted.ts",
    text: `export type Planted = typeof import("../reactor/index.ts").room;\n`,
    says: /^src\/sys\/planted\.ts:1: upward import: room "sys" may not name room "reactor"/m,
  },
  {
    what: "an upward re-export",
    file: "src/abi/planted.ts",
    text: `export * from "../sys/index.ts";\n`,
    says: /^src\/abi\/planted\.ts:1: upward import: .*It may use no other room\./m,
  },
  {
    what: "a sideways import",
    file: "src/compat/planted.ts",
    text: `import "../server/index.ts";\n`,
    says: /^src\/compat\/planted\.ts:1: sideways import: room "compat" may not name room "server"/m,
  },
  {
    what: "an upward import by package name",
    file: "src/reactor/planted.ts",
    text: `import { room } from "portolan/server";\nexport const planted: string = room;\n`,
    says: /^src\/reactor\/planted\.ts:1: upward import by package name: room "reactor" may not name room "server"/m,
  },
  {
    what: "an upward import by the bare package name",
    file: "src/reactor/planted.ts",
    text: `import { room } from "portolan";\nexport const planted: string = room;\n`,
    says: /^src\/reactor\/planted\.ts:1: upward import by package name: room "reactor" may not name room "socket"/m,
  },
  {
    what: "a downward import by package name",
    file: "src/server/planted.ts",
    text: `import { room } from "portolan/abi";\nexport const planted: string = room;\n`,
    says: /^src\/server\/planted\.ts:1: import by the package's own name \("portolan\/abi"\).*"\.\.\/abi\/index\.ts"/m,
  },
  {
    what: "an upward triple-slash path",
    file: "src/abi/planted.ts",
    text: `/// <reference path="../sys/index.ts" />\nexport {};\n`,
    says: /^src\/abi\/planted\.ts:1: upward triple-slash reference: room "abi" may not name room "sys"/m,
  },
  {
    what: "an upward triple-slash reference by package name",
    file: "src/reactor/planted.ts",
    text: `/// <reference types="portolan/server" />\nexport {};\n`,
    says: /^src\/reactor\/planted\.ts:1: upward triple-slash reference by package name: room "reactor"/m,
  },
  {
    what: "a triple-slash types reference in a pure room",
    file: "src/protocol/planted.ts",
    text: `/// <reference types="node" />\nexport {};\n`,
    says: /^src\/protocol\/planted\.ts:1: types reference in a pure room/m,
  },
  {
    what: "a computed import()",
    file: "src/service/planted.ts",
    text: `export const load = (name: string): Promise<unknown> => import("../" + name + "/index.js");\n`,
    says: /^src\/service\/planted\.ts:1: computed import\(\): .*service-loader\.ts may compute one/m,
  },
  {
    what: "a computed import() in the command line",
    file: "src/cli/planted.ts",
    text: "export const load = (name: string): Promise<unknown> => import(name);\n",
    says: /^src\/cli\/planted\.ts:1: computed import\(\)/m,
  },
  {
    what: "an upward literal import()",
    file: "src/socket/planted.ts",
    text: `export const load = (): Promise<unknown> => import("../service/index.ts");\n`,
    says: /^src\/socket\/planted\.ts:1: upward import: room "socket" may not name room "service"/m,
  },
  {
    what: "an upward require",
    file: "src/sys/planted.ts",
    text: `import { createRequire } from "node:module";\nconst load = createRequire(import.meta.url);\nload("../cli/index.js");\n`,
    says: /^src\/sys\/planted\.ts:3: upward import: room "sys" may not name room "cli"/m,
  },
  {
    what: "a worker entry in a higher room",
    file: "src/reactor/planted.ts",
    text: `export const entry: URL = new URL("../server/index.js", import.meta.url);\n`,
    says: /^src\/reactor\/planted\.ts:1: upward URL: room "reactor" may not name room "server"/m,
  },
  {
    what: "a worker entry that the build renames",
    file: "src/reactor/planted.ts",
    text: `export const entry: URL = new URL("./index.ts", import.meta.url);\n`,
    says: /^src\/reactor\/planted\.ts:1: URL "\.\/index\.ts" names a source file/m,
  },
  {
    what: "a worker entry that does not exist",
    file: "src/reactor/planted.ts",
    text: `export const entry: URL = new URL("./absent.js", import.meta.url);\n`,
    says: /^src\/reactor\/planted\.ts:1: URL "\.\/absent\.js" names nothing/m,
  },
  {
    what: "a node: import in a pure room",
    file: "src/protocol/planted.ts",
    text: `import { readFileSync } from "node:fs";\nexport const read: unknown = readFileSync;\n`,
    says: /^src\/protocol\/planted\.ts:1: Node import in a pure room: "protocol" may not use "node:fs"/m,
  },
  {
    what: "a bare builtin in a pure room",
    file: "src/abi/planted.ts",
    text: `import { EventEmitter } from "events";\nexport const emitter: unknown = EventEmitter;\n`,
    says: /^src\/abi\/planted\.ts:1: Node import in a pure room: "abi" may not use "events"/m,
  },
  {
    what: "koffi outside src/sys",
    file: "src/socket/planted.ts",
    text: `import koffi from "koffi";\nexport const planted: unknown = koffi;\n`,
    says: /^src\/socket\/planted\.ts:1: koffi outside src\/sys/m,
  },
  {
    what: "koffi required outside src/sys",
    file: "src/cli/planted.ts",
    text: `import { createRequire } from "node:module";\nconst load = createRequire(import.meta.url);\nload("koffi");\n`,
    says: /^src\/cli\/planted\.ts:3: koffi outside src\/sys/m,
  },
  {
    what: "a require whose argument is computed",
    file: "src/cli/planted.ts",
    text: `import { createRequire } from "node:module";\nconst load = createRequire(import.meta.url);\nload(load.name);\n`,
    says: /^src\/cli\/planted\.ts:3: computed require/m,
  },
  {
    what: "a package that is not a dependency",
    file: "src/cli/planted.ts",
    text: `import { parseSync } from "oxc-parser";\nexport const planted: unknown = parseSync;\n`,
    says: /^src\/cli\/planted\.ts:1: package "oxc-parser" is not among the dependencies/m,
  },
  {
    what: "a room that the table does not know",
    file: "src/attic/index.ts",
    text: "export {};\n",
    says: /^src\/attic:1: not a room/m,
  },
  {
    what: "a reference that the table does not know",
    file: "src/protocol/tsconfig.json",
    text: `{ "references": [{ "path": "../abi" }], "compilerOptions": { "types": [] } }\n`,
    says: /^src\/protocol\/tsconfig\.json:1: references are \[abi\], the table of rooms says \[\]/m,
  },
  {
    what: "an ambient file that brings Node into the pure rooms",
    file: "src/ambient.d.ts",
    text: `/// <reference types="node" />\n`,
    says: /^src\/ambient\.d\.ts:1: names "node"/m,
  },
];

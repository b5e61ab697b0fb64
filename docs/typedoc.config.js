/** The reference: every entry point that package.json exports. A public name that says nothing fails the build. */
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** `./dist/abi/index.js` to the source that it is built from. */
const entryPoints = Object.values(manifest.exports)
  .filter((target) => typeof target === "object")
  .map(({ default: path }) => path.replace("./dist/", "../src/").replace(/\.js$/, ".ts"));

/** @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "Portolan",
  entryPoints,
  tsconfig: "tsconfig.json",
  out: "reference",
  plugin: ["./reference-plugin.js"],
  readme: "none",
  includeVersion: true,
  excludeInternal: true,
  excludePrivate: true,
  disableGit: true,
  sourceLinkTemplate: "../../{path}#L{line}",
  externalSymbolLinkMappings: { "@types/node": { "*": "https://nodejs.org/api/stream.html" } },
  // What a property is, its name and type mostly say.
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "Method", "Accessor", "TypeAlias"],
  validation: { notExported: false, invalidLink: true, rewrittenLink: true, notDocumented: true },
  treatValidationWarningsAsErrors: true,
  treatWarningsAsErrors: true,
};

/** Every name in package.json's `exports` can be imported. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
const subpaths = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith(".json"));

export const checks = subpaths.map((subpath) => {
  const name = manifest.name + subpath.slice(1);
  return {
    name: `import "${name}"`,
    async run() {
      assert.notEqual(Object.keys(await import(name)).length, 0, "it exports nothing");
    },
  };
});

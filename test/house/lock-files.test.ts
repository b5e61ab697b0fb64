/** A lock file pins versions and checksums. Where they are fetched from is the user's registry to say. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folders = [".", "bench", "docs", "test/nodes"].filter((folder) =>
  readdirSync(join(root, folder)).includes("package.json"),
);

describe.each(folders)("the lock file of %s", (folder) => {
  const read = (file: string) => readFileSync(join(root, folder, file), "utf8");

  it("exists, and holds no download addresses", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "(?!file:)/);
  });

  it("will hold none after the next install either", () => {
    expect(read(".npmrc")).toMatch(/^omit-lockfile-registry-resolved=true$/m);
  });

  it("names every dependency with an exact version", () => {
    const manifest = JSON.parse(read("package.json"));
    const versions = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
      Object.values<string>(manifest[kind] ?? {}),
    );
    for (const version of versions) {
      expect(version).toMatch(/^(npm:(@[\w-]+\/)?[\w-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });
});

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

  // npm leaves out packages for other platforms that the registry in use does not have, and then refuses its own file
  // in `npm ci`. Entries of that kind are completed by hand, with version, os and cpu; they carry no checksum.
  it("has an entry for each optional package that its entries name", () => {
    const packages: Record<string, { optionalDependencies?: Record<string, string> }> = JSON.parse(
      read("package-lock.json"),
    ).packages;
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it("will hold no addresses after the next install either", () => {
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

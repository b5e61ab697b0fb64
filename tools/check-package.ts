/**
 * Checks the package as a user would install it: packs what `npm publish` would send into a temporary folder, lets
 * publint and attw judge it, and looks for what must not be in it. Needs a build, and no network.
 *
 *   tsx tools/check-package.ts
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
  readonly unpackedSize: number;
}

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "portolan-pack-"));
try {
  const report = pack(folder);
  const tarball = join(folder, report.filename);
  const failures = [
    ...unwantedFiles(report),
    ...judge("publint", ["run", tarball, "--strict"]),
    ...judge("attw", [tarball, "--profile", "esm-only", "--no-emoji", "--no-color"]),
  ];
  for (const failure of failures) {
    console.error(`check-package: ${failure}`);
  }
  if (failures.length > 0) {
    process.exitCode = 1;
  } else {
    console.log(`check-package: ${report.files.length} files, ${report.unpackedSize} bytes; publint and attw agree`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Scripts are left out: the build was made before, and prepack would make it again. */
function pack(destination: string): PackReport {
  const output = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", destination], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return firstReport(JSON.parse(output));
}

/** npm 11 and older print a list of reports, later ones an object by package name. */
function firstReport(output: PackReport[] | Record<string, PackReport>): PackReport {
  const [report] = Object.values(output);
  if (report === undefined) {
    throw new Error("npm pack reported nothing");
  }
  return report;
}

function unwantedFiles({ files }: PackReport): string[] {
  const unwanted = files.filter(({ path }) => /\.test\.|tsbuildinfo|^(src|test|tools|bench)\//.test(path));
  return unwanted.map(({ path }) => `${path} must not be published: see "files" in package.json`);
}

function judge(tool: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules", ".bin", tool), args, {
    cwd: root,
    encoding: "utf8",
  });
  if (status === 0) {
    return [];
  }
  return [`${tool} refuses the package:\n${stdout}${stderr}`];
}

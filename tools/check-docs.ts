/**
 * Checks that every public name says what it is: each export of package.json's entry points, and each method and accessor
 * of exported classes and interfaces, has a documentation comment with a summary. Generated constants are exempt: each is
 * the C name of a number, and the manual pages tell what it means.
 *
 *   tsx tools/check-docs.ts [root]
 *
 * Prints `file:line: what is wrong` for each problem; exits 1 if there are any.
 */
import { resolve } from "node:path";
import { publicNames } from "./docs/public-names.ts";

const root = resolve(process.argv[2] ?? ".");
const names = publicNames(root).filter(({ file }) => !file.startsWith("src/abi/generated/"));
// One declaration may be exported under several names.
const silent = names.filter(
  ({ summary, file, line }, index) =>
    summary === "" && names.findIndex((other) => other.file === file && other.line === line) === index,
);
for (const { file, line, name, entry } of silent) {
  console.error(`${file}:${line}: ${name} of ${entry} is public and has no documentation comment with a summary`);
}
if (silent.length > 0) {
  console.error(`check-docs: ${silent.length} of ${names.length} public names say nothing`);
  process.exitCode = 1;
} else {
  console.log(`check-docs: ${names.length} public names say what they are`);
}

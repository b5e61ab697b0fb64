/**
 * Checks that the rooms of `src/` import downward only, and keeps what the compiler cannot see out of them. `tsc -b`
 * refuses a relative upward import; it does not see an import by the package's own name, a triple-slash reference or a
 * computed `import()`.
 *
 *   tsx tools/check-layers.ts [root]
 *
 * Prints `file:line: what is wrong and what to do` for each problem; exits 1 if there are any.
 */
import { resolve } from "node:path";
import { checkTree } from "./layers/tree.ts";

const root = resolve(process.argv[2] ?? ".");
const { problems, fileCount, roomCount } = checkTree(root);
for (const { file, line, message } of problems) {
  console.error(`${file}:${line}: ${message}`);
}
if (problems.length > 0) {
  console.error(`check-layers: ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
  process.exitCode = 1;
} else {
  console.log(`check-layers: ${fileCount} files in ${roomCount} rooms import downward only`);
}

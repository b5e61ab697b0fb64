/** Runs one file of cases in this process, which is in a network namespace of its own, and prints what came of them. */
import { register } from "tsx/esm/api";

register();
const { runCases } = await import("./run-cases.ts");
const [group] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await runCases(group))}\n`);

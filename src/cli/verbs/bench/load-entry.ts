/** The process of the load: takes its order as one argument of JSON, and prints its result, or its failure, as one line. */
import { runLoad } from "./load.ts";
import type { LoadOrder } from "./result.ts";

try {
  process.stdout.write(`${JSON.stringify(runLoad(JSON.parse(process.argv[2] ?? "") as LoadOrder))}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ failure: (error as Error).message })}\n`);
}

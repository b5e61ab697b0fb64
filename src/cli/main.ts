#!/usr/bin/env node
/** The `portolan` command. */
import { processContext } from "./context.ts";
import { run } from "./program.ts";

const context = processContext();
process.exitCode = await run(process.argv.slice(2), context);
context.close();

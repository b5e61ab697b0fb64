/**
 * Writes docs/guide/coverage.md: what Python's socket module and Rust's socket2 can do, and what here does the same.
 *
 *   tsx tools/coverage-table.ts
 */
import { writeFileSync } from "node:fs";
import { coveragePage } from "./coverage-table/document.ts";

writeFileSync(new URL("../docs/guide/coverage.md", import.meta.url), coveragePage());

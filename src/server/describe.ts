/** What goes wrong, as lines of a log. */
import { errnoMessage, errnoName } from "../abi/index.ts";
import { add, ERRORS } from "./counters.ts";
import type { RunningTask } from "./task.ts";

/** For example `accept4: EMFILE, Too many open files`. @param errno positive */
export function describe(call: string, errno: number): string {
  return `${call}: ${errnoName(errno)}, ${errnoMessage(errno)}`;
}

/** Counts and reports an exception of a protocol. */
export function reportProtocol(task: Pick<RunningTask, "counters" | "report">, error: unknown): void {
  add(task.counters, ERRORS, 1);
  task.report({ where: "protocol", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

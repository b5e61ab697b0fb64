/**
 * Truncating echo: receives into a buffer that is too small, and answers what fitted. The kernel throws the rest of a
 * datagram away, and tells its true length where it is asked for it (MSG_TRUNC, recv(2)).
 */
import { writeSync } from "node:fs";
import { guarded, TRUNCATION_NOTE_MAX_BYTES, truncatingEcho } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { truncateEntry, truncateOptions } from "./entry.ts";

const STANDARD_ERROR = 2;

/** The truncating echo as a service. */
export const truncate: Service = {
  name: truncateEntry.name,
  summary: truncateEntry.summary,
  port: truncateEntry.port,
  limits: (options) => ({ maxDatagramBytes: optionValues(truncateOptions, options).buffer as number }),
  datagram(options, place) {
    const values = optionValues(truncateOptions, options);
    const { buffer: bufferBytes, tell: tellLength } = values as { readonly buffer: number; readonly tell: boolean };
    const create = truncatingEcho({ bufferBytes, tellLength, ...(values.log === true && { onDatagram: log }) });
    const guard = guardFrom(values, place, tellLength ? TRUNCATION_NOTE_MAX_BYTES : 0);
    return () => guarded(create(), guard, place);
  },
};

/** A thread that blocks in its loop has no stream that ever drains, so this writes to the descriptor. */
function log(keptBytes: number, fullLength: number): void {
  const lost = fullLength - keptBytes;
  const fate = lost === 0 ? "it fitted" : `${lost} did not fit (MSG_TRUNC)`;
  writeSync(STANDARD_ERROR, `truncate: ${keptBytes} of ${fullLength} bytes received, ${fate}\n`);
}

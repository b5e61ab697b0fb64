/**
 * The client of time (RFC 868): prints the number, and the moment that it stands for. Four bytes run out in 2036; which
 * turn of the count is meant is taken from our own clock, and said.
 */
import { decodeTime868, era868, readTime868, TIME_868_BYTES } from "../../protocol/index.ts";
import type { ServiceClient } from "../client.ts";
import { bytesText, fetchOnce, printLine, reportBreach } from "../client-io.ts";
import { EXIT } from "../exit-status.ts";

const MS_PER_SECOND = 1000;
const ERA_SECONDS = 2 ** 32;
const FIRST_ERA_MS = Date.UTC(1900, 0, 1);

export const timeClient: ServiceClient = {
  options: [],
  async call(call) {
    const bytes = await fetchOnce(call, TIME_868_BYTES + 1);
    if (bytes === undefined) return EXIT.UNAVAILABLE;
    const nowMs = Date.now();
    const seconds = readTime868(bytes);
    if (seconds === undefined) {
      const count = bytes.length > TIME_868_BYTES ? `more than ${bytesText(TIME_868_BYTES)}` : bytesText(bytes.length);
      reportBreach(call, `answered ${count} where RFC 868 asks for ${TIME_868_BYTES}`);
      return EXIT.PROTOCOL;
    }
    const unixMs = decodeTime868(seconds, nowMs);
    const era = era868(unixMs);
    const aheadMs = unixMs - nowMs;
    await printLine(
      call,
      `${new Date(unixMs).toISOString().replace(".000", "")}  ${seconds} seconds ${sinceText(era)}`,
    );
    const text = `${(aheadMs / MS_PER_SECOND).toFixed(1)} s from our clock; era ${era}, the nearest to it; the count begins again at ${turnText(era + 1)}`;
    call.output.event?.({ name: "time", text, fields: { seconds, unixMs, era, aheadMs } });
    return EXIT.OK;
  },
};

/** From where an era counts. */
function sinceText(era: number): string {
  return era === 0 ? "since 1900" : `since ${turnText(era)} (era ${era} of RFC 868's count, which began again then)`;
}

/** The moment at which an era begins. */
function turnText(era: number): string {
  const unixMs = FIRST_ERA_MS + era * ERA_SECONDS * MS_PER_SECOND;
  return new Date(unixMs).toISOString().replace(".000", "");
}

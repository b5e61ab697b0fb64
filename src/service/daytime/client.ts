/** The client of daytime (RFC 867): prints the line, and says how that clock stands to ours where the form is known. */
import { parseDaytime } from "../../protocol/index.ts";
import type { ServiceClient } from "../client.ts";
import { fetchOnce, reportBreach } from "../client-io.ts";
import { EXIT } from "../exit-status.ts";

/** RFC 867 asks for one line; what is longer is no time of day. */
const MAX_ANSWER_BYTES = 512;
/** One line of characters that print, in whatever language; some servers begin with the end of a line too. */
const ONE_LINE = /^[\r\n]*[^\p{Cc}\ufffd]+[\r\n\0]*$/u;
const MS_PER_MINUTE = 60_000;
/** Zones are whole quarters of an hour apart. */
const ZONE_STEP_MINUTES = 15;

export const daytimeClient: ServiceClient = {
  options: [],
  async call(call) {
    const bytes = await fetchOnce(call, MAX_ANSWER_BYTES);
    if (bytes === undefined) return EXIT.UNAVAILABLE;
    const nowMs = Date.now();
    const line = new TextDecoder().decode(bytes);
    if (bytes.length === 0 || bytes.length === MAX_ANSWER_BYTES) {
      reportBreach(call, `answered ${bytes.length === 0 ? "nothing" : "too much"} where RFC 867 asks for a line`);
      return EXIT.PROTOCOL;
    }
    if (!ONE_LINE.test(line.replaceAll("\t", " "))) {
      reportBreach(call, "answered with what is not one line of text, which RFC 867 asks for");
      return EXIT.PROTOCOL;
    }
    await call.output.data(bytes);
    const found = parseDaytime(line, nowMs);
    if (found === undefined) {
      call.output.event?.({ name: "daytime", text: "in a form of its own", fields: { line } });
      return EXIT.OK;
    }
    const { form, localMs, zone } = found;
    const stepMs = ZONE_STEP_MINUTES * MS_PER_MINUTE;
    const zoneMinutes = Math.round((localMs - nowMs) / stepMs) * ZONE_STEP_MINUTES;
    const aheadMs = localMs - zoneMinutes * MS_PER_MINUTE - nowMs;
    const unixMs = localMs - zoneMinutes * MS_PER_MINUTE;
    const clock = `a clock ${offsetText(zoneMinutes)}, ${(aheadMs / 1000).toFixed(1)} s from ours`;
    const text = `form ${form}, ${zone === undefined ? "" : `zone ${zone}, `}as of ${clock}`;
    call.output.event?.({
      name: "daytime",
      text,
      fields: { line, form, zone: zone ?? null, unixMs, zoneMinutes, aheadMs },
    });
    return EXIT.OK;
  },
};

/** `UTC+05:30` */
function offsetText(minutes: number): string {
  const whole = Math.abs(minutes);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `UTC${minutes < 0 ? "-" : "+"}${two(whole / 60)}:${two(whole % 60)}`;
}

/** Daytime (RFC 867): the date and time as a line, in the zone of this machine unless UTC is asked for. */
import {
  DAYTIME_MAX_BYTES,
  type DaytimeForm,
  type DaytimeOptions,
  daytimeDatagram,
  daytimeStream,
  guarded,
  type ZoneOffset,
} from "../../protocol/index.ts";
import type { Json, Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { daytimeEntry, daytimeOptions } from "./entry.ts";

/** Daytime (RFC 867) as a service. */
export const daytime: Service = {
  name: daytimeEntry.name,
  summary: daytimeEntry.summary,
  port: daytimeEntry.port,
  stream: (options) => daytimeStream(protocolOptions(options)),
  datagram(options, place) {
    const create = daytimeDatagram(protocolOptions(options));
    const guard = guardFrom(optionValues(daytimeOptions, options), place, DAYTIME_MAX_BYTES);
    return () => guarded(create(), guard, place);
  },
};

function protocolOptions(options: Json): DaytimeOptions {
  const { form, zone } = optionValues(daytimeOptions, options);
  return { form: form as DaytimeForm, ...(zone === "local" ? { zone: localZone() } : {}) };
}

/** This machine's zone at each moment, with its short name where there is one, such as `CEST` or `GMT+2`. */
function localZone(): (unixMs: number) => ZoneOffset {
  const format = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });
  return (unixMs) => {
    const date = new Date(unixMs);
    const name = format.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value;
    return { minutes: -Math.round(date.getTimezoneOffset()), name: name ?? "local" };
  };
}

/** Time query: a request of 13 bytes is answered with the time; what is no request is not answered. */
import { guarded, TimeQueryServer } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { timeQueryEntry } from "./entry.ts";

/** The time query as a service. */
export const timeQuery: Service = {
  name: timeQueryEntry.name,
  summary: timeQueryEntry.summary,
  port: timeQueryEntry.port,
  datagram(options, place) {
    const guard = guardFrom(optionValues(timeQueryEntry.options ?? [], options), place);
    return () => guarded(new TimeQueryServer(), guard, place);
  },
};

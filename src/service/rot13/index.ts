/** Rot13: letters come back moved by 13 places, so that what is sent twice comes back as it was. */
import { guarded, rot13Datagram, rot13Stream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { rot13Entry } from "./entry.ts";

/** Rot13 as a service. */
export const rot13: Service = {
  name: rot13Entry.name,
  summary: rot13Entry.summary,
  port: rot13Entry.port,
  stream: () => rot13Stream,
  datagram(options, place) {
    const guard = guardFrom(optionValues(rot13Entry.options ?? [], options), place);
    return () => guarded(rot13Datagram(), guard, place);
  },
};

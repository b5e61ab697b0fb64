/** Time (RFC 868): four bytes, then the end. In 2036 the count begins again at 0; the client says which turn it takes. */
import { guarded, TIME_868_BYTES, timeDatagram, timeStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { timeEntry } from "./entry.ts";

/** Time (RFC 868) as a service. */
export const time: Service = {
  name: timeEntry.name,
  summary: timeEntry.summary,
  port: timeEntry.port,
  stream: () => () => timeStream,
  datagram(options, place) {
    const guard = guardFrom(optionValues(timeEntry.options ?? [], options), place, TIME_868_BYTES);
    return () => guarded(timeDatagram, guard, place);
  },
};

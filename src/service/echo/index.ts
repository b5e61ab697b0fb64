/** Echo (RFC 862): what a client sends comes back, over TCP, unix streams and datagrams. */
import { echoDatagram, echoStream, guarded } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { echoEntry } from "./entry.ts";

/** Echo (RFC 862) as a service. */
export const echo: Service = {
  name: echoEntry.name,
  summary: echoEntry.summary,
  port: echoEntry.port,
  stream: () => () => echoStream,
  datagram(options, place) {
    const values = optionValues(echoEntry.options ?? [], options);
    return () => guarded(echoDatagram, guardFrom(values, place), place);
  },
};

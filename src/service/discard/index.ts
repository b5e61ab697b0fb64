/** Discard (RFC 863): what a client sends is thrown away. Nothing is answered, so there is nothing to guard. */
import { discardDatagram, discardStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { discardEntry } from "./entry.ts";

/** Discard (RFC 863) as a service. */
export const discard: Service = {
  name: discardEntry.name,
  summary: discardEntry.summary,
  port: discardEntry.port,
  stream: () => () => discardStream,
  datagram: () => () => discardDatagram,
};

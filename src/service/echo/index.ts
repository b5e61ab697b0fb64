/** Echo (RFC 862): what a client sends comes back, over TCP, unix streams and datagrams. It takes no options. */
import { echoDatagram, echoStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { echoEntry } from "./entry.ts";

export const echo: Service = {
  name: echoEntry.name,
  summary: echoEntry.summary,
  port: echoEntry.port,
  stream: () => () => echoStream,
  datagram: () => () => echoDatagram,
};

import { TRUNCATING_ECHO_BYTES } from "../../protocol/index.ts";
import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";
import type { ServiceOption } from "../service-options.ts";

const MAX_BUFFER_BYTES = 65_535;

export const truncateOptions: readonly ServiceOption[] = [
  {
    kind: "number",
    name: "buffer",
    description: "bytes of the buffer that datagrams are received into",
    default: TRUNCATING_ECHO_BYTES,
    least: 1,
    most: MAX_BUFFER_BYTES,
  },
  {
    kind: "flag",
    name: "tell",
    description: "add to an answer what fitted of how much, such as [8 of 11 bytes]",
    default: false,
  },
  {
    kind: "flag",
    name: "log",
    description: "say for each datagram on standard error what fitted of how much",
    default: false,
  },
  ...guardOptions(),
];

export const truncateEntry: ServiceEntry = {
  name: "truncate",
  summary: "sends back what fits into a buffer of 8 bytes",
  specification: "course",
  port: 5678,
  transports: ["udp"],
  trial: { line: "hello world", callArguments: "--message 'hello world'" },
  options: truncateOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "truncate", truncateOptions),
  client: async () => (await import("./client.ts")).truncateClient,
};

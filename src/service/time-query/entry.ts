import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";

/** Bursts are what it is for, it answers no answers, and an answer is as long as its question. */
const NO_LIMIT = 0;
const options = guardOptions(NO_LIMIT);

export const timeQueryEntry: ServiceEntry = {
  name: "time-query",
  summary: "answers 13 bytes with the time in milliseconds, to measure by",
  specification: "course",
  port: 9013,
  transports: ["udp"],
  trial: {
    bytes: "\\001\\000\\000\\000\\001\\000\\000\\000\\000\\000\\000\\000\\000",
    filter: "od -An -tx1",
    callArguments: "--count 3 --interval 0.2",
  },
  options,
  reference: referenceTo(new URL("./index.js", import.meta.url), "timeQuery", options),
  client: async () => (await import("./client.ts")).timeQueryClient,
};

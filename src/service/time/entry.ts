import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";

const options = guardOptions();

export const timeEntry: ServiceEntry = {
  name: "time",
  summary: "tells the seconds since 1900 as four bytes",
  specification: "RFC 868",
  port: 37,
  transports: ["tcp", "udp", "unix"],
  trial: { filter: "od -An -tu1", callArguments: "" },
  options,
  reference: referenceTo(new URL("./index.js", import.meta.url), "time", options),
  client: async () => (await import("./client.ts")).timeClient,
};

import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";

const options = guardOptions();

export const rot13Entry: ServiceEntry = {
  name: "rot13",
  summary: "sends letters back moved by 13 places, all else as it is",
  specification: "course",
  port: 1067,
  transports: ["tcp", "udp", "unix"],
  trial: { line: "Hello, world", callArguments: "--message 'Hello, world'" },
  options,
  reference: referenceTo(new URL("./index.js", import.meta.url), "rot13", options),
  client: async () => (await import("./client.ts")).rot13Client,
};

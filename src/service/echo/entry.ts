import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";

const options = guardOptions();

export const echoEntry: ServiceEntry = {
  name: "echo",
  summary: "sends back whatever it is sent",
  specification: "RFC 862",
  port: 7,
  transports: ["tcp", "udp", "unix"],
  trial: { line: "hello", callArguments: "--message hello" },
  options,
  reference: referenceTo(new URL("./index.js", import.meta.url), "echo", options),
  client: async () => (await import("./client.ts")).echoClient,
};

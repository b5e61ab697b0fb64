import type { ServiceEntry } from "../entry.ts";

export const echoEntry: ServiceEntry = {
  name: "echo",
  summary: "sends back whatever it is sent",
  specification: "RFC 862",
  port: 7,
  transports: ["tcp", "udp", "unix"],
  trial: { line: "hello", callArguments: "--message hello" },
  reference: (options = null) => ({ url: new URL("./index.js", import.meta.url).href, export: "echo", options }),
  client: async () => (await import("./client.ts")).echoClient,
};

import { referenceTo, type ServiceEntry } from "../entry.ts";

export const discardEntry: ServiceEntry = {
  name: "discard",
  summary: "takes whatever it is sent, and says nothing",
  specification: "RFC 863",
  port: 9,
  transports: ["tcp", "udp", "unix"],
  trial: { line: "hello", callArguments: "--message hello" },
  reference: referenceTo(new URL("./index.js", import.meta.url), "discard"),
  client: async () => (await import("./client.ts")).discardClient,
};

import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";
import type { ServiceOption } from "../service-options.ts";

export const chargenOptions: readonly ServiceOption[] = [
  {
    kind: "flag",
    name: "amplify",
    description: "over UDP, answer with up to 512 characters however short the question",
    default: false,
  },
  ...guardOptions(),
];

export const chargenEntry: ServiceEntry = {
  name: "chargen",
  summary: "sends a pattern of characters without end",
  specification: "RFC 864",
  port: 19,
  transports: ["tcp", "udp", "unix"],
  trial: { filter: "head -n 3", callArguments: "--lines 3" },
  options: chargenOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "chargen", chargenOptions),
  client: async () => (await import("./client.ts")).chargenClient,
};

import { referenceTo, type ServiceEntry } from "../entry.ts";
import { guardOptions } from "../guard-options.ts";
import type { ServiceOption } from "../service-options.ts";

export const daytimeOptions: readonly ServiceOption[] = [
  {
    kind: "choice",
    name: "form",
    description: "of the line: as ctime(3) writes it, or one of the two that RFC 867 suggests",
    default: "ctime",
    choices: ["ctime", "smtp", "weekday"],
  },
  {
    kind: "choice",
    name: "zone",
    description: "of the clock that is told: this machine's, or UTC",
    default: "local",
    choices: ["local", "utc"],
  },
  ...guardOptions(),
];

export const daytimeEntry: ServiceEntry = {
  name: "daytime",
  summary: "tells the date and time as a line of text",
  specification: "RFC 867",
  port: 13,
  transports: ["tcp", "udp", "unix"],
  trial: { callArguments: "" },
  options: daytimeOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "daytime", daytimeOptions),
  client: async () => (await import("./client.ts")).daytimeClient,
};

import { referenceTo, type ServiceEntry } from "../entry.ts";
import type { ServiceOption } from "../service-options.ts";

const MAX_THINK_MS = 60_000;

export const squaresOptions: readonly ServiceOption[] = [
  {
    kind: "flag",
    name: "unsafe",
    description: "look and take in two steps, so that a claim can be lost: the race that the default has not",
    default: false,
  },
  {
    kind: "number",
    name: "think",
    description: "with unsafe: milliseconds between the two steps, so that the race is won by hand",
    default: 0,
    least: 0,
    most: MAX_THINK_MS,
  },
];

export const squaresEntry: ServiceEntry = {
  name: "squares",
  summary: "lets clients claim squares of one board, and shows them each other's moves",
  specification: "course",
  port: 5055,
  transports: ["tcp", "unix"],
  trial: { line: "claim 2 3", callArguments: "--move '2 3'" },
  options: squaresOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "squares", squaresOptions),
  client: async () => (await import("./client.ts")).squaresClient,
};

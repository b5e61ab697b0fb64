import { referenceTo, type ServiceEntry } from "../entry.ts";
import type { ServiceOption } from "../service-options.ts";

const MAX_THINK_US = 1_000_000;
const DEFAULT_THINK_US = 100;

/** Where the total can live. */
export const COUNTER_STORES = ["auto", "atomics", "file", "mutex", "owner", "variable"] as const;
export type CounterStoreName = (typeof COUNTER_STORES)[number];

export const counterOptions: readonly ServiceOption[] = [
  {
    kind: "choice",
    name: "store",
    description: "where the total lives; auto is mutex for threads and owner for processes",
    default: "auto",
    choices: COUNTER_STORES,
  },
  { kind: "file", name: "file", description: "the file of the store `file`, made if there is none", default: "" },
  {
    kind: "flag",
    name: "unsafe",
    description: "read and write in two steps, without a lock, so that additions are lost",
    default: false,
  },
  {
    kind: "number",
    name: "think",
    description: "with unsafe: microseconds between the two steps",
    default: DEFAULT_THINK_US,
    least: 0,
    most: MAX_THINK_US,
  },
];

export const counterEntry: ServiceEntry = {
  name: "counter",
  summary: "adds up for all clients, and shows what a race costs",
  specification: "course",
  port: 5056,
  transports: ["tcp", "unix"],
  trial: { line: "add", callArguments: "--count 100 --connections 4" },
  options: counterOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "counter", counterOptions),
  client: async () => (await import("./client.ts")).counterClient,
};

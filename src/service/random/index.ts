/** Random stream: made to be read slowly, and to watch what flow control does then. */
import { randomFillSync } from "node:crypto";
import { randomStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { optionValues } from "../service-options.ts";
import { randomEntry, randomOptions } from "./entry.ts";

/** The stream of random bytes as a service. */
export const random: Service = {
  name: randomEntry.name,
  summary: randomEntry.summary,
  port: randomEntry.port,
  stream(options) {
    const { maxLength } = optionValues(randomOptions, options) as { readonly maxLength: number };
    return randomStream({ fill: (bytes) => randomFillSync(bytes), maxLength });
  },
};

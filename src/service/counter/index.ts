/**
 * The counter: one total for all clients. By default no addition is lost, whichever threads or processes serve them;
 * `unsafe` takes the lock away.
 */
import { COUNTER_RESOURCE, counterResource, counterStream, ownedCounterStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { optionValues } from "../service-options.ts";
import { type CounterStoreName, counterEntry, counterOptions } from "./entry.ts";
import { COUNTER_MEMORY_BYTES, fileStore, memoryStore, variableStore } from "./stores.ts";

interface Values {
  readonly store: CounterStoreName;
  readonly file: string;
  readonly unsafe: boolean;
  readonly think: number;
}

/** The counter as a service. */
export const counter: Service = {
  name: counterEntry.name,
  summary: counterEntry.summary,
  port: counterEntry.port,
  memoryBytes: COUNTER_MEMORY_BYTES,
  resources: () => ({ [COUNTER_RESOURCE]: counterResource }),
  stream(options, { memory }) {
    const {
      store,
      file,
      unsafe: isUnsafe,
      think: thinkUs,
    } = optionValues(counterOptions, options) as unknown as Values;
    const chosen = store === "auto" ? (memory === undefined ? "owner" : "mutex") : store;
    if (chosen === "owner") return ownedCounterStream({ isUnsafe });
    const race = isUnsafe ? { thinkUs } : undefined;
    if (chosen === "variable") return counterStream(variableStore(race));
    if (chosen === "file") {
      if (file === "") throw new RangeError("the store file needs the option file, such as file=/tmp/total");
      return counterStream(fileStore(file, race));
    }
    if (memory === undefined) {
      throw new RangeError(
        `the store ${chosen} is memory that threads share, and processes do not: choose owner or file`,
      );
    }
    return counterStream(memoryStore(memory, chosen, race));
  },
};

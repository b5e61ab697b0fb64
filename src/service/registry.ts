/** The table of services. A new one is a folder with an `entry.ts`, and a line here. */
import { chargenEntry } from "./chargen/entry.ts";
import { counterEntry } from "./counter/entry.ts";
import { daytimeEntry } from "./daytime/entry.ts";
import { discardEntry } from "./discard/entry.ts";
import { echoEntry } from "./echo/entry.ts";
import type { ServiceEntry } from "./entry.ts";
import { hangmanEntry } from "./hangman/entry.ts";
import { randomEntry } from "./random/entry.ts";
import { rot13Entry } from "./rot13/entry.ts";
import { squaresEntry } from "./squares/entry.ts";
import { timeEntry } from "./time/entry.ts";
import { timeQueryEntry } from "./time-query/entry.ts";
import { truncateEntry } from "./truncate/entry.ts";

/** Every service there is, sorted by name. */
export const services: readonly ServiceEntry[] = [
  chargenEntry,
  counterEntry,
  daytimeEntry,
  discardEntry,
  echoEntry,
  hangmanEntry,
  randomEntry,
  rot13Entry,
  squaresEntry,
  timeEntry,
  timeQueryEntry,
  truncateEntry,
];

/**
 * The service of a name; undefined for a name that is no service's.
 *
 *     const reference = findService("daytime")?.reference({ zone: "utc" });
 */
export function findService(name: string): ServiceEntry | undefined {
  return services.find((entry) => entry.name === name);
}

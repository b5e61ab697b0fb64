/** The table of services. A new one is a folder with an `entry.ts`, and a line here. */
import { echoEntry } from "./echo/entry.ts";
import type { ServiceEntry } from "./entry.ts";

/** Every service there is, sorted by name. */
export const services: readonly ServiceEntry[] = [echoEntry];

/** The service of a name; undefined for a name that is no service's. */
export function findService(name: string): ServiceEntry | undefined {
  return services.find((entry) => entry.name === name);
}

/** The last step of every reader: services that do not fit together, or that are too many. */
import { DEFAULT_GLOBAL, type InetdGlobal, type InetdService, type ReadConfig } from "../model.ts";
import { MAX_SERVICES } from "./bounds.ts";
import { type Problems, quote } from "./problems.ts";

const CURE = "leave one of them out, or give it another port or address";
const CURE_OF_CHOSEN = "only one service at an address may have port 0: give it a port, or another address";

/** Makes a configuration of services, each of which is in order by itself. */
export function assemble(
  services: readonly InetdService[],
  problems: Problems,
  global: InetdGlobal = DEFAULT_GLOBAL,
): ReadConfig {
  const ids = new Set<string>();
  const places = new Map<string, InetdService>();
  const kept: InetdService[] = [];
  for (const service of services) {
    if (kept.length === MAX_SERVICES) {
      problems.error(
        service.origin,
        `there are more than ${MAX_SERVICES} services; this one and the rest are left out`,
      );
      break;
    }
    const { id, origin, listen, isDisabled } = service;
    const place = JSON.stringify([listen.type, listen.endpoint ?? null, listen.activatedName ?? null]);
    const first = places.get(place);
    if (first !== undefined && !isDisabled) {
      const where = listen.endpoint ?? `the socket ${quote(listen.activatedName ?? "")}`;
      const message = `${id} is to listen at ${where}, which ${first.id} has already (line ${first.origin.line})`;
      // Of two ports that the kernel chooses, a reload could not tell which is whose.
      const isChosen = listen.endpoint?.endsWith(":0") === true;
      problems.error(origin, message, isChosen ? CURE_OF_CHOSEN : CURE);
      continue;
    }
    if (!isDisabled) places.set(place, service);
    const unique = uniqueId(id, ids);
    ids.add(unique);
    kept.push(unique === id ? service : { ...service, id: unique });
  }
  return { config: { services: kept, global }, problems: problems.list };
}

function uniqueId(id: string, taken: ReadonlySet<string>): string {
  if (!taken.has(id)) return id;
  let number = 2;
  while (taken.has(`${id}#${number}`)) number++;
  return `${id}#${number}`;
}

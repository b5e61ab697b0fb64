/** Services of ours by another design, which accepts by itself: what of a configuration holds for them, and what does not. */
import { type ConfigProblem, DEFAULT_SERVICE_LIMITS, type InetdService, type ServiceLimits } from "../model.ts";

/** The design of built-in services that ask for no other: the super-server's own loop. */
export const USUAL_DESIGN = "epoll";

/**
 * What is to be said of a service's design. Rules that would not be looked at are an error, for the service would be less
 * safe than was meant; limits that have no meaning for datagrams are a warning.
 */
export function problemsOfDesign(service: InetdService): readonly ConfigProblem[] {
  const { id, origin, listen, serves, limits } = service;
  const design = serves.kind === "builtin" ? (serves.design ?? USUAL_DESIGN) : USUAL_DESIGN;
  if (design === USUAL_DESIGN) return [];
  const problem = (severity: ConfigProblem["severity"], message: string): ConfigProblem => ({
    origin,
    severity,
    message: `${id}: the ${design} design ${message}`,
    cure: `leave them or the design out; the usual one is ${USUAL_DESIGN}`,
  });
  const unseen = rulesOf(service);
  if (unseen.length > 0) {
    return [
      problem("error", `accepts by itself, so that access, banners and limits do not hold: ${unseen.join(", ")}`),
    ];
  }
  const idle = listen.type === "dgram" ? COUNTED.filter(([, key]) => limits[key] !== DEFAULT_SERVICE_LIMITS[key]) : [];
  if (idle.length === 0) return [];
  const names = idle.map(([name]) => name).join(", ");
  return [problem("warning", `answers datagrams by itself, so that limits of connections do not hold: ${names}`)];
}

/** What such a server applies to connections, by itself. */
const COUNTED: readonly (readonly [name: string, key: keyof ServiceLimits])[] = [
  ["instances", "instances"],
  ["perSource", "perSource"],
  ["connectionsPerSecond", "connectionsPerSecond"],
];

/** What is asked for, and nobody would look at. */
function rulesOf({ access, banners, limits }: InetdService): string[] {
  const { onlyFrom, noAccess, times } = access;
  const rules: readonly (readonly [name: string, isAsked: boolean])[] = [
    ["onlyFrom", onlyFrom !== undefined],
    ["noAccess", noAccess.length > 0],
    ["times", times.length > 0],
    ["banners", Object.values(banners).some((path) => path !== undefined)],
    ["maxLoad", limits.maxLoad !== undefined],
    ["connectionsPerMinute", limits.connectionsPerMinute !== Number.POSITIVE_INFINITY],
    // There a 0 means: any number.
    ["instances of 0", limits.instances === 0],
    ["perSource of 0", limits.perSource === 0],
  ];
  return rules.filter(([, isAsked]) => isAsked).map(([name]) => name);
}

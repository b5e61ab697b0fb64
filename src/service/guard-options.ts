/** The options of every service that answers datagrams: how it keeps from being used against others. */
import { GUARD_DEFAULTS, type GuardOptions } from "../protocol/index.ts";
import type { Place } from "../server/index.ts";
import type { ServiceOption, ServiceOptionValue } from "./service-options.ts";

const MAX_RATE = 1_000_000_000;

/** @param rate the default; 0 for no limit, where bursts are what a service is for. */
export function guardOptions(rate: number = GUARD_DEFAULTS.ratePerSecond): ServiceOption[] {
  return [
    {
      kind: "number",
      name: "rate",
      description: "datagrams of one source that are answered per second; 0 for no limit",
      default: rate,
      least: 0,
      most: MAX_RATE,
    },
    {
      kind: "number",
      name: "burst",
      description: "datagrams of one source that are answered before the rate counts",
      default: GUARD_DEFAULTS.burst,
      least: 1,
      most: MAX_RATE,
    },
    {
      kind: "flag",
      name: "limitLoopback",
      description: "hold sources on this machine to the rate too",
      default: false,
    },
  ];
}

/** A guard's options from a service's. From the port that it is served at itself, no client asks. */
export function guardFrom(
  values: Readonly<Record<string, ServiceOptionValue>>,
  { localPort }: Pick<Place, "localPort">,
  maxGrowthBytes = 0,
): GuardOptions {
  const { rate, burst, limitLoopback } = values as { rate: number; burst: number; limitLoopback: boolean };
  const refusePorts = localPort === undefined ? [] : [localPort];
  return {
    ratePerSecond: rate === 0 ? Number.POSITIVE_INFINITY : rate,
    burst,
    limitLoopback,
    maxGrowthBytes,
    refusePorts,
  };
}

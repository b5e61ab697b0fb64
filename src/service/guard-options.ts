/** The options of every service that answers datagrams: how it keeps from being used against others. */
import { readFileSync } from "node:fs";
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
      description: "hold clients on this machine to the rate too",
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
  clientPorts ??= readClientPorts();
  return {
    clientPorts,
    ratePerSecond: rate === 0 ? Number.POSITIVE_INFINITY : rate,
    burst,
    limitLoopback,
    maxGrowthBytes,
    refusePorts,
  };
}

/** Asked once: it is the machine's, and seldom changes. */
let clientPorts: readonly [number, number] | undefined;

/** The ports that the kernel gives to who chooses none: ip(7). */
function readClientPorts(): readonly [number, number] {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
    const [, first, last] = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text) ?? [];
    if (first !== undefined && last !== undefined) return [Number(first), Number(last)];
  } catch {
    // Without /proc it has its usual values.
  }
  return GUARD_DEFAULTS.clientPorts;
}

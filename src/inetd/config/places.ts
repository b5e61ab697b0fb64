/** Where services listen: endpoints from the addresses, ports and protocols of the older forms. */
import { isIPv4, isIPv6, splitZone } from "../../abi/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import type { ListenPlace, Origin } from "../model.ts";
import { type Problems, quote } from "./problems.ts";
import type { ConfigWorld } from "./world.ts";

const MAX_PORT = 65_535;

/** What the texts below come from. */
export interface Reading {
  readonly problems: Problems;
  readonly world: ConfigWorld;
}

/** `[::1]`, `::1`, `127.0.0.1` or a name, as endpoints have hosts. */
export function hostInEndpoint(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The family that an address is of; undefined for a name. */
export function familyOf(address: string): "inet" | "inet6" | undefined {
  if (isIPv4(address)) return "inet";
  return isIPv6(splitZone(address)?.address ?? address) ? "inet6" : undefined;
}

/** The port that a service's name or number means; undefined, and an error told, where it means none. */
export function readPort(text: string, protocol: "tcp" | "udp", origin: Origin, reading: Reading): number | undefined {
  if (/^[0-9]+$/.test(text)) {
    const port = Number(text);
    if (port >= 1 && port <= MAX_PORT) return port;
    reading.problems.error(origin, `${quote(text)} is no port`, `a port is a number from 1 to ${MAX_PORT}`);
    return undefined;
  }
  const port = reading.world.port(text, protocol);
  if (port === undefined) {
    const message = `no list of services has the name ${quote(text)} for ${protocol}`;
    reading.problems.error(origin, message, "write the port as a number, or add the name to /etc/services");
  }
  return port;
}

/** An endpoint that can be listened at; undefined, and an error told, where it cannot. */
export function checkEndpoint(
  endpoint: string,
  type: ListenPlace["type"],
  origin: Origin,
  { problems }: Pick<Reading, "problems">,
): string | undefined {
  try {
    const { transport } = parseEndpoint(endpoint, { names: true });
    const wanted = TYPES[transport];
    if (wanted === type) return endpoint;
    problems.error(origin, `${endpoint} is a ${wanted} endpoint, and the socket is to be of type ${type}`);
  } catch (error) {
    problems.error(origin, (error as Error).message);
  }
  return undefined;
}

const TYPES = {
  tcp: "stream",
  udp: "dgram",
  unix: "stream",
  "unix+dgram": "dgram",
  "unix+seqpacket": "seqpacket",
} as const;

/** What comes before the path of a unix socket. */
export const UNIX_SCHEMES = { stream: "unix://", dgram: "unix+dgram://", seqpacket: "unix+seqpacket://" } as const;

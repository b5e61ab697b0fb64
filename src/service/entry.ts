/** What the registry knows of a service without loading it. */
import type { Json, ServiceReference } from "../server/index.ts";
import type { ServiceClient } from "./client.ts";

/** The transports of endpoints that services are offered on, in the order of lists. */
export const TRANSPORTS = ["tcp", "udp", "unix"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Ports below this one need a capability, so that a service of such a port moves up by {@link UNPRIVILEGED_OFFSET}. */
const FIRST_UNPRIVILEGED_PORT = 1024;
const UNPRIVILEGED_OFFSET = 7000;

export interface ServiceEntry {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** Where it is specified, `RFC 862`. */
  readonly specification: string;
  /** The port that it has by custom. */
  readonly port: number;
  readonly transports: readonly Transport[];
  /** How to try it. */
  readonly trial: Trial;
  /** The service's module, for a server; `options` as the service understands them. */
  reference(options?: Json): ServiceReference;
  /** The client's module, loaded when it is asked for. */
  client(): Promise<ServiceClient>;
}

/** What someone types to see a service work. */
export interface Trial {
  /** A line to send; absent where the server speaks first, or where a person does. */
  readonly line?: string;
  /** What to put after `portolan call NAME ENDPOINT`. */
  readonly callArguments: string;
}

/** The port that a service listens on unless told otherwise. */
export function defaultPort(entry: Pick<ServiceEntry, "port">): number {
  return entry.port < FIRST_UNPRIVILEGED_PORT ? entry.port + UNPRIVILEGED_OFFSET : entry.port;
}

/** The file name of a service's unix socket. */
export function defaultUnixName(entry: Pick<ServiceEntry, "name">): string {
  return `${entry.name}.sock`;
}

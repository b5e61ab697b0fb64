/** What the registry knows of a service without loading it. */
import type { Json, ServiceReference } from "../server/index.ts";
import type { ServiceClient } from "./client.ts";
import { optionValues, type ServiceOption } from "./service-options.ts";

/** The transports of endpoints that services are offered on, in the order of lists. */
export const TRANSPORTS = ["tcp", "udp", "unix"] as const;
/** The transport of an endpoint that a service is offered on. */
export type Transport = (typeof TRANSPORTS)[number];

/** Ports below this one need a capability, so that a service of such a port moves up by {@link UNPRIVILEGED_OFFSET}. */
const FIRST_UNPRIVILEGED_PORT = 1024;
const UNPRIVILEGED_OFFSET = 7000;

/** What is known of a service before its module is loaded. */
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
  /** What the service can be told; absent for nothing. */
  readonly options?: readonly ServiceOption[];
  /**
   * The service's module, for a server.
   * @param options by the names in `options` above; what is not given is as declared there.
   * @throws TypeError or RangeError for options that are not declared so.
   */
  reference(options?: Json): ServiceReference;
  /** The client's module, loaded when it is asked for. */
  client(): Promise<ServiceClient>;
}

/** What someone types to see a service work. */
export interface Trial {
  /** A line to send; absent where the server speaks first, or where a person does. */
  readonly line?: string;
  /** Bytes to send in place of a line, as printf(1) reads them: `\\1\\0`. */
  readonly bytes?: string;
  /** What to put behind nc or socat, to end what is endless or to show what is no text: `head -n 3`. */
  readonly filter?: string;
  /** Lines that a person might type to our client, for a demo. */
  readonly typed?: string;
  /** What to put after `portolan call NAME ENDPOINT`. */
  readonly callArguments: string;
}

/** Makes an entry's `reference`, which refuses options that are not declared. */
export function referenceTo(
  url: URL,
  exportName: string,
  declared: readonly ServiceOption[] = [],
): ServiceEntry["reference"] {
  return (options = null) => {
    optionValues(declared, options);
    return { url: url.href, export: exportName, options };
  };
}

/** The endpoint that a service has on this machine unless told otherwise: that of its first transport. */
export function usualEndpoint(entry: ServiceEntry): string {
  return `${entry.transports[0]}://127.0.0.1:${defaultPort(entry)}`;
}

/** The port that a service listens on unless told otherwise. */
export function defaultPort(entry: Pick<ServiceEntry, "port">): number {
  return entry.port < FIRST_UNPRIVILEGED_PORT ? entry.port + UNPRIVILEGED_OFFSET : entry.port;
}

/** The file name of a service's unix socket. */
export function defaultUnixName(entry: Pick<ServiceEntry, "name">): string {
  return `${entry.name}.sock`;
}

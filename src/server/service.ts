/**
 * A service is a module: protocol factories with the limits that suit them. It is named by a reference (a URL, an
 * export, options that are JSON) and imported wherever it runs, because functions cross neither threads nor processes.
 */
import type { DatagramProtocolFactory, StreamProtocolFactory } from "../protocol/index.ts";
import type { Limits } from "./limits.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Where to find a service, in a form that can be handed to a thread or a process. */
export interface ServiceReference {
  /** A URL that `import()` takes, such as `file:///…/my-service.js`. */
  readonly url: string;
  /** The name of the export that is a {@link Service}. */
  readonly export: string;
  /** What the service's factories are given. */
  readonly options: Json;
}

/** What the module exports. */
export interface Service {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** The port that the service has by custom; below 1024 it is moved up by 7000 unless asked for. */
  readonly port: number;
  /** Makes the factory of stream protocols; absent where the service is not spoken over streams. */
  stream?(options: Json): StreamProtocolFactory;
  /** Makes the factory of datagram protocols. */
  datagram?(options: Json): DatagramProtocolFactory;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>;
}

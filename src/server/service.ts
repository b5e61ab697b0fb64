/**
 * A service is a module: protocol factories with the limits that suit them. It is named by a reference (a URL, an
 * export, options that are JSON) and imported wherever it runs, because functions cross neither threads nor processes.
 */
import type {
  DatagramProtocolFactory,
  ResourceFactory,
  SharedStreamProtocolFactory,
  SharesMemory,
  StreamProtocolFactory,
} from "../protocol/index.ts";
import type { Limits } from "./limits.ts";

/** What may be handed to another thread or process as JSON. */
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

/** Where an instance of a service is. */
export interface Place {
  /**
   * Memory that all threads of the server see, zeroed when it started, of the size that the service asked for. Undefined in
   * a process of its own: there is none that could be seen from there.
   */
  readonly memory: SharedArrayBuffer | undefined;
  /**
   * The port that datagrams arrive at; 0 for a unix socket. A datagram that claims to come from the same port is another
   * server's, or forged to make this one talk to itself.
   */
  readonly localPort?: number;
  /** Where the workers of a server count together what each source of datagrams has been answered; undefined for one alone. */
  readonly shares?: SharesMemory | undefined;
}

/** What the module exports. */
export interface Service {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** The port that the service has by custom; below 1024 it is moved up by 7000 unless asked for. */
  readonly port: number;
  /**
   * Makes the factory of stream protocols; absent where the service is not spoken over streams. Called once in each
   * thread and process that serves.
   */
  stream?(options: Json, place: Place): StreamProtocolFactory | SharedStreamProtocolFactory;
  /** Makes the factory of datagram protocols. */
  datagram?(options: Json, place: Place): DatagramProtocolFactory;
  /**
   * What the conversations of one server share, by name. Each is made once, where requests to it come together: in the
   * server's process, whichever threads or processes the conversations are in. Needed by protocols that say `shared`.
   */
  resources?(options: Json): Readonly<Record<string, ResourceFactory>>;
  /** Bytes of memory that the threads of one server are to share: `memory` of its `Place`. */
  readonly memoryBytes?: number;
  /** Limits that differ from the defaults, perhaps by the service's options. */
  readonly limits?: Partial<Limits> | ((options: Json) => Partial<Limits>);
}

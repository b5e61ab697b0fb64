/**
 * What a configuration says, whichever of the three forms it is written in: the readers make this, the super-server runs it.
 * Names follow xinetd.conf(5), where it has one.
 */
import type { Json } from "../server/index.ts";

/** All services of one configuration, in the order in which they were written. */
export interface InetdConfig {
  readonly services: readonly InetdService[];
  /** What holds for the super-server as a whole. */
  readonly global: InetdGlobal;
}

/** Bounds and places of the super-server itself. */
export interface InetdGlobal {
  /** Programs that run at one time, of all services together. */
  readonly maxInstances: number;
  /** Where log records go. */
  readonly log: LogTarget;
}

/** Where something was written, for messages. */
export interface Origin {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** One service: where it listens, who may use it, what serves it, and within which bounds. */
export interface InetdService {
  /** Unique within the configuration: the name, or xinetd's `id`. */
  readonly id: string;
  readonly name: string;
  readonly origin: Origin;
  readonly isDisabled: boolean;
  readonly listen: ListenPlace;
  /**
   * `false`: each connection, or each datagram, has a program of its own. `true`: one program has the listening socket (of
   * a stream) or the datagram socket, until it ends.
   */
  readonly wait: boolean;
  readonly serves: ServedBy;
  readonly access: Access;
  readonly limits: ServiceLimits;
  readonly log: ServiceLog;
  readonly banners: Banners;
}

/** The socket of a service. */
export interface ListenPlace {
  readonly type: "stream" | "dgram" | "seqpacket";
  /** An endpoint, such as `tcp://127.0.0.1:7007`; undefined for a socket that the super-server was started with. */
  readonly endpoint: string | undefined;
  /** The name in LISTEN_FDNAMES of a socket that the super-server was started with. */
  readonly activatedName: string | undefined;
  readonly backlog: number;
  /** SO_KEEPALIVE on the connections (xinetd: `flags = KEEPALIVE`). */
  readonly keepAlive: boolean;
  /** TCP_NODELAY on the connections (xinetd: `flags = NODELAY`). */
  readonly noDelay: boolean;
  /** IPV6_V6ONLY where the endpoint is one of IPv6; undefined: as the system has it. */
  readonly v6Only: boolean | undefined;
  /** Permissions of a unix socket's file; undefined: as the umask says. */
  readonly mode: number | undefined;
}

/** What answers. */
export type ServedBy = ServedByProgram | ServedByBuiltIn | ServedByRedirect;

/** Any program, with the socket as its descriptors 0, 1 and 2. */
export interface ServedByProgram {
  readonly kind: "program";
  /** An absolute path. */
  readonly path: string;
  /** All arguments, the name that the program is called by first. */
  readonly argv: readonly string[];
  readonly credentials: Credentials;
  /** Of the program; undefined: `/`. */
  readonly directory: string | undefined;
  /** A new root for the program (chroot(2)); undefined: none. */
  readonly root: string | undefined;
  /** From the super-server's environment (`passenv`); undefined: all of it. */
  readonly passEnvironment: readonly string[] | undefined;
  /** Put into the environment (`env`), `NAME=value` by name. */
  readonly environment: Readonly<Record<string, string>>;
  readonly umask: number | undefined;
  readonly nice: number | undefined;
  readonly rlimits: RLimits;
  /**
   * Whether the socket comes as descriptor 3 with LISTEN_FDS set, in place of 0, 1 and 2, of which 0 is empty then and the
   * others are the super-server's own standard error.
   */
  readonly activation: boolean;
  /** Whether descriptor 2 is the socket, as inetd has it; else it is the super-server's own standard error. */
  readonly isErrorToSocket: boolean;
}

/** A service of ours, in the super-server's own process. */
export interface ServedByBuiltIn {
  readonly kind: "builtin";
  /** A name in the registry of services: `echo`, `daytime` … */
  readonly service: string;
  readonly options: Json;
  /** A server design; undefined: the usual one. */
  readonly design: string | undefined;
}

/** The bytes of a connection are carried to another endpoint and back (`redirect`). */
export interface ServedByRedirect {
  readonly kind: "redirect";
  /** An endpoint of a stream; a host name in it is looked up for each connection. */
  readonly endpoint: string;
}

/** As whom a program runs; what is undefined stays as the super-server has it. */
export interface Credentials {
  /** A name or a number. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** Whether the user's supplementary groups are set (`groups = yes`). */
  readonly hasGroups: boolean;
  /** Whether the user's own group is not among those, as with inetd where another group is given; with xinetd it is. */
  readonly isOwnGroupLeft?: boolean;
}

/** setrlimit(2), in the units of that page; undefined: as the super-server has it. */
export interface RLimits {
  readonly addressSpaceBytes?: number;
  readonly coreBytes?: number;
  readonly cpuSeconds?: number;
  readonly dataBytes?: number;
  readonly fileSizeBytes?: number;
  readonly openFiles?: number;
  readonly processes?: number;
  readonly stackBytes?: number;
}

/** Who may use a service, and when. The most specific of the matching addresses decides, as with xinetd. */
export interface Access {
  /** Who may; undefined: anybody. */
  readonly onlyFrom: readonly AddressPattern[] | undefined;
  readonly noAccess: readonly AddressPattern[];
  /** When; empty: always. */
  readonly times: readonly TimeSpan[];
}

/** Addresses that a rule speaks of. */
export type AddressPattern =
  /** The upper `bits` of an address of 4 or 16 bytes; all of it for a single address. */
  | { readonly kind: "network"; readonly address: Uint8Array; readonly bits: number; readonly text: string }
  /** A host's name, looked up when a peer is checked; or a domain, `.example.org`. */
  | { readonly kind: "host"; readonly text: string };

/** From one time of the day to another, in local time. */
export interface TimeSpan {
  readonly fromMinute: number;
  /** Inclusive, at least `fromMinute`. */
  readonly toMinute: number;
}

/** Bounds of one service. */
export interface ServiceLimits {
  /** Programs, or connections of a built-in service, at a time. */
  readonly instances: number;
  /** The same for one source address. */
  readonly perSource: number;
  /** New ones a second, and how long the service rests when there are more (`cps`). */
  readonly connectionsPerSecond: number;
  /** New ones a minute (inetd's `nowait.60`): with more, it rests as well, and at least until that minute is over. */
  readonly connectionsPerMinute: number;
  readonly restSeconds: number;
  /** Load average of one minute from which on nobody is let in; undefined: any. */
  readonly maxLoad: number | undefined;
  /** Programs that fail or end at once, in `restSeconds`, before the service rests: a crash loop, or a spinning datagram service. */
  readonly failures: number;
}

/** Where log records go. */
export type LogTarget =
  | { readonly kind: "stderr" }
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly path: string; readonly softBytes?: number; readonly hardBytes?: number }
  | { readonly kind: "syslog"; readonly facility: string; readonly level: string };

/** What is put on record, as with `log_on_success` and `log_on_failure`. */
export interface ServiceLog {
  /** Undefined: as the super-server has it. */
  readonly target: LogTarget | undefined;
  readonly onSuccess: readonly LogField[];
  readonly onFailure: readonly LogField[];
}

/** Fields of records, by xinetd's names. */
export type LogField = "PID" | "HOST" | "USERID" | "EXIT" | "DURATION" | "TRAFFIC" | "ATTEMPT" | "RECORD";

/** Files whose text a peer is sent; undefined: none. */
export interface Banners {
  /** To everybody, before the service. */
  readonly always: string | undefined;
  readonly onSuccess: string | undefined;
  readonly onFailure: string | undefined;
}

/** Something about a configuration that its writer should know. */
export interface ConfigProblem {
  readonly origin: Origin;
  /** An `error` keeps its service from being served; a `warning` does not. */
  readonly severity: "error" | "warning";
  /** What is wrong: the thing and the cause. */
  readonly message: string;
  /** What to write in its place; undefined where that is plain. */
  readonly cure: string | undefined;
}

/** What reading a configuration gave: services whose lines are in order, and what is to be said of the others. */
export interface ReadConfig {
  readonly config: InetdConfig;
  readonly problems: readonly ConfigProblem[];
}

/** What holds where a configuration says nothing. */
export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  instances: 256,
  perSource: 64,
  connectionsPerSecond: 256,
  connectionsPerMinute: Number.POSITIVE_INFINITY,
  restSeconds: 10,
  maxLoad: undefined,
  failures: 10,
};

/** What holds where a configuration says nothing. */
export const DEFAULT_GLOBAL: InetdGlobal = { maxInstances: 1024, log: { kind: "stderr" } };

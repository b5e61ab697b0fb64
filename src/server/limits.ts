/** The bounds of a server. Every one is named, has a default, and can be set; docs/guide/limits.md says what each does. */
export interface Limits {
  /** Connections accepted in a second, in all; more wait in the backlog. 0: any number. */
  readonly acceptsPerSecond: number;
  /** Connections that wait in the kernel to be accepted (listen(2); the kernel cuts it to `net.core.somaxconn`). */
  readonly backlog: number;
  /** How long a peer may take for its first complete request, where the protocol tells requests apart; 0: for ever. */
  readonly headerMs: number;
  /** Bytes that may wait for a peer before the server stops reading from it. */
  readonly highWaterBytes: number;
  /** A connection without a byte in either direction for so long is closed; 0: never. */
  readonly idleMs: number;
  /** After our own end of a stream, how long to wait for the peer's. */
  readonly lingerMs: number;
  /** Bytes that may wait for a peer before its connection is aborted. */
  readonly maxBytes: number;
  /** Connections at a time; more wait in the backlog. */
  readonly maxConnections: number;
  /** A longer datagram is truncated, and its protocol told so. */
  readonly maxDatagramBytes: number;
  /**
   * Connections of one source at a time; more are reset. A source is an IPv4 address, the /64 of an IPv6 address, or the
   * user behind a unix socket. 0: any number.
   */
  readonly maxPerSource: number;
  /**
   * Memory for what waits for all peers of a server; beyond it, connections for which most waits are aborted. Designs that
   * block hold nothing back.
   */
  readonly maxTotalBytes: number;
  /** Threads or processes at a time, where each client has one of its own. */
  readonly maxWorkers: number;
  /** What the kernel may hold of a socket's input (SO_RCVBUF, socket(7)); 0: what it likes. */
  readonly receiveBufferBytes: number;
  /** What the kernel may hold of a socket's output (SO_SNDBUF, socket(7)); 0: what it likes. */
  readonly sendBufferBytes: number;
  /** How long a connection may last, busy or not; 0: for ever. */
  readonly totalMs: number;
}

/** What holds where {@link Limits} are not given. */
export const DEFAULT_LIMITS: Limits = {
  acceptsPerSecond: 0,
  backlog: 4096,
  headerMs: 60 * 1000,
  highWaterBytes: 64 * 1024,
  idleMs: 10 * 60 * 1000,
  lingerMs: 5000,
  maxBytes: 1024 * 1024,
  maxConnections: 60_000,
  maxDatagramBytes: 65_535,
  maxPerSource: 0,
  maxTotalBytes: 256 * 1024 * 1024,
  maxWorkers: 64,
  receiveBufferBytes: 0,
  sendBufferBytes: 0,
  totalMs: 0,
};

/** Those for which 0 means: no limit. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set<keyof Limits>([
  "acceptsPerSecond",
  "headerMs",
  "idleMs",
  "maxPerSource",
  "receiveBufferBytes",
  "sendBufferBytes",
  "totalMs",
]);

/** The kernel's options take an int. */
export const MOST_OF_A_LIMIT: number = 2 ** 31 - 1;

/** The least that a limit may be. Where that is 0, it means: no limit. */
export function leastOf(name: keyof Limits): 0 | 1 {
  return MAY_BE_ZERO.has(name) ? 0 : 1;
}

/**
 * The defaults, with what is given in their place.
 * @throws RangeError for a limit that is no whole number of at least its least sensible value.
 */
export function limitsWith(...overrides: readonly (Partial<Limits> | undefined)[]): Limits {
  const limits: Limits = Object.assign({}, DEFAULT_LIMITS, ...overrides);
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`there is no limit named ${name}`);
    const least = leastOf(name as keyof Limits);
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`limit ${name} must be a whole number of at least ${least}, not ${value}`);
    }
    if (value > MOST_OF_A_LIMIT) {
      throw new RangeError(`limit ${name} may be ${MOST_OF_A_LIMIT} at most, not ${value}`);
    }
  }
  return limits;
}

/**
 * Of the limits of a whole server, what each of `count` workers that accept by themselves may have: shares of what is
 * counted over all connections, so that all together keep the whole.
 * @throws RangeError where there is not one for each.
 */
export function shareOf(limits: Limits, count: number, index: number): Limits {
  const share = (name: "acceptsPerSecond" | "maxConnections" | "maxTotalBytes"): number => {
    const whole = limits[name];
    if (whole === 0) return 0;
    if (whole < count) throw new RangeError(`${name} is ${whole}, which is less than one for each of ${count} workers`);
    return Math.floor(whole / count) + (index < whole % count ? 1 : 0);
  };
  return {
    ...limits,
    acceptsPerSecond: share("acceptsPerSecond"),
    maxConnections: share("maxConnections"),
    maxTotalBytes: share("maxTotalBytes"),
  };
}

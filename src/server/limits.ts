/** The bounds of a server. Every one is named, has a default, and can be set. */
export interface Limits {
  /** Connections that wait in the kernel to be accepted (listen(2); the kernel cuts it to `net.core.somaxconn`). */
  readonly backlog: number;
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
  /** Threads or processes at a time, where each client has one of its own. */
  readonly maxWorkers: number;
}

/** What holds where {@link Limits} are not given. */
export const DEFAULT_LIMITS: Limits = {
  backlog: 4096,
  highWaterBytes: 64 * 1024,
  idleMs: 10 * 60 * 1000,
  lingerMs: 5000,
  maxBytes: 1024 * 1024,
  maxConnections: 60_000,
  maxDatagramBytes: 65_535,
  maxWorkers: 64,
};

/**
 * The defaults, with what is given in their place.
 * @throws RangeError for a limit that is no whole number of at least its least sensible value.
 */
export function limitsWith(...overrides: readonly (Partial<Limits> | undefined)[]): Limits {
  const limits: Limits = Object.assign({}, DEFAULT_LIMITS, ...overrides);
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`there is no limit named ${name}`);
    const least = name === "idleMs" ? 0 : 1;
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`limit ${name} must be a whole number of at least ${least}, not ${value}`);
    }
  }
  return limits;
}

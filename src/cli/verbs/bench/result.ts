/** What a measurement is, as JSON. */

/** What the load is told. */
export interface LoadOrder {
  readonly port: number;
  /** The server, for its processor time and memory. */
  readonly pid: number;
  readonly connections: number;
  /** Connections that are opened and closed at the same time while set-up is measured. */
  readonly parallel: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly churnMs: number;
}

/** What the load has measured. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Processor time of the server for each request; null where the kernel does not tell. */
  readonly cpuUsPerRequest: number | null;
  readonly bytesPerConnection: number | null;
  readonly connectionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** One server with so many connections. */
export interface Measured extends LoadResult {
  readonly subject: string;
  readonly connections: number;
}

/** One that was not measured. */
export interface NotMeasured {
  readonly subject: string;
  readonly connections: number;
  readonly notMeasured: string;
}

export type Point = Measured | NotMeasured;

export function isMeasured(point: Point): point is Measured {
  return !("notMeasured" in point);
}

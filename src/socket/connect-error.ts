/** A host had several addresses, and none could be connected to. */
import { isSystemError, type SystemError } from "./errors.ts";

/**
 * Every address of a host failed: `connect ECONNREFUSED venus http: none of its 2 addresses could be reached: …`.
 *
 * `errors` has the error of each attempt, in the order of the attempts. `code`, `errno` and `syscall` are those of the
 * first, the address that was preferred, as are `address` and `port`.
 */
export class ConnectError extends AggregateError {
  /** C's name of the first error, `ECONNREFUSED`. */
  readonly code: string;
  /** Its negative number. */
  readonly errno: number;
  readonly syscall = "connect";
  /** The host that was asked for. */
  readonly hostname: string;
  readonly service: string;
  declare readonly address?: string;
  declare readonly port?: number;

  constructor(hostname: string, service: string, errors: readonly SystemError[]) {
    const [first] = errors;
    if (first === undefined) throw new TypeError("a ConnectError has the errors of its attempts");
    const reasons = errors.map((error) => error.message).join("; ");
    super(
      errors,
      `connect ${first.code} ${hostname} ${service}: none of its ${errors.length} addresses could be reached: ${reasons}`,
    );
    this.name = "ConnectError";
    this.code = first.code;
    this.errno = first.errno;
    this.hostname = hostname;
    this.service = service;
    if (first.address !== undefined) this.address = first.address;
    if (first.port !== undefined) this.port = first.port;
  }
}

/** What to throw for the errors of a host's addresses: the only one as it is, several together. */
export function connectFailure(hostname: string, service: string, errors: readonly unknown[]): unknown {
  const stranger = errors.find((error) => !isSystemError(error));
  if (stranger !== undefined || errors.length === 1) return stranger ?? errors[0];
  return new ConnectError(hostname, service, errors as SystemError[]);
}

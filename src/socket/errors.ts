/** Errors of system calls, named as in C and shaped as Node's own. */
import { EBADF, ECANCELED, ETIMEDOUT, errnoName } from "../abi/index.ts";
import { causeOf } from "./causes.ts";

/** What a {@link SystemError} knows beside the call and the number. */
export interface SystemErrorDetails {
  /** The remote (connect, send) or wanted (bind) host, as text. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** The path of a unix socket; an abstract name begins with `@`. */
  readonly path?: string | undefined;
  /** The socket's own end, `127.0.0.1:40112`, where that helps. */
  readonly local?: string | undefined;
  /** What else the call was about, such as an option's name. */
  readonly subject?: string | undefined;
  /** Takes the place of the usual cause. */
  readonly cause?: string | undefined;
  /** Said after the cause: who holds a port, which capability is missing. */
  readonly hint?: string | undefined;
}

/**
 * A system call failed, or would have: `connect ECONNREFUSED 127.0.0.1:1: nothing listens there`.
 *
 * The fields are those of Node's own system errors: `code` is C's name, `errno` the negative number, `syscall` the
 * call. `address` and `port`, or `path`, say whom the call was about.
 */
export class SystemError extends Error {
  /** C's name of the error, `ECONNREFUSED`. */
  readonly code: string;
  /** The negative error number, `-111`. */
  readonly errno: number;
  /** The system call, `connect`. */
  readonly syscall: string;
  declare readonly address?: string;
  declare readonly port?: number;
  declare readonly path?: string;
  declare readonly local?: string;

  /** @param errno of either sign. */
  constructor(syscall: string, errno: number, details: SystemErrorDetails = {}) {
    const code = errnoName(errno);
    super(formatMessage(syscall, code, details));
    this.name = "SystemError";
    this.code = code;
    this.errno = -Math.abs(errno);
    this.syscall = syscall;
    if (details.address !== undefined) this.address = details.address;
    if (details.port !== undefined) this.port = details.port;
    if (details.path !== undefined) this.path = details.path;
    if (details.local !== undefined) this.local = details.local;
  }
}

/**
 * Whether something thrown is a {@link SystemError}, of this code if one is given.
 *
 *     try {
 *       await connect("tcp://127.0.0.1:7007");
 *     } catch (error) {
 *       if (!isSystemError(error, "ECONNREFUSED")) throw error;
 *       console.log(error.message); // connect ECONNREFUSED 127.0.0.1:7007 …: nothing listens there
 *     }
 */
export function isSystemError(error: unknown, code?: string): error is SystemError {
  return error instanceof SystemError && (code === undefined || error.code === code);
}

/**
 * The result of a system call that succeeded.
 * @param details whom the call was about; a function is called only for a failure.
 * @throws SystemError for a negative result.
 */
export function checked(
  syscall: string,
  result: number,
  details?: SystemErrorDetails | (() => SystemErrorDetails),
): number {
  if (result >= 0) return result;
  throw new SystemError(syscall, result, typeof details === "function" ? details() : details);
}

/** A call on a socket that was closed or detached. No system call is made: the number may be somebody else's by now. */
export function closedError(syscall: string): SystemError {
  return new SystemError(syscall, EBADF, { cause: "this socket is closed" });
}

/** A wait that ended because the socket was closed. */
export function canceledError(syscall: string): SystemError {
  return new SystemError(syscall, ECANCELED, { cause: "the socket was closed while the call waited" });
}

/** A wait that outlasted the caller's own deadline. */
export function timeoutError(syscall: string, timeoutMs: number, details: SystemErrorDetails = {}): SystemError {
  const limit = `the caller's limit of ${Math.round(timeoutMs)} ms has passed`;
  return new SystemError(syscall, ETIMEDOUT, { ...details, cause: limit });
}

function formatMessage(syscall: string, code: string, details: SystemErrorDetails): string {
  const where = formatWhere(details);
  const from = details.local === undefined ? "" : ` from ${details.local}`;
  const subject = details.subject === undefined ? "" : ` ${details.subject}`;
  const hint = details.hint === undefined ? "" : `; ${details.hint}`;
  return `${syscall} ${code}${subject}${where}${from}: ${details.cause ?? causeOf(syscall, code)}${hint}`;
}

function formatWhere({ address, port, path }: SystemErrorDetails): string {
  if (path !== undefined) return ` ${path}`;
  if (address === undefined) return "";
  if (port === undefined) return ` ${address}`;
  return address.includes(":") ? ` [${address}]:${port}` : ` ${address}:${port}`;
}

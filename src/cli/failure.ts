/** How things go wrong at the command line: a status, and one line that names the thing, the cause and the cure. */
import { EXIT, type ExitStatus, LineTooLongError, nearest } from "../service/index.ts";

/** The shell's status of a program that a signal ended is this and the signal's number. */
export const SIGNAL_STATUS_BASE = 128;

/** An expected end: `message` is what the user reads. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** A command line that cannot be meant so. */
export function usage(message: string): Failure {
  return new Failure(EXIT.USAGE, message);
}

/**
 * A name that there is not, with the nearest that there is.
 * @param what such as `service`
 */
export function unknownName(what: string, name: string, known: readonly string[]): Failure {
  const meant = nearest(name, known);
  const cure = meant === undefined ? `there are: ${known.join(", ")}` : `did you mean ${meant}?`;
  return usage(`there is no ${what} "${name}"; ${cure}`);
}

/** Runs what reads something that the user wrote; what it throws is the user's to mend. */
export function checkingUsage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asUsage(error);
  }
}

/** Misuse of the API, caused by what was typed; anything else as it is. */
export function asUsage(error: unknown): unknown {
  if (error instanceof RangeError || error instanceof TypeError) {
    return new Failure(EXIT.USAGE, error.message, { cause: error });
  }
  return error;
}

/** What is to be printed, and the status to end with. */
export function describeFailure(error: unknown): { readonly status: ExitStatus; readonly message: string } {
  if (error instanceof Failure) return error;
  if (error instanceof LineTooLongError) return { status: EXIT.DATAERR, message: error.message };
  if (isSystemFailure(error)) {
    const status = error.syscall === "open" ? EXIT.NOINPUT : (STATUS_BY_CODE[error.code] ?? EXIT.OSERR);
    return { status, message: error.message };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { status: EXIT.SOFTWARE, message: `${message} (a fault in portolan; PORTOLAN_DEBUG=1 shows where)` };
}

/** Errors of system calls and look-ups, ours and Node's, have C's name for what went wrong. */
function isSystemFailure(error: unknown): error is Error & { readonly code: string; readonly syscall: unknown } {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}

const STATUS_BY_CODE: Readonly<Record<string, ExitStatus>> = {
  EACCES: EXIT.NOPERM,
  EADDRINUSE: EXIT.UNAVAILABLE,
  EADDRNOTAVAIL: EXIT.UNAVAILABLE,
  EAI_BADFLAGS: EXIT.USAGE,
  EAI_IDN_ENCODE: EXIT.DATAERR,
  EAI_SERVICE: EXIT.UNAVAILABLE,
  EAI_SOCKTYPE: EXIT.USAGE,
  EAI_ADDRFAMILY: EXIT.NOHOST,
  EAI_AGAIN: EXIT.TEMPFAIL,
  EAI_NODATA: EXIT.NOHOST,
  EAI_NONAME: EXIT.NOHOST,
  ECONNABORTED: EXIT.UNAVAILABLE,
  ECONNREFUSED: EXIT.UNAVAILABLE,
  ECONNRESET: EXIT.UNAVAILABLE,
  EHOSTDOWN: EXIT.UNAVAILABLE,
  EHOSTUNREACH: EXIT.UNAVAILABLE,
  EMSGSIZE: EXIT.DATAERR,
  ENAMETOOLONG: EXIT.USAGE,
  ENETDOWN: EXIT.UNAVAILABLE,
  ENETUNREACH: EXIT.UNAVAILABLE,
  ENOENT: EXIT.UNAVAILABLE,
  EPERM: EXIT.NOPERM,
  EPIPE: EXIT.UNAVAILABLE,
  EPROTOTYPE: EXIT.UNAVAILABLE,
  ETIMEDOUT: EXIT.UNAVAILABLE,
  HOST_NOT_FOUND: EXIT.NOHOST,
  NO_DATA: EXIT.NOHOST,
  TRY_AGAIN: EXIT.TEMPFAIL,
};

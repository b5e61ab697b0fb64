/** Failed look-ups, by the names that <netdb.h> gives their reasons. */
import { EAI, EAI_SYSTEM, H_ERRNO, NETDB_INTERNAL, nameOf } from "../../abi/index.ts";
import { gai_strerror } from "../../sys/index.ts";
import { SystemError } from "../errors.ts";

/** What was looked up. */
export interface LookupSubject {
  readonly hostname?: string | undefined;
  readonly service?: string | undefined;
}

/** What a {@link LookupError} knows beside the call and the number. */
interface LookupErrorDetails extends LookupSubject {
  /** errno, where the code says that it tells more (EAI_SYSTEM, NETDB_INTERNAL). */
  readonly systemErrno?: number;
  /** Takes the place of what the code usually means. */
  readonly reason?: string;
}

/** The family of numbers that a call's errors come from: EAI_ of getaddrinfo(3), or h_errno of gethostbyname(3). */
type ErrorNumbers = "EAI" | "H_ERRNO";

/**
 * A look-up failed: `getaddrinfo EAI_NONAME venus: Name or service not known: the name is misspelt, or …`.
 *
 * `code` is C's name: an EAI_ name of getaddrinfo and getnameinfo (glibc and musl have the same numbers), or of the
 * classic calls HOST_NOT_FOUND, NO_DATA, NO_RECOVERY, TRY_AGAIN. With EAI_SYSTEM and NETDB_INTERNAL, `cause` is the
 * {@link SystemError} that libc met.
 */
export class LookupError extends Error {
  /** C's name of the error, `EAI_NONAME`. */
  readonly code: string;
  /** The number of the code: negative for EAI_, positive for h_errno. */
  readonly errno: number;
  /** The call, `getaddrinfo`. */
  readonly syscall: string;
  declare readonly hostname?: string;
  declare readonly service?: string;

  constructor(syscall: string, numbers: ErrorNumbers, errno: number, details: LookupErrorDetails = {}) {
    const code = nameOf(numbers === "EAI" ? EAI : H_ERRNO, errno);
    const cause = systemCause(syscall, errno, details.systemErrno);
    super(formatMessage(syscall, code, numbers, errno, details, cause), cause === undefined ? undefined : { cause });
    this.name = "LookupError";
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    if (details.hostname !== undefined) this.hostname = details.hostname;
    if (details.service !== undefined) this.service = details.service;
  }
}

/**
 * Whether something thrown is a {@link LookupError}, of this code if one is given.
 *
 *     try {
 *       await getaddrinfo("no-such-host.invalid");
 *     } catch (error) {
 *       if (!isLookupError(error, "EAI_NONAME")) throw error;
 *     }
 */
export function isLookupError(error: unknown, code?: string): error is LookupError {
  return error instanceof LookupError && (code === undefined || error.code === code);
}

/** What each code usually means, in one clause. Sorted by code. netdb(3), getaddrinfo(3), gethostbyname(3) */
const REASONS: Readonly<Record<string, string>> = {
  EAI_ADDRFAMILY: "the host has addresses, but none of this family",
  EAI_AGAIN: "no name server answered, or it asks to be tried later",
  EAI_BADFLAGS: "these flags do not go together, or libc does not know them",
  EAI_FAIL: "a name server refused, or answered nonsense",
  EAI_FAMILY: "look-ups know the families inet and inet6, and the address must be of the family that was asked for",
  EAI_IDN_ENCODE: "the name has characters that no internationalised domain name may have",
  EAI_MEMORY: "libc got no memory",
  EAI_NODATA: "the name exists, but has no address",
  EAI_NONAME: "the name is misspelt, or neither /etc/hosts nor a name server has it",
  EAI_OVERFLOW: "the answer is longer than the room for it",
  EAI_SERVICE: "this type of socket has no such service: /etc/services lists names with their protocols",
  EAI_SOCKTYPE: "no protocol of this number has this socket type",
  EAI_SYSTEM: "a system call failed",
  HOST_NOT_FOUND: "the name is misspelt, or neither /etc/hosts nor a name server has it",
  NETDB_INTERNAL: "a system call failed",
  NO_DATA: "the name exists, but has no address of this family",
  NO_RECOVERY: "a name server refused, or answered nonsense",
  TRY_AGAIN: "no name server answered, or it asks to be tried later",
};

/** What herror(3) would say. */
const HOST_MESSAGES: Readonly<Record<string, string>> = {
  HOST_NOT_FOUND: "Unknown host",
  NETDB_INTERNAL: "Internal resolver error",
  NO_DATA: "No address associated with the name",
  NO_RECOVERY: "Unknown server error",
  TRY_AGAIN: "Host name look-up failed for now",
};

/** One way in which a look-up fails. */
export interface LookupCause {
  /** C's name, `EAI_NONAME` or `HOST_NOT_FOUND`. */
  readonly code: string;
  /** Its number: negative for EAI_, positive for h_errno. */
  readonly errno: number;
  /** The calls that end so: `getaddrinfo` stands for getnameinfo too, `gethostbyname` for gethostbyaddr. */
  readonly syscall: string;
  /** What libc calls it. */
  readonly message: string;
  readonly cause: string;
}

/** Every error of look-ups with what it usually means, sorted by code. getaddrinfo(3), gethostbyname(3) */
export function listLookupCauses(): LookupCause[] {
  return Object.entries(REASONS).map(([code, cause]) => {
    const isNew = code in EAI;
    const errno = (isNew ? EAI : H_ERRNO)[code as never] as number;
    const message = isNew ? gai_strerror(errno) : (HOST_MESSAGES[code] ?? code);
    return { code, errno, syscall: isNew ? "getaddrinfo" : "gethostbyname", message, cause };
  });
}

function systemCause(syscall: string, errno: number, systemErrno: number | undefined): SystemError | undefined {
  if (systemErrno === undefined || systemErrno === 0) return undefined;
  return errno === EAI_SYSTEM || errno === NETDB_INTERNAL ? new SystemError(syscall, systemErrno) : undefined;
}

function formatMessage(
  syscall: string,
  code: string,
  numbers: ErrorNumbers,
  errno: number,
  { hostname, service, reason }: LookupErrorDetails,
  cause: SystemError | undefined,
): string {
  const host = hostname === undefined ? "" : ` ${hostname === "" ? '""' : hostname}`;
  const of = service === undefined ? "" : ` service ${service === "" ? '""' : service}`;
  const text = numbers === "EAI" ? gai_strerror(errno) : (HOST_MESSAGES[code] ?? "Resolver error");
  const why = reason ?? cause?.message ?? REASONS[code];
  return `${syscall} ${code}${host}${of}: ${text}${why === undefined ? "" : `: ${why}`}`;
}

/** Errors with the codes, the fields and the wording of Node's own, so that programs written for those find them here. */
import { getSystemErrorMap, inspect } from "node:util";

/** An error that carries one of Node's `ERR_` codes. */
export type CodedError = Error & { code: string };

type ErrorClass = new (message: string) => Error;

function coded(Base: ErrorClass, code: string, message: string): CodedError {
  const error = Object.assign(new Base(message), { code });
  // The stack names the code, as Node's does: it is what a reader of a log looks for.
  error.stack = error.stack?.replace(/^(\w+)/, `$1 [${code}]`) ?? "";
  return error;
}

/** ERR_INVALID_ARG_TYPE. @param name with a dot in it, it is called a property. */
export function invalidArgType(name: string, expected: string, value: unknown): CodedError {
  const kind = name.includes(".") ? "property" : "argument";
  return coded(
    TypeError,
    "ERR_INVALID_ARG_TYPE",
    `The "${name}" ${kind} must be ${expected}. Received ${describe(value)}`,
  );
}

/** ERR_INVALID_ARG_VALUE. */
export function invalidArgValue(name: string, value: unknown, reason = "is invalid"): CodedError {
  const kind = name.includes(".") ? "property" : "argument";
  return coded(TypeError, "ERR_INVALID_ARG_VALUE", `The ${kind} '${name}' ${reason}. Received ${inspect(value)}`);
}

/** ERR_OUT_OF_RANGE. */
export function outOfRange(name: string, range: string, value: unknown): CodedError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${String(value)}`;
  return coded(RangeError, "ERR_OUT_OF_RANGE", message);
}

/** ERR_SOCKET_BAD_PORT. */
export function badPort(name: string, port: unknown, allowZero: boolean): CodedError {
  const range = `${allowZero ? ">=" : ">"} 0 and < 65536`;
  return coded(RangeError, "ERR_SOCKET_BAD_PORT", `${name} should be ${range}. Received ${describe(port)}.`);
}

/** What has no `ERR_` code of its own in here is built where it is needed, by {@link aboutError}. */
export type PlainCode =
  | "ERR_BUFFER_OUT_OF_BOUNDS"
  | "ERR_INVALID_HANDLE_TYPE"
  | "ERR_MISSING_ARGS"
  | "ERR_SERVER_ALREADY_LISTEN"
  | "ERR_SERVER_NOT_RUNNING"
  | "ERR_SOCKET_ALREADY_BOUND"
  | "ERR_SOCKET_BAD_BUFFER_SIZE"
  | "ERR_SOCKET_BAD_TYPE"
  | "ERR_SOCKET_CLOSED"
  | "ERR_SOCKET_CLOSED_BEFORE_CONNECTION"
  | "ERR_SOCKET_CONNECTION_TIMEOUT"
  | "ERR_SOCKET_DGRAM_IS_CONNECTED"
  | "ERR_SOCKET_DGRAM_NOT_CONNECTED"
  | "ERR_SOCKET_DGRAM_NOT_RUNNING";

const PLAIN: Readonly<Record<PlainCode, readonly [ErrorClass, string]>> = {
  ERR_BUFFER_OUT_OF_BOUNDS: [RangeError, "Attempt to access memory outside buffer bounds"],
  ERR_INVALID_HANDLE_TYPE: [TypeError, "This handle type cannot be sent"],
  ERR_MISSING_ARGS: [TypeError, 'The "options" or "port" or "path" argument must be specified'],
  ERR_SERVER_ALREADY_LISTEN: [Error, "Listen method has been called more than once without closing."],
  ERR_SERVER_NOT_RUNNING: [Error, "Server is not running."],
  ERR_SOCKET_ALREADY_BOUND: [Error, "Socket is already bound"],
  ERR_SOCKET_BAD_BUFFER_SIZE: [TypeError, "Buffer size must be a positive integer"],
  ERR_SOCKET_BAD_TYPE: [TypeError, "Bad socket type specified. Valid types are: udp4, udp6"],
  ERR_SOCKET_CLOSED: [Error, "Socket is closed"],
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: [Error, "Socket closed before the connection was established"],
  ERR_SOCKET_CONNECTION_TIMEOUT: [Error, "Socket connection timeout"],
  ERR_SOCKET_DGRAM_IS_CONNECTED: [Error, "Already connected"],
  ERR_SOCKET_DGRAM_NOT_CONNECTED: [Error, "Not connected"],
  ERR_SOCKET_DGRAM_NOT_RUNNING: [Error, "Not running"],
};

/** An error whose message is always the same. */
export function plainError(code: PlainCode): CodedError {
  const [Base, message] = PLAIN[code];
  return coded(Base, code, message);
}

/** An error of Node's whose message says about what. */
export function aboutError(Base: ErrorClass, code: string, message: string): CodedError {
  return coded(Base, code, message);
}

/** What a failed system call carries beside the number. */
export interface Place {
  readonly address?: string | null | undefined;
  readonly port?: number | undefined;
  /** The own end, `127.0.0.1:4000`, where the program asked for it. */
  readonly local?: { readonly address: string; readonly port: number } | undefined;
}

/** A failed system call: `read ECONNRESET`, `connect ECONNREFUSED 127.0.0.1:1`. */
export function systemError(errno: number, syscall: string, place: Place = {}): NodeJS.ErrnoException {
  return build(errno, syscall, "", place);
}

/** The same with libuv's sentence in it, as `listen` has it: `listen EADDRINUSE: address already in use ::1:80`. */
export function explainedSystemError(errno: number, syscall: string, place: Place): NodeJS.ErrnoException {
  const known = getSystemErrorMap().get(-errno);
  return build(errno, syscall, known === undefined ? "" : `: ${known[1]}`, place);
}

function build(errno: number, syscall: string, sentence: string, place: Place): NodeJS.ErrnoException {
  const code = getSystemErrorMap().get(-errno)?.[0] ?? `Unknown system error ${-errno}`;
  const { address, port, local } = place;
  let where = "";
  if (port !== undefined && port > 0) where = ` ${address}:${port}`;
  else if (address) where = ` ${address}`;
  if (local !== undefined) where += ` - Local (${local.address}:${local.port})`;
  const error: NodeJS.ErrnoException & { address?: string; port?: number } = new Error(
    `${syscall} ${code}${sentence}${where}`,
  );
  error.errno = -errno;
  error.code = code;
  error.syscall = syscall;
  if (address != null) error.address = address;
  if (port) error.port = port;
  if (local !== undefined) Object.assign(error, { localAddress: local.address, localPort: local.port });
  return error;
}

/** ERR_SOCKET_BUFFER_SIZE, with what the system said in `info`. @param call libuv's name of it. */
export function bufferSizeError(errno: number, call: string): CodedError {
  const [code, message] = getSystemErrorMap().get(-errno) ?? [`E?${errno}`, "unknown"];
  const text = `Could not get or set buffer size: ${call} returned ${code} (${message})`;
  const error = coded(Error, "ERR_SOCKET_BUFFER_SIZE", text);
  return Object.assign(error, {
    name: "SystemError",
    info: { errno: -errno, code, message, syscall: call },
    errno: -errno,
    syscall: call,
  });
}

/** Every address of a name failed: an AggregateError with the code of the first. */
export function allFailed(errors: readonly NodeJS.ErrnoException[]): AggregateError & { code?: string } {
  const error: AggregateError & { code?: string } = new AggregateError(errors);
  if (errors[0]?.code !== undefined) error.code = errors[0].code;
  return error;
}

/** The last words of an ERR_INVALID_ARG_TYPE: what was received instead. */
function describe(value: unknown): string {
  if (value == null) return String(value);
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = inspect(value, { colors: false });
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

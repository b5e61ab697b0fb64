/** Names as libc takes them: what no C string can hold is refused before a call. */
import { domainToASCII } from "node:url";
import { EAI_IDN_ENCODE, EAI_NONAME, EAI_SERVICE, NI_MAXHOST } from "../../abi/index.ts";
import { LookupError } from "./errors.ts";

/** The longest name that is looked up, in bytes: NI_MAXHOST less its NUL. getnameinfo(3) */
const MAX_NAME_BYTES: number = NI_MAXHOST - 1;
const MAX_PORT = 65535;

/**
 * A host name for libc. One with letters beyond ASCII becomes its `xn--` form (RFC 5891, by Node's own conversion).
 * @throws TypeError for what is no string, or has a NUL or half a surrogate pair; LookupError EAI_IDN_ENCODE, EAI_NONAME
 */
export function hostText(syscall: string, hostname: string): string {
  checkText("a host name", hostname);
  if (Buffer.byteLength(hostname) > MAX_NAME_BYTES) {
    const reason = `no host name is longer than ${MAX_NAME_BYTES} bytes`;
    throw new LookupError(syscall, "EAI", EAI_NONAME, { hostname, reason });
  }
  // A colon or percent sign is that of an IPv6 address with a zone: interfaces may be called almost anything.
  if (!/[^\0-\x7f]/.test(hostname) || /[:%]/.test(hostname)) return hostname;
  const ascii = domainToASCII(hostname);
  if (ascii === "") throw new LookupError(syscall, "EAI", EAI_IDN_ENCODE, { hostname });
  return ascii;
}

/**
 * A service for getaddrinfo: a name, or a port.
 * @throws RangeError for a number that is no port; TypeError as {@link hostText}; LookupError EAI_SERVICE for digits
 * above 65535, of which glibc would silently take the low 16 bits
 */
export function serviceText(syscall: string, service: string | number): string {
  if (typeof service === "number") {
    checkPort(service);
    return String(service);
  }
  checkText("a service", service);
  if (/^[0-9]+$/.test(service) && Number(service) > MAX_PORT) {
    throw new LookupError(syscall, "EAI", EAI_SERVICE, { service, reason: `ports go up to ${MAX_PORT}` });
  }
  return service;
}

/** @throws RangeError unless 0 to 65535 */
export function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new RangeError(`a port is a whole number from 0 to ${MAX_PORT}, not ${port}`);
  }
}

/** @throws TypeError unless it is a string that C can have */
export function checkText(what: string, text: string): void {
  if (typeof text !== "string") throw new TypeError(`${what} is a string, not ${String(text)}`);
  if (text.includes("\0")) throw new TypeError(`${what} has no NUL in it, but ${JSON.stringify(text)} has`);
  if (/\p{Surrogate}/u.test(text)) {
    throw new TypeError(`${what} is Unicode text, and ${JSON.stringify(text)} has half a surrogate pair`);
  }
  if (text.length > MAX_TEXT_LENGTH) throw new TypeError(`${what} of ${text.length} characters is none`);
}

/** No name of any kind is longer; what libc does with its stack is not to be found out. */
const MAX_TEXT_LENGTH = 65536;

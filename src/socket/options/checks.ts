/** What the codecs of option values share: numbers, texts, addresses, and how a wrong value is refused. */
import { AF_INET, AF_INET6, inet_pton, readI32, writeU32 } from "../../abi/index.ts";

/** struct in_addr. ip(7) */
export const IN_ADDR_BYTES = 4;
export const INT_MIN: number = -(2 ** 31);
export const INT_MAX: number = 2 ** 31 - 1;
export const UINT_MAX: number = 2 ** 32 - 1;

export function wrongType(option: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${option} takes ${expected}, not ${show(value)}`);
}

export function wrongRange(option: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${option} takes ${expected}, not ${show(value)}`);
}

/** A whole number within bounds. */
export function integer(what: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") throw wrongType(what, "a number", value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw wrongRange(what, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

/** A value that is an object, of which the codec reads the fields. */
export function object<T>(option: string, expected: string, value: T): NonNullable<T> {
  if (typeof value !== "object" || value === null) throw wrongType(option, expected, value);
  return value;
}

/** Bytes of the caller's. */
export function bytesOf(what: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongType(what, "a Uint8Array", value);
  return value;
}

/** A list of at most `max` entries. */
export function list<T>(what: string, value: readonly T[], max: number): readonly T[] {
  if (!Array.isArray(value)) throw wrongType(what, "an array", value);
  if (value.length > max) throw wrongRange(what, `at most ${max} entries`, value.length);
  return value;
}

/** A C int. */
export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

/** The kernel may answer with fewer bytes than four, as the IP level does for small values. */
export function decodeInt(bytes: Uint8Array): number {
  return readI32(padded(bytes, 4), 0);
}

/** At least `sizeBytes` bytes: what is missing is zero, as in an older kernel's shorter structure. */
export function padded(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (bytes.length >= sizeBytes) return bytes;
  const room = new Uint8Array(sizeBytes);
  room.set(bytes);
  return room;
}

/** The encoder of what can only be read: `setOption` refuses before it gets here. */
export function unwritable(option: string, value: unknown): never {
  throw wrongType(option, "nothing: it can only be read", value);
}

/** The decoder of what can only be written: `getOption` refuses before it gets here. */
export function unreadable(): undefined {
  return undefined;
}

export function encodeIPv4(what: string, text: unknown): Uint8Array {
  return encodeInet(what, text, AF_INET, "IPv4");
}

export function encodeIPv6(what: string, text: unknown): Uint8Array {
  return encodeInet(what, text, AF_INET6, "IPv6");
}

/** Text with a NUL after it, of at most `maxBytes` without the NUL. */
export function encodeText(option: string, text: unknown, maxBytes: number): Uint8Array {
  if (typeof text !== "string") throw wrongType(option, "a string", text);
  const bytes = new TextEncoder().encode(`${text}\0`);
  if (bytes.length - 1 > maxBytes) throw wrongRange(option, `at most ${maxBytes} bytes`, text);
  if (bytes.indexOf(0) < bytes.length - 1) throw wrongRange(option, "text without a NUL", text);
  return bytes;
}

/** The text before the first NUL. */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function encodeInet(what: string, text: unknown, family: number, name: string): Uint8Array {
  if (typeof text !== "string") throw wrongType(what, `the text of an ${name} address`, text);
  const bytes = inet_pton(family, text);
  if (bytes === null) throw wrongRange(what, `the text of an ${name} address`, text);
  return bytes;
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return "an array";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null) return `${value.constructor?.name ?? "an object"}`;
  return String(value);
}

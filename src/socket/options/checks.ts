/** What the codecs of option values share: texts, addresses, and how a wrong value is refused. */
import { AF_INET, AF_INET6, inet_pton } from "../../abi/index.ts";

/** struct in_addr. ip(7) */
export const IN_ADDR_BYTES = 4;

export function wrongType(option: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${option} takes ${expected}, not ${show(value)}`);
}

export function wrongRange(option: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${option} takes ${expected}, not ${show(value)}`);
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
  if (typeof value === "object" && value !== null) return `${value.constructor?.name ?? "an object"}`;
  return String(value);
}

/**
 * IPv4 and IPv6 addresses as text and as bytes, in pure code. Parsing is strict, as inet_pton(3) is: four decimal parts
 * without leading zeros, or RFC 4291 section 2.2. What is written is canonical: RFC 5952. The forms that old programs
 * take, `127.1` and the like, are inet_aton's alone.
 */
import { AF_INET, AF_INET6 } from "./generated/constants.ts";

/** The longest text of an IPv6 address, without a zone: INET6_ADDRSTRLEN less its NUL. */
const MAX_IPV6_TEXT = 45;

const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;

/**
 * The bytes of an address, 4 or 16 of them, or null when the text is not an address of the family. A zone is not part of
 * an address: see {@link splitZone}. inet_pton(3)
 * @throws RangeError for a family other than AF_INET and AF_INET6
 */
export function inet_pton(family: number, text: string): Uint8Array | null {
  const bytes = new Uint8Array(sizeOf(family));
  const valid = family === AF_INET ? parseIPv4Into(text, bytes, 0) : parseIPv6Into(text, bytes, 0);
  return valid ? bytes : null;
}

/**
 * The canonical text of the 4 or 16 bytes at an offset. inet_ntop(3), RFC 5952
 * @throws RangeError for a family other than AF_INET and AF_INET6, or when the bytes end too early
 */
export function inet_ntop(family: number, bytes: Uint8Array, offset = 0): string {
  const size = sizeOf(family);
  if (bytes.length - offset < size) {
    throw new RangeError(`an address of ${size} bytes is wanted, but only ${bytes.length - offset} are there`);
  }
  return family === AF_INET ? formatIPv4(bytes, offset) : formatIPv6(bytes, offset);
}

function sizeOf(family: number): number {
  if (family === AF_INET) return 4;
  if (family === AF_INET6) return 16;
  throw new RangeError(`address family ${family} is neither AF_INET (${AF_INET}) nor AF_INET6 (${AF_INET6})`);
}

/** The 4 bytes of an IPv4 address. @throws RangeError naming the text when it is not one */
export function parseIPv4(text: string): Uint8Array {
  const bytes = inet_pton(AF_INET, text);
  if (bytes === null) throw new RangeError(`"${text}" is not an IPv4 address`);
  return bytes;
}

/** The 16 bytes of an IPv6 address without a zone. @throws RangeError naming the text when it is not one */
export function parseIPv6(text: string): Uint8Array {
  const bytes = inet_pton(AF_INET6, text);
  if (bytes === null) throw new RangeError(`"${text}" is not an IPv6 address`);
  return bytes;
}

/** Whether the text is an IPv4 address of four decimal parts. */
export function isIPv4(text: string): boolean {
  return parseIPv4Into(text, scratch, 0);
}

/** Whether the text is an IPv6 address, with or without a zone. RFC 4291, RFC 4007 section 11 */
export function isIPv6(text: string): boolean {
  const parts = splitZone(text);
  return parts !== null && parseIPv6Into(parts.address, scratch, 0);
}

const scratch = new Uint8Array(16);

/** Text with its zone taken off: the zone is an interface's name or its index in decimal. RFC 4007 section 11 */
export interface ZonedText {
  readonly address: string;
  readonly zone?: string;
}

/** Splits `fe80::1%eth0` at the first `%`; null when a `%` has nothing after it. Neither part is looked into. */
export function splitZone(text: string): ZonedText | null {
  const percent = text.indexOf("%");
  if (percent === -1) return { address: text };
  if (percent === text.length - 1) return null;
  return { address: text.slice(0, percent), zone: text.slice(percent + 1) };
}

/** Writes the 4 bytes of an IPv4 address, and says whether the text was one; if not, the 4 bytes are anything. */
export function parseIPv4Into(text: string, into: Uint8Array, offset: number): boolean {
  return parseDotted(text, 0, into, offset);
}

/** From `start` to the end of the text: four decimal parts of 0 to 255, no leading zeros. */
function parseDotted(text: string, start: number, into: Uint8Array, offset: number): boolean {
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return false;
    const first = at;
    let value = 0;
    for (; at < text.length && at - first < 3; at++) {
      const digit = text.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === first || value > 255) return false;
    if (at - first > 1 && text.charCodeAt(first) === ZERO) return false;
    into[offset + part] = value;
  }
  return at === text.length;
}

/** Writes the 16 bytes of an IPv6 address, and says whether the text was one; if not, the 16 bytes are anything. */
export function parseIPv6Into(text: string, into: Uint8Array, offset: number): boolean {
  const end = text.length;
  if (end < 2 || end > MAX_IPV6_TEXT) return false;
  let at = 0;
  let written = 0;
  /** How many bytes precede the `::`, or -1 before one is met. */
  let gap = -1;
  if (text.charCodeAt(0) === COLON && text.charCodeAt(1) === COLON) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    if (written === 16) return false;
    const start = at;
    let value = 0;
    for (; at < end && at - start < 5; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit === -1) break;
      value = (value << 4) | digit;
    }
    if (at === start || at - start > 4) return false;
    if (at < end && text.charCodeAt(at) === DOT) {
      if (written > 12 || !parseDotted(text, start, into, offset + written)) return false;
      written += 4;
      break;
    }
    into[offset + written++] = value >> 8;
    into[offset + written++] = value;
    if (at === end) break;
    if (text.charCodeAt(at++) !== COLON || at === end) return false;
    if (text.charCodeAt(at) === COLON) {
      if (gap !== -1) return false;
      gap = written;
      at++;
    }
  }
  return gap === -1 ? written === 16 : fillGap(into, offset, gap, written);
}

/** Moves what follows the `::` to the end. The `::` stands for one group at least. */
function fillGap(into: Uint8Array, offset: number, gap: number, written: number): boolean {
  if (written === 16) return false;
  const tail = offset + 16 - (written - gap);
  into.copyWithin(tail, offset + gap, offset + written);
  into.fill(0, offset + gap, tail);
  return true;
}

/** The value of a hexadecimal digit's character code, or -1. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The text of 4 bytes. The caller has checked that they are there. */
export function formatIPv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/**
 * The canonical text of 16 bytes: lower case, no leading zeros, `::` for the first of the longest runs of two or more
 * zero groups, and the dotted form for IPv4-mapped addresses (::ffff:0:0/96) only. RFC 5952 sections 4 and 5. The caller
 * has checked that the bytes are there.
 */
export function formatIPv6(bytes: Uint8Array, offset = 0): string {
  if (isMapped(bytes, offset)) return `::ffff:${formatIPv4(bytes, offset + 12)}`;
  let runStart = -1;
  let runLength = 1;
  for (let group = 0; group < 8; group++) {
    let length = 0;
    while (group + length < 8 && groupAt(bytes, offset, group + length) === 0) length++;
    if (length > runLength) {
      runStart = group;
      runLength = length;
    }
    group += length;
  }
  let text = "";
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      text += "::";
      group += runLength - 1;
      continue;
    }
    if (group > 0 && group !== runStart + runLength) text += ":";
    text += groupAt(bytes, offset, group).toString(16);
  }
  return text;
}

function groupAt(bytes: Uint8Array, offset: number, group: number): number {
  return (bytes[offset + group * 2]! << 8) | bytes[offset + group * 2 + 1]!;
}

function isMapped(bytes: Uint8Array, offset: number): boolean {
  for (let index = 0; index < 10; index++) if (bytes[offset + index] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

/** The largest value of the last part of inet_aton's forms, by how many parts there are. */
const ATON_LAST_MAX = [0xffffffff, 0xffffff, 0xffff, 0xff] as const;

/**
 * The 4 bytes of an IPv4 address in any of the classic forms: one to four parts, each decimal, octal (`0177`) or
 * hexadecimal (`0x7f`), the last filling the bytes that are left: `127.1`, `0x7f.1`, `2130706433`. Null when the text is
 * none of them.
 *
 * These are the forms of inet_aton(3), and no others: glibc, and so Python, passes over a space and whatever follows it
 * (`127.0.0.1 x`), which has let text past checks that was no address (CVE-2016-10739). Here that is null, as in musl; trim
 * what may have spaces.
 */
export function inet_aton(text: string): Uint8Array | null {
  const parts = text.split(".", 5);
  const last = parts.length - 1;
  const max = ATON_LAST_MAX[last];
  if (max === undefined) return null;
  const bytes = new Uint8Array(4);
  for (let index = 0; index <= last; index++) {
    const value = atonNumber(parts[index]!);
    if (value === -1 || value > (index === last ? max : 0xff)) return null;
    if (index < last) bytes[index] = value;
    else for (let at = 3, rest = value; at >= index; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
  }
  return bytes;
}

/** A number with C's prefixes, or -1. One that is too large is inexact, and too large all the same. */
function atonNumber(text: string): number {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number.parseInt(text, 10) : -1;
}

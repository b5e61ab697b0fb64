/** Rules of addresses and times of the day, from text: what both xinetd's form and YAML's have. */
import { AF_INET, AF_INET6, inet_ntop, isIPv4, isIPv6, parseIPv4, parseIPv6 } from "../../abi/index.ts";
import type { AddressPattern, TimeSpan } from "../model.ts";

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const BITS_PER_BYTE = 8;
const MAPPED_BITS = 96;
const HOST_NAME = /^\.?(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;
const MAX_HOST_NAME_LENGTH = 253;

/**
 * Reads an address, a range of them as `10.0.0.0/8`, or a host's or domain's name.
 * @throws RangeError that says what is wrong.
 */
export function parsePattern(text: string): AddressPattern {
  const [address = "", bits, ...more] = text.split("/");
  if (isIPv4(address) || isIPv6(address)) {
    const bytes = isIPv4(address) ? parseIPv4(address) : parseIPv6(address);
    const whole = bytes.length * BITS_PER_BYTE;
    if (more.length > 0 || (bits !== undefined && !(/^[0-9]{1,3}$/.test(bits) && Number(bits) <= whole))) {
      throw new RangeError(`${JSON.stringify(text)} has no number of bits from 0 to ${whole} after its slash`);
    }
    return network(bytes, bits === undefined ? whole : Number(bits));
  }
  if (/^[0-9.-]+$/.test(address) || address.includes(":") || text.includes("/")) {
    throw new RangeError(`${JSON.stringify(text)} is no address, and no range of them such as 10.0.0.0/8`);
  }
  if (!HOST_NAME.test(text) || text.length > MAX_HOST_NAME_LENGTH) {
    throw new RangeError(`${JSON.stringify(text)} is neither an address nor a host's name`);
  }
  return { kind: "host", text };
}

/** A range of addresses; what lies below its bits is cleared, and IPv4 inside IPv6 is IPv4, as peers are compared. */
export function network(bytes: Uint8Array, bits: number): AddressPattern {
  const isMapped =
    bytes.length === IPV6_BYTES &&
    bits >= MAPPED_BITS &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  if (isMapped) return network(bytes.subarray(-IPV4_BYTES), bits - MAPPED_BITS);
  const address = Uint8Array.from(bytes, (byte, index) => {
    const kept = Math.min(BITS_PER_BYTE, Math.max(0, bits - index * BITS_PER_BYTE));
    return byte & (0xff << (BITS_PER_BYTE - kept));
  });
  const text = inet_ntop(address.length === IPV4_BYTES ? AF_INET : AF_INET6, address);
  const isWhole = bits === address.length * BITS_PER_BYTE;
  return { kind: "network", address, bits, text: isWhole ? text : `${text}/${bits}` };
}

/**
 * xinetd's own forms beside those: zeros at the end of an IPv4 address stand for anything, and `10.1.{2,3}` for
 * several ranges.
 * @throws RangeError that says what is wrong.
 */
export function parseXinetdPatterns(text: string): AddressPattern[] {
  const [, prefix, list] = /^((?:[0-9]{1,3}\.){1,3})\{([0-9,]*)\}$/.exec(text) ?? [];
  if (prefix !== undefined && list !== undefined) {
    const parts = prefix.split(".").slice(0, -1);
    return list.split(",").map((last) => {
      const numbers = [...parts, last].map((part) => (part === "" ? Number.NaN : Number(part)));
      if (!numbers.every((number) => number <= 0xff))
        throw new RangeError(`${JSON.stringify(text)} has a part above 255`);
      const bits = numbers.length * BITS_PER_BYTE;
      return network(
        Uint8Array.from({ length: IPV4_BYTES }, (_, index) => numbers[index] ?? 0),
        bits,
      );
    });
  }
  if (!isIPv4(text)) return [parsePattern(text)];
  const bytes = parseIPv4(text);
  const last = bytes.findLastIndex((byte) => byte !== 0);
  return [network(bytes, (last + 1) * BITS_PER_BYTE)];
}

const MINUTES_PER_HOUR = 60;
const LAST_MINUTE = 24 * MINUTES_PER_HOUR - 1;

/**
 * Reads `8:30-17:00`.
 * @throws RangeError that says what is wrong.
 */
export function parseTimes(text: string): TimeSpan {
  const [, ...parts] = /^([0-9]{1,2}):([0-9]{1,2})-([0-9]{1,2}):([0-9]{1,2})$/.exec(text) ?? [];
  const [fromHour = 99, fromMinutes = 99, toHour = 99, toMinutes = 99] = parts.map(Number);
  const fromMinute = fromHour * MINUTES_PER_HOUR + fromMinutes;
  // The end of the day: xinetd's manual writes it so.
  const toMinute = Math.min(toHour * MINUTES_PER_HOUR + toMinutes, LAST_MINUTE);
  const isEndOfDay = toHour === 24 && toMinutes === 0;
  if (fromHour > 23 || (toHour > 23 && !isEndOfDay) || fromMinutes > 59 || toMinutes > 59) {
    throw new RangeError(`${JSON.stringify(text)} is no span of a day such as 8:30-17:00, from 0:00 to 24:00`);
  }
  if (toMinute < fromMinute) throw new RangeError(`${JSON.stringify(text)} ends before it begins; write two spans`);
  return { fromMinute, toMinute };
}

/** The text that {@link parseTimes} reads. */
export function formatTimes({ fromMinute, toMinute }: TimeSpan): string {
  const text = (minute: number): string =>
    `${Math.floor(minute / MINUTES_PER_HOUR)}:${String(minute % MINUTES_PER_HOUR).padStart(2, "0")}`;
  return `${text(fromMinute)}-${text(toMinute)}`;
}

/**
 * Time (RFC 868): the seconds since 1900-01-01T00:00:00Z as four bytes, most significant first, then the end.
 *
 * Four bytes run out: at 2036-02-07T06:28:16Z the count begins again at 0, and RFC 868 has no word for that. As NTP does
 * (RFC 5905 section 6), the turns of the count are called eras: 0 from 1900, 1 from 2036. The number alone does not tell
 * its era, so whoever reads it must know roughly what time it is; {@link decodeTime868} takes the era that lies nearest.
 */
import type { DatagramProtocol } from "./datagram.ts";
import type { StreamProtocol } from "./stream.ts";

/** The size of an answer. */
export const TIME_868_BYTES = 4;

const SECONDS_1900_TO_1970 = 2_208_988_800;
const ERA_SECONDS = 2 ** 32;

/** Answers as soon as it is connected to, and closes. No state, one object for all. */
export const timeStream: StreamProtocol = {
  open(out) {
    out.write(encodeTime868(out.unixMs));
    out.end();
  },
  // Data received is thrown away.
  data() {},
};

/** Answers each datagram, also an empty one, which is what RFC 868 has a client send. */
export const timeDatagram: DatagramProtocol = {
  datagram(out) {
    out.reply(encodeTime868(out.unixMs));
  },
};

/** The answer at a moment; its era is lost. */
export function encodeTime868(unixMs: number): Uint8Array {
  const sinceEra = secondsSince1900(unixMs) - era868(unixMs) * ERA_SECONDS;
  return Uint8Array.of(sinceEra / 2 ** 24, sinceEra / 2 ** 16, sinceEra / 2 ** 8, sinceEra);
}

/** How often the count has begun again by then: 0 until 2036-02-07T06:28:16Z, then 1; before 1900 it is negative. */
export function era868(unixMs: number): number {
  return Math.floor(secondsSince1900(unixMs) / ERA_SECONDS);
}

/**
 * What an answer means, in milliseconds since 1970, in the era that puts it nearest to `nearUnixMs`.
 * @param seconds the number that was received, of 32 bits.
 * @param nearUnixMs roughly now; an error of less than 68 years does no harm.
 * @throws RangeError if `seconds` is no whole number of 32 bits.
 */
export function decodeTime868(seconds: number, nearUnixMs: number): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds >= ERA_SECONDS) {
    throw new RangeError(`the time protocol's seconds have 32 bits, unlike ${seconds}`);
  }
  const era = Math.round((secondsSince1900(nearUnixMs) - seconds) / ERA_SECONDS);
  return (seconds + era * ERA_SECONDS - SECONDS_1900_TO_1970) * 1000;
}

/** The number in an answer, or undefined where it is not {@link TIME_868_BYTES} long. */
export function readTime868(bytes: Uint8Array, start = 0, end: number = bytes.length): number | undefined {
  if (end - start !== TIME_868_BYTES) return undefined;
  let seconds = 0;
  for (let i = start; i < end; i++) seconds = seconds * 256 + (bytes[i] as number);
  return seconds;
}

function secondsSince1900(unixMs: number): number {
  return Math.floor(unixMs / 1000) + SECONDS_1900_TO_1970;
}

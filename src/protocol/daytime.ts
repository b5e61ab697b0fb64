/**
 * Daytime (RFC 867): the date and time as one line of text, then the end. The RFC leaves the form open; three are
 * offered. A protocol knows no time zone (that is the operating system's), so the zone is given, UTC if it is not.
 */
import type { DatagramProtocolFactory } from "./datagram.ts";
import type { StreamProtocolFactory } from "./stream.ts";

/**
 * How the line looks:
 *
 * - `ctime`: `Sun Jul 27 22:01:51 2003`, as ctime(3) and the classic servers write it. It names no zone.
 * - `weekday`: `Sunday, July 27, 2003 22:01:51-UTC`, the first of RFC 867's two suggestions.
 * - `smtp`: `27 JUL 03 22:01:51 UTC`, the second. Some write, and {@link parseDaytime} reads, all digits of its year.
 */
export type DaytimeForm = "ctime" | "smtp" | "weekday";

/** What a place's clocks show at one moment. */
export interface ZoneOffset {
  /** Minutes ahead of UTC; negative to the west of it. */
  readonly minutes: number;
  /** As in `UTC`, `CEST`, `PST`. */
  readonly name: string;
}

/** How the line looks, and which clocks it tells the time of. */
export interface DaytimeOptions {
  readonly form?: DaytimeForm;
  /** The zone, or a function from a moment to the zone as it is then, where clocks are put back and forth. */
  readonly zone?: ZoneOffset | ((unixMs: number) => ZoneOffset);
}

/**
 * The longest line with its end, for whoever must allow for answers longer than their questions. A longer name of a
 * zone is refused.
 */
export const DAYTIME_MAX_BYTES = 80;

const MAX_ZONE_NAME = 16;
/** Clocks are at most a day off; real ones are 14 hours off. */
const MAX_OFFSET_MINUTES = 24 * 60;
const UTC: ZoneOffset = { minutes: 0, name: "UTC" };

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

const encoder = new TextEncoder();

/** Answers as soon as it is connected to, and closes. */
export function daytimeStream(options: DaytimeOptions = {}): StreamProtocolFactory {
  const answer = answerer(options);
  return () => ({
    open(out) {
      out.write(answer(out.unixMs));
      out.end();
    },
    // Data received is thrown away.
    data() {},
  });
}

/** Answers each datagram, whatever is in it. */
export function daytimeDatagram(options: DaytimeOptions = {}): DatagramProtocolFactory {
  const answer = answerer(options);
  return () => ({
    datagram(out) {
      out.reply(answer(out.unixMs));
    },
  });
}

/**
 * The line of a moment, without its end.
 * @throws RangeError for a zone whose offset or name cannot be, or a moment that is no date.
 */
export function formatDaytime(unixMs: number, form: DaytimeForm = "ctime", zone: ZoneOffset = UTC): string {
  checkZone(zone);
  const local = new Date(unixMs + zone.minutes * 60_000);
  if (Number.isNaN(local.getTime())) throw new RangeError(`${unixMs} ms is no moment that has a date`);
  const weekday = DAYS[local.getUTCDay()] as string;
  const month = MONTHS[local.getUTCMonth()] as string;
  const day = local.getUTCDate();
  const year = local.getUTCFullYear();
  const time = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(twoDigits).join(":");
  switch (form) {
    case "ctime":
      return `${weekday.slice(0, 3)} ${month.slice(0, 3)} ${String(day).padStart(2)} ${time} ${year}`;
    case "smtp":
      return `${twoDigits(day)} ${month.slice(0, 3).toUpperCase()} ${twoDigits(year % 100)} ${time} ${zone.name}`;
    case "weekday":
      return `${weekday}, ${month} ${day}, ${year} ${time}-${zone.name}`;
  }
}

/** A line that a daytime server sent. */
export interface Daytime {
  readonly form: DaytimeForm;
  /** What the server's clock showed, as if it showed UTC: milliseconds since 1970. */
  readonly localMs: number;
  /** The name of its zone, where the form gives one. */
  readonly zone?: string;
}

const NAME = "([A-Za-z]{3,9})";
const TIME = "(\\d\\d):(\\d\\d):(\\d\\d)";
const FORMS: Readonly<Record<DaytimeForm, RegExp>> = {
  ctime: new RegExp(`^[A-Za-z]{3} ${NAME} ([ \\d]\\d) ${TIME} (\\d{4,6})$`),
  smtp: new RegExp(`^(\\d\\d) ${NAME} (\\d\\d|\\d{4}) ${TIME} ([!-~]{1,16})$`),
  weekday: new RegExp(`^[A-Za-z]{6,9}, ${NAME} (\\d{1,2}), (\\d{4,6}) ${TIME}-([!-~]{1,16})$`),
};

/**
 * Reads a line in any of the three forms. The day of the week is not held against the date.
 * @param nearUnixMs roughly now: it tells the century of a year of two digits.
 * @returns undefined for another form (the RFC permits any), or for a date that there is not.
 */
export function parseDaytime(line: string, nearUnixMs: number): Daytime | undefined {
  const text = line.length > DAYTIME_MAX_BYTES ? "" : line.replace(/[\r\n]+$/, "");
  let found = FORMS.ctime.exec(text);
  if (found !== null) {
    const [, month, day, hour, minute, second, year] = found;
    return daytime("ctime", Number(year), month, [day, hour, minute, second], undefined);
  }
  found = FORMS.weekday.exec(text);
  if (found !== null) {
    const [, month, day, year, hour, minute, second, zone] = found;
    return daytime("weekday", Number(year), month, [day, hour, minute, second], zone);
  }
  found = FORMS.smtp.exec(text);
  if (found === null) return undefined;
  const [, day, month, year, hour, minute, second, zone] = found;
  const fullYear = year?.length === 2 ? yearOfTwoDigits(Number(year), nearUnixMs) : Number(year);
  return daytime("smtp", fullYear, month, [day, hour, minute, second], zone);
}

/** The year that ends so and lies nearest. */
function yearOfTwoDigits(year: number, nearUnixMs: number): number {
  const nearYear = new Date(nearUnixMs).getUTCFullYear();
  return year + Math.round((nearYear - year) / 100) * 100;
}

function daytime(
  form: DaytimeForm,
  year: number,
  monthName: string | undefined,
  numbers: readonly (string | undefined)[],
  zone: string | undefined,
): Daytime | undefined {
  const [day = 0, hour = 0, minute = 0, second = 0] = numbers.map(Number);
  const wanted = (monthName ?? "").toLowerCase();
  const month = MONTHS.findIndex((name) => {
    const known = name.toLowerCase();
    return wanted === (form === "weekday" ? known : known.slice(0, 3));
  });
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // A leap second is read as the second after it; a day that the month does not have is no date.
  if (month < 0 || date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const localMs = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
  return zone === undefined ? { form, localMs } : { form, localMs, zone };
}

function answerer({ form = "ctime", zone = UTC }: DaytimeOptions): (unixMs: number) => Uint8Array {
  if (typeof zone !== "function") checkZone(zone);
  const zoneAt = typeof zone === "function" ? zone : () => zone;
  return (unixMs) => encoder.encode(`${formatDaytime(unixMs, form, zoneAt(unixMs))}\r\n`);
}

function checkZone({ minutes, name }: ZoneOffset): void {
  if (!Number.isInteger(minutes) || Math.abs(minutes) > MAX_OFFSET_MINUTES) {
    throw new RangeError(`a zone is a whole number of minutes off UTC, at most ${MAX_OFFSET_MINUTES}, not ${minutes}`);
  }
  if (name.length > MAX_ZONE_NAME || !/^[!-~]+$/.test(name)) {
    throw new RangeError(`a zone's name has 1 to ${MAX_ZONE_NAME} printing ASCII characters, unlike "${name}"`);
  }
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

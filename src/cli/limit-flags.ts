/** The limits of servers on the command line: flags of their own for those that people set, `--limit` for all. */
import { type Command, Option } from "commander";
import { DEFAULT_LIMITS, type Limits, leastOf, MOST_OF_A_LIMIT } from "../server/index.ts";
import { seconds, size, wholeNumber } from "../service/index.ts";
import { unknownName, usage } from "./failure.ts";
import { listParser, parser } from "./options.ts";
import { packagedFile } from "./self-command.ts";

type Unit = "number" | "size" | "time";

/** A limit that has a flag. */
interface LimitFlag {
  readonly flag: string;
  readonly limit: keyof Limits;
  readonly unit: Unit;
  /** What the help text says. */
  readonly about: string;
}

/** Sorted by flag. */
export const limitFlags: readonly LimitFlag[] = [
  { flag: "--accept-rate", limit: "acceptsPerSecond", unit: "number", about: "connections accepted in a second" },
  { flag: "--backlog", limit: "backlog", unit: "number", about: "connections that wait to be accepted" },
  { flag: "--idle-timeout", limit: "idleMs", unit: "time", about: "reset a connection without a byte for so long" },
  {
    flag: "--max-buffered",
    limit: "maxBytes",
    unit: "size",
    about: "bytes that may wait for a client, which is reset beyond",
  },
  {
    flag: "--max-buffered-total",
    limit: "maxTotalBytes",
    unit: "size",
    about: "bytes that may wait for all clients; those with most are reset beyond",
  },
  {
    flag: "--max-connections",
    limit: "maxConnections",
    unit: "number",
    about: "connections at a time; others wait in the backlog",
  },
  {
    flag: "--max-per-source",
    limit: "maxPerSource",
    unit: "number",
    about: "connections of one source at a time; others are reset",
  },
  {
    flag: "--request-timeout",
    limit: "headerMs",
    unit: "time",
    about: "how long the first request may take, where the service can tell",
  },
  { flag: "--total-timeout", limit: "totalMs", unit: "time", about: "how long a connection may last, busy or not" },
];

/** What commander gives of them. */
export interface LimitOptions {
  readonly limit?: readonly (readonly [keyof Limits, number])[];
  readonly [flag: string]: unknown;
}

export function addLimitOptions(command: Command): void {
  for (const { flag, limit, unit, about } of limitFlags) {
    const option = new Option(`${flag} <${unit}>`, `${about} (default: ${standard(limit, unit)})`);
    command.addOption(option.argParser(parser(READERS[unit](flag, leastOf(limit)))).helpGroup(HEADING));
  }
  const guide = packagedFile("docs/guide/limits.md");
  const about = `any limit of ${guide}, in the unit of its name, such as lingerMs=500; may be repeated`;
  command.addOption(new Option("--limit <name=number>", about).argParser(listParser(readLimit)).helpGroup(HEADING));
}

/** A limit's default, as help and the guide show it. */
export function standard(limit: keyof Limits, unit: Unit): string {
  if (leastOf(limit) > 0) return written(DEFAULT_LIMITS[limit], unit);
  return DEFAULT_LIMITS[limit] === 0 ? "0, no limit" : `${written(DEFAULT_LIMITS[limit], unit)}; 0: no limit`;
}

/**
 * The limits that were given.
 * @throws Failure for one that is given twice
 */
export function limitsFrom(options: LimitOptions): Partial<Limits> {
  const given: Partial<Record<keyof Limits, number>> = Object.fromEntries(options.limit ?? []);
  for (const { flag, limit } of limitFlags) {
    const value = options[attribute(flag)];
    if (value === undefined) continue;
    if (given[limit] !== undefined) throw usage(`${flag} and --limit ${limit} are the same; one will do`);
    given[limit] = value as number;
  }
  return given;
}

/** A limit as the text that its flag takes, in the largest unit that gives a whole number. */
function written(value: number, unit: Unit): string {
  const units = unit === "time" ? TIMES : unit === "size" ? SIZES : [];
  const [name, worth] = units.find(([, candidate]) => value > 0 && value % candidate === 0) ?? ["", 1];
  return `${value / worth}${name}`;
}

const HEADING = "Limits of each server (times such as 500ms, 30s, 5m; sizes such as 64k, 1M):";
const TIMES = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;
const SIZES = [
  ["G", 2 ** 30],
  ["M", 2 ** 20],
  ["k", 2 ** 10],
] as const;

const READERS: Readonly<Record<Unit, (flag: string, least: number) => (text: string) => number>> = {
  number: (flag, least) => wholeNumber(flag, least, MOST_OF_A_LIMIT),
  size: (flag, least) => size(flag, least, MOST_OF_A_LIMIT),
  time: (flag, least) => {
    const read = seconds(flag, least / 1000, Math.floor(MOST_OF_A_LIMIT / 1000));
    // Half a millisecond is not for ever.
    return (text) => Math.ceil(read(text));
  },
};

/** A limit as `name=value`. */
function readLimit(text: string): readonly [keyof Limits, number] {
  const [, name, value] = /^([^=]*)=(\d+)$/.exec(text) ?? [];
  if (name === undefined) throw usage(`--limit takes name=number, such as maxConnections=100, not "${text}"`);
  if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw unknownName("limit", name, Object.keys(DEFAULT_LIMITS));
  return [name as keyof Limits, Number(value)];
}

/** Where commander puts the value of a flag. */
function attribute(flag: string): string {
  return new Option(flag).attributeName();
}

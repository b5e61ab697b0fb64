/** The guide's table of limits says what the code says, and flags take what help shows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createCounters, readCounters } from "../server/counters.ts";
import { DEFAULT_LIMITS, designs, type Limits } from "../server/index.ts";
import { addLimitOptions, limitFlags, limitsFrom, standard } from "./limit-flags.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/guide/limits.md"), "utf8");
const counters = readCounters(createCounters());

interface Row {
  readonly limit: keyof Limits;
  readonly flag: string;
  readonly standard: string;
  /** Names of counters. */
  readonly counted: readonly string[];
  readonly under: string;
}

/** The table whose first title is "limit". */
const rows: readonly Row[] = guide
  .split("\n")
  .filter((line) => /^\| `[a-zA-Z]+` /.test(line))
  .map((line) => line.split("|").slice(1, -1))
  .map((cells) => cells.map((cell) => cell.trim()))
  .map(([limit = "", flag = "", standard = "", , counted = "", under = ""]) => ({
    limit: limit.replaceAll("`", "") as keyof Limits,
    flag: flag.replaceAll("`", ""),
    standard,
    counted: [...counted.matchAll(/`(.*?)`/g)].map(([, name]) => name as string),
    under,
  }));

/** The unit in a limit's name. */
function unitOf(limit: string): "number" | "size" | "time" {
  if (limit.endsWith("Ms")) return "time";
  return limit.endsWith("Bytes") ? "size" : "number";
}

/** What commander makes of these arguments. */
function parse(...args: readonly string[]): Partial<Limits> {
  const command = new Command();
  addLimitOptions(command);
  return limitsFrom(command.parse([...args], { from: "user" }).opts());
}

describe("the guide's table of limits", () => {
  it("has a row for every limit, sorted", () => {
    expect(rows.map(({ limit }) => limit)).toEqual(Object.keys(DEFAULT_LIMITS).sort());
  });

  it.each(rows)("says the flag and the default of $limit", ({ limit, ...row }) => {
    const own = limitFlags.find((entry) => entry.limit === limit);
    expect(row.flag).toBe(own?.flag ?? "none");
    expect(row.standard).toBe(standard(limit, unitOf(limit)));
    if (own !== undefined) expect(own.unit).toBe(unitOf(limit));
  });

  it.each(rows)("counts $limit by counters that there are, under designs that there are", ({ counted, under }) => {
    expect(Object.keys(counters)).toEqual(expect.arrayContaining([...counted]));
    const known = ["all", "all, for datagrams", "all, for protocols that can tell", "loops"];
    if (!known.includes(under)) {
      for (const name of under.split(", ")) expect(designs.map((design) => design.name)).toContain(name);
    }
  });
});

it("the guide names every counter of a limit", () => {
  const named = new Set(rows.flatMap(({ counted }) => counted));
  const reasons = Object.keys(counters).filter((name) => /^(refused|timedOut|aborted|rested)./.test(name));
  // The two that no limit sets: descriptors, and threads and processes that cannot be started.
  const others = ["refusedDescriptors", "refusedWorkers"];
  expect(reasons.filter((name) => !named.has(name)).sort()).toEqual(others);
});

describe("flags of limits", () => {
  it.each(limitFlags)("$flag takes its default as help shows it", ({ flag, limit, unit }) => {
    const [typed = ""] = standard(limit, unit).split(/[,;]/);
    expect(parse(flag, typed)).toEqual({ [limit]: DEFAULT_LIMITS[limit] });
  });

  it.each([
    [["--idle-timeout", "1.5"], { idleMs: 1500 }],
    [["--idle-timeout", "250ms"], { idleMs: 250 }],
    [["--idle-timeout", "0.1ms"], { idleMs: 1 }],
    [["--total-timeout", "2h"], { totalMs: 7_200_000 }],
    [["--max-buffered", "64k", "--max-buffered-total", "1G"], { maxBytes: 65_536, maxTotalBytes: 2 ** 30 }],
    [["--max-connections", "7", "--limit", "lingerMs=1"], { maxConnections: 7, lingerMs: 1 }],
  ])("%j", (args, expected) => {
    expect(parse(...args)).toEqual(expected);
  });
});

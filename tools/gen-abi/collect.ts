/** Gathers every wanted constant and layout for one architecture, and merges the two architectures' answers. */
import type { Arch, Toolchain } from "./compile.ts";
import { evaluate, headerVersions, namesIn } from "./compile.ts";
import { COUNTS, GROUPS } from "./groups.ts";
import { LAYOUTS } from "./layouts.ts";
import { SUPPLEMENT, SUPPLEMENT_STRUCTURES } from "./supplement.ts";
import type { UnitName } from "./units.ts";
import { UNITS } from "./units.ts";

export interface StructLayout {
  readonly type: string;
  readonly size: number;
  readonly offsets: ReadonlyMap<string, number>;
  readonly sizes: ReadonlyMap<string, number>;
}

export interface Collected {
  readonly arch: Arch;
  readonly versions: string;
  /** Group, then constant name, to value. */
  readonly constants: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
  readonly layouts: ReadonlyMap<string, StructLayout>;
  /** Names that the installed headers lacked, with where their values are from. */
  readonly supplemented: ReadonlyMap<string, string>;
}

export function collect(toolchain: Toolchain): Collected {
  const constants = new Map<string, Map<string, bigint>>(GROUPS.map((group) => [group.name, new Map()]));
  const layouts = new Map<string, StructLayout>();
  const supplemented = new Map<string, string>();
  for (const { name: unit } of UNITS) {
    const names = namesIn(toolchain, unit);
    const prelude = defineMissing(unit, names, supplemented);
    const expressions = new Map<string, string>();
    for (const name of names) if (groupOf(name, unit) !== undefined) expressions.set(name, name);
    for (const [key, expression] of layoutExpressions(unit)) expressions.set(key, expression);
    const values = evaluate(toolchain, unit, prelude, expressions);
    for (const name of names) {
      const group = groupOf(name, unit);
      if (group !== undefined) record(constants.get(group)!, name, values.get(name)!);
    }
    readLayouts(unit, values, layouts);
  }
  checkSupplement(constants);
  return { arch: toolchain.arch, versions: headerVersions(toolchain), constants, layouts, supplemented };
}

/** The group that claims a name, by the order of the table; a later one cannot take it. */
function groupOf(name: string, unit: UnitName): string | undefined {
  if (COUNTS.test(name)) return undefined;
  const group = GROUPS.find((candidate) => candidate.match.test(name) && !candidate.without?.test(name));
  return group?.from.includes(unit) ? group.name : undefined;
}

function record(group: Map<string, bigint>, name: string, value: bigint): void {
  const known = group.get(name);
  if (known !== undefined && known !== value)
    throw new Error(`${name} is ${known} in one header and ${value} in another`);
  group.set(name, value);
}

/** Defines what this unit's headers lack; adds the names to the set, and remembers them. */
function defineMissing(unit: UnitName, names: Set<string>, supplemented: Map<string, string>): string {
  const lines: string[] = unit === "kernel" ? [SUPPLEMENT_STRUCTURES] : [];
  for (const entry of SUPPLEMENT) {
    if (entry.unit !== unit || names.has(entry.name)) continue;
    lines.push(`#define ${entry.name} ${entry.value}LL`);
    names.add(entry.name);
    supplemented.set(entry.name, entry.source);
  }
  return lines.join("\n");
}

function checkSupplement(constants: ReadonlyMap<string, ReadonlyMap<string, bigint>>): void {
  const all = new Map([...constants.values()].flatMap((group) => [...group]));
  for (const { name, value } of SUPPLEMENT) {
    const found = all.get(name);
    if (found === undefined) throw new Error(`no group claims the supplement's ${name}`);
    if (found !== BigInt(value)) throw new Error(`${name} is ${found} in the headers and ${value} in the supplement`);
  }
}

function layoutExpressions(unit: UnitName): Map<string, string> {
  const expressions = new Map<string, string>();
  for (const { name, type, fields, unit: home } of LAYOUTS) {
    if (home !== unit) continue;
    expressions.set(`${name}:`, `sizeof(${type})`);
    for (const field of fields) {
      const { key, member, endless } = parseField(field);
      expressions.set(`${name}:${key}@`, `offsetof(${type}, ${member})`);
      expressions.set(`${name}:${key}#`, endless ? "0" : `sizeof(((${type} *)0)->${member})`);
    }
  }
  return expressions;
}

function parseField(field: string): { key: string; member: string; endless: boolean } {
  const endless = field.endsWith("[]");
  const [key = "", member = key] = field.replace("[]", "").split("=");
  return { key, member, endless };
}

function readLayouts(unit: UnitName, values: ReadonlyMap<string, bigint>, into: Map<string, StructLayout>): void {
  for (const { name, type, fields, unit: home } of LAYOUTS) {
    if (home !== unit) continue;
    const number = (key: string): number => Number(values.get(`${name}:${key}`)!);
    const keys = fields.map((field) => parseField(field).key);
    into.set(name, {
      type,
      size: number(""),
      offsets: new Map(keys.map((key) => [key, number(`${key}@`)])),
      sizes: new Map(keys.map((key) => [key, number(`${key}#`)])),
    });
  }
}

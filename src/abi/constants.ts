/** Reverse look-up in the groups of constants: numbers as the names that C gives them. */

/** A group of constants: names with their values, a better known name before its aliases. */
export type ConstantGroup = Readonly<Record<string, number>>;

interface GroupIndex {
  readonly names: ReadonlyMap<number, string>;
  /** The names of the values with bits, those with the most bits first, so that a compound flag goes before its parts. */
  readonly flags: readonly (readonly [name: string, value: number])[];
}

/** Built at first use, and let go with the group. */
const indexes = new WeakMap<ConstantGroup, GroupIndex>();

function indexOf(group: ConstantGroup): GroupIndex {
  let index = indexes.get(group);
  if (index === undefined) {
    const names = new Map<number, string>();
    for (const [name, value] of Object.entries(group)) if (!names.has(value)) names.set(value, name);
    const flags = [...names].filter(([value]) => value > 0).map(([value, name]) => [name, value] as const);
    flags.sort(([, a], [, b]) => bitCount(b) - bitCount(a) || a - b);
    index = { names, flags };
    indexes.set(group, index);
  }
  return index;
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The name of a value in a group, `nameOf(AF, 2)` is `"AF_INET"`; a value without a name prints as its number. */
export function nameOf(group: ConstantGroup, value: number): string {
  return indexOf(group).names.get(value) ?? String(value);
}

/**
 * The names of the flags in a 32-bit value, lowest bit first: `flagNames(MSG, 0x42)` is `["MSG_PEEK", "MSG_DONTWAIT"]`.
 * Bits without a name follow as one hexadecimal number. Zero is the group's name for zero, or no names at all.
 */
export function flagNames(group: ConstantGroup, value: number): string[] {
  const index = indexOf(group);
  const whole = value >>> 0;
  if (whole === 0) {
    const zero = index.names.get(0);
    return zero === undefined ? [] : [zero];
  }
  const found: (readonly [string, number])[] = [];
  let rest = whole;
  for (const flag of index.flags) {
    const bits = flag[1] >>> 0;
    if ((rest & bits) >>> 0 !== bits) continue;
    found.push(flag);
    rest = (rest & ~bits) >>> 0;
  }
  const names = found.sort(([, a], [, b]) => a - b).map(([name]) => name);
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  return names;
}

/** Values of options from text, with errors that say what was expected. */

/**
 * A parser of whole numbers within bounds.
 * @param name what the error calls the value, such as `--count`
 */
export function wholeNumber(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new RangeError(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
  };
}

const TIME_UNITS: Readonly<Record<string, number>> = { "": 1000, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A parser of times, in seconds or with a unit, that gives milliseconds: `1.5`, `500ms`, `30s`, `5m`, `1h`. */
export function seconds(name: string, leastSeconds: number, mostSeconds: number): (text: string) => number {
  return (text) => {
    const [, digits = "", unit = ""] = /^(\d*\.?\d+)(ms|[smh]?)$/.exec(text) ?? [];
    const valueMs = Number(digits) * (TIME_UNITS[unit] as number);
    if (digits !== "" && valueMs >= leastSeconds * 1000 && valueMs <= mostSeconds * 1000) return valueMs;
    throw new RangeError(
      `${name} takes seconds from ${leastSeconds} to ${mostSeconds}, or a time such as 500ms, 30s or 5m, not "${text}"`,
    );
  };
}

const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A parser of sizes in bytes: `512`, `4k`, `1M`, with units of 1024. */
export function size(name: string, leastBytes: number, mostBytes: number): (text: string) => number {
  return (text) => {
    const [, digits = "", unit = ""] = /^(\d+)([kMG]?)$/.exec(text) ?? [];
    const bytes = Number(digits) * (SIZE_UNITS[unit] as number);
    if (digits !== "" && bytes >= leastBytes && bytes <= mostBytes) return bytes;
    throw new RangeError(
      `${name} takes a size from ${leastBytes} to ${mostBytes} bytes, such as 512, 4k or 1M, not "${text}"`,
    );
  };
}

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

/** A parser of seconds, fractions allowed, that gives milliseconds. */
export function seconds(name: string, leastSeconds: number, mostSeconds: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && value >= leastSeconds && value <= mostSeconds) return value * 1000;
    throw new RangeError(`${name} takes seconds from ${leastSeconds} to ${mostSeconds}, not "${text}"`);
  };
}

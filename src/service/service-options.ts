/**
 * The options of services. Each is declared once, as data: from that come the command line's flags and help, and the
 * check of what a service's module is given, which may have crossed a thread or a process as JSON.
 */
import type { Json } from "../server/index.ts";

interface Declared {
  /** In camel case: `maxLength`. */
  readonly name: string;
  readonly description: string;
}

/** On or off. */
export interface FlagOption extends Declared {
  readonly kind: "flag";
  readonly default: boolean;
}

/** A whole number within bounds. */
export interface NumberOption extends Declared {
  readonly kind: "number";
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

/** One of a few words. */
export interface ChoiceOption extends Declared {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** A file's path; empty for none. */
export interface FileOption extends Declared {
  readonly kind: "file";
  readonly default: "";
}

/** Any option of a service. */
export type ServiceOption = ChoiceOption | FileOption | FlagOption | NumberOption;

/** What an option may be given. */
export type ServiceOptionValue = boolean | number | string;

/**
 * The values of all declared options: those given, and the defaults of the others.
 * @param given an object by option name, or null for nothing.
 * @throws TypeError for a name that is not declared, or a value of another type; RangeError for one out of bounds.
 */
export function optionValues(declared: readonly ServiceOption[], given: Json): Record<string, ServiceOptionValue> {
  if (given !== null && (typeof given !== "object" || Array.isArray(given))) {
    throw new TypeError(`options are an object by name, not ${JSON.stringify(given)}`);
  }
  const entries = Object.entries((given ?? {}) as { readonly [name: string]: Json });
  for (const [name, value] of entries) checkValue(optionNamed(declared, name), value);
  return Object.fromEntries([
    ...declared.map((option) => [option.name, option.default] as const),
    ...entries,
  ]) as Record<string, ServiceOptionValue>;
}

/**
 * The option of a name.
 * @throws TypeError naming the options that there are.
 */
export function optionNamed(declared: readonly ServiceOption[], name: string): ServiceOption {
  const option = declared.find((candidate) => candidate.name === name);
  if (option !== undefined) return option;
  const known = declared.map((candidate) => candidate.name).join(", ");
  throw new TypeError(`there is no option "${name}"; ${known === "" ? "there are none" : `there are: ${known}`}`);
}

/**
 * The value that a text stands for.
 * @throws RangeError saying what is wanted instead.
 */
export function parseOptionValue(option: ServiceOption, text: string): ServiceOptionValue {
  let value: ServiceOptionValue = text;
  if (option.kind === "number" && /^-?\d+$/.test(text)) value = Number(text);
  if (option.kind === "flag" && (text === "true" || text === "false")) value = text === "true";
  try {
    checkValue(option, value);
  } catch {
    throw new RangeError(`${option.name} is ${wanted(option)}, not "${text}"`);
  }
  return value;
}

/** What may stand for an option's value, in words: `a whole number from 1 to 65535`. */
export function wanted(option: ServiceOption): string {
  switch (option.kind) {
    case "choice":
      return `one of ${option.choices.join(", ")}`;
    case "file":
      return "a path";
    case "flag":
      return "true or false";
    case "number":
      return `a whole number from ${option.least} to ${option.most}`;
  }
}

function checkValue(option: ServiceOption, value: Json): void {
  const type = option.kind === "number" ? "number" : option.kind === "flag" ? "boolean" : "string";
  const fault = `option ${option.name} is ${wanted(option)}, not ${JSON.stringify(value)}`;
  if (typeof value !== type) throw new TypeError(fault);
  const isWithin =
    option.kind === "number"
      ? Number.isInteger(value) && (value as number) >= option.least && (value as number) <= option.most
      : option.kind !== "choice" || option.choices.includes(value as string);
  if (!isWithin) throw new RangeError(fault);
}

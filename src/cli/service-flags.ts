/** The options of services on the command line: as `--option name=value` for any, and as flags of their own for one. */
import type { Command } from "commander";
import type { Json } from "../server/index.ts";
import {
  optionNamed,
  parseOptionValue,
  type ServiceEntry,
  type ServiceOption,
  type ServiceOptionValue,
  wanted,
} from "../service/index.ts";
import { checkingUsage, usage } from "./failure.ts";
import { listParser } from "./options.ts";
import { oneOf } from "./words.ts";

/** What commander gives of them. */
export interface ServiceFlags {
  /** `name=value`, not yet looked at: which service it is for is known later. */
  readonly option?: readonly string[];
  readonly [flag: string]: unknown;
}

/** @param entry the service that is named on the command line, if one is: its options are in the help text. */
export function addServiceOptions(command: Command, entry: ServiceEntry | undefined): void {
  command.option(
    "--option <name=value>",
    "an option of the service; serve NAME --help lists them; may be repeated",
    listParser((text) => text),
  );
  for (const option of entry?.options ?? []) {
    const flag = `--${kebab(option.name)}`;
    const about = `${option.description} (default: ${defaultText(option)})`;
    if (option.kind === "flag") command.option(flag, about);
    else {
      const read = (text: string): ServiceOptionValue => readFlag(flag, option, text);
      const reader = option.kind === "choice" ? oneOf(option.choices, read) : read;
      command.option(`${flag} <${placeholder(option)}>`, about, reader);
    }
  }
}

/**
 * What a service is to be given.
 * @throws Failure for an option that it has not, or a value that the option does not take.
 */
export function serviceOptions(entry: ServiceEntry, flags: ServiceFlags): Json {
  const declared = entry.options ?? [];
  const values: Record<string, ServiceOptionValue> = {};
  for (const { name } of declared) {
    const value = flags[name];
    if (value !== undefined) values[name] = value as ServiceOptionValue;
  }
  for (const text of flags.option ?? []) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    const option = find(entry, name);
    if (value === undefined && option.kind !== "flag") {
      throw usage(`--option takes name=value, such as ${name}=${option.default || "…"}, not "${text}"`);
    }
    values[name] = checkingUsage(() => parseOptionValue(option, value ?? "true"));
  }
  return Object.keys(values).length === 0 ? null : values;
}

/** As it was typed, it is named. */
function readFlag(flag: string, option: ServiceOption, text: string): ServiceOptionValue {
  try {
    return parseOptionValue(option, text);
  } catch {
    throw usage(`${flag} takes ${wanted(option)}, not "${text}"`);
  }
}

function find(entry: ServiceEntry, name: string): ServiceOption {
  try {
    return optionNamed(entry.options ?? [], name);
  } catch (error) {
    throw usage(`${entry.name}: ${(error as Error).message}`);
  }
}

function placeholder(option: ServiceOption): string {
  if (option.kind === "choice") return "word";
  return option.kind === "file" ? "file" : "number";
}

function defaultText(option: ServiceOption): string {
  if (option.kind === "flag") return option.default ? "on" : "off";
  if (option.kind === "choice") return `${option.default}; ${wanted(option)}`;
  return option.default === "" ? "none" : String(option.default);
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

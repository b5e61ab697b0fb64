/** What completion scripts know: every command, flag and word of a closed set, as the verbs tell commander of them. */
import { readFileSync } from "node:fs";
import type { Argument, Command, Option } from "commander";
import { packagedFile } from "./self-command.ts";
import type { VerbEntry, VerbSetup } from "./verbs.ts";
import { type Words, wordsOf } from "./words.ts";

/** The shells that have a script: share/completion/portolan.SHELL. */
export const SHELLS = ["bash", "fish", "zsh"] as const;

/**
 * One thing that may be typed after the words of `path`: a command, a flag, or an argument by its place from 1.
 * Its value is `command` for a command, nothing for a flag without one, else what is offered for it: `file`, `words …`,
 * `list …` (words with commas between), or nothing that is known: `any`.
 */
interface Row {
  /** The words before it without flags: `serve`; `serve echo` for what only echo takes. */
  readonly path: string;
  readonly word: string;
  readonly value: string;
  readonly about: string;
}

/** The script for a shell: what knows that shell is a file of its own, the table is the same for all. */
export async function completionScript(
  shell: (typeof SHELLS)[number],
  program: Command,
  verbs: readonly VerbEntry[],
  setup: VerbSetup,
): Promise<string> {
  const template = packagedFile(`share/completion/portolan.${shell}`);
  const quote = shell === "fish" ? fishQuoted : quoted;
  const lines = (await rows(program, verbs, setup)).map(({ path, word, value, about }) =>
    [path, word, value, about].join("|"),
  );
  // A function: in a text `$'` would have a meaning of its own.
  return readFileSync(template, "utf8").replace("@TABLE@", () => quote(`\n${lines.join("\n")}\n`));
}

async function rows(program: Command, verbs: readonly VerbEntry[], setup: VerbSetup): Promise<Row[]> {
  const found = rowsOf("", program);
  for (const entry of verbs) found.push(...(await verbRows(program, entry, setup)));
  return found;
}

/** What a verb takes, each of its commands, and what is added for a word of its first argument: options of a service. */
async function verbRows(program: Command, entry: VerbEntry, setup: VerbSetup): Promise<Row[]> {
  const verb = await entry.load();
  const define = async (...rest: string[]): Promise<Command> => {
    const command = program.createCommand(entry.name).copyInheritedSettings(program);
    await verb.define(command, { ...setup, rest });
    return command;
  };
  const base = await define();
  const found = rowsOf(entry.name, base);
  for (const name of base.commands.map((command) => command.name())) {
    const child = (await define(name)).commands.find((command) => command.name() === name) as Command;
    found.push(...rowsOf(`${entry.name} ${name}`, child));
  }
  const usual = new Set(found.map(({ word }) => word));
  for (const word of choices(base.registeredArguments[0])?.words ?? []) {
    const own = rowsOf(`${entry.name} ${word}`, await define(word));
    found.push(...own.filter((row) => !usual.has(row.word)));
  }
  return found;
}

function rowsOf(path: string, command: Command): Row[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((child) => ({
    word: child.name(),
    value: "command",
    about: child.summary() || child.description(),
  }));
  const flags = help
    .visibleOptions(command)
    .flatMap((option) =>
      [option.short, option.long].flatMap((word) =>
        word === undefined ? [] : [{ word, value: flagValue(option), about: option.description }],
      ),
    );
  const places = command.registeredArguments.map((argument, index) => ({
    word: String(index + 1),
    value: offered(argument, argument.name()),
    about: argument.description,
  }));
  return [...commands, ...flags, ...places].map((row) => ({ path, ...row }));
}

function flagValue(option: Option): string {
  if (!option.required && !option.optional) return "";
  return offered(option, /[<[](.*)[>\]]/.exec(option.flags)?.[1] ?? "");
}

/** @param name what stands for the value in the help text: there a path is always `file` */
function offered(taker: Argument | Option, name: string): string {
  const { words, isList } = choices(taker) ?? {};
  if (words !== undefined) return `${isList ? "list" : "words"} ${words.join(" ")}`;
  return name === "file" ? "file" : "any";
}

function choices(taker: Argument | Option | undefined): Words | undefined {
  // Commander's own way of choosing is known to commander.
  return taker?.argChoices === undefined ? wordsOf(taker?.parseArg) : { words: taker.argChoices, isList: false };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

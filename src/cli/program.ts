/** From arguments to an exit status: finds the verb, runs it, and says what went wrong. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { EXIT, type ExitStatus } from "../service/index.ts";
import { type Context, statusAfter } from "./context.ts";
import { describeFailure, unknownName, usage } from "./failure.ts";
import { addExamples } from "./options.ts";
import { selfCommand } from "./self-command.ts";
import { Stopped } from "./stop-signals.ts";
import { type VerbEntry, verbs } from "./verbs.ts";

const HELP = "--help";

/** Runs `portolan` with these arguments. */
export async function run(args: readonly string[], context: Context): Promise<ExitStatus> {
  // What helps with one command is its own to say, and it is defined only where it is asked for.
  if (args[0] === "help" && args[1] !== undefined && args[1] !== "help") return run([...args.slice(1), HELP], context);
  const words = args.filter((arg) => !arg.startsWith("-"));
  const wanted = verbs.find((entry) => entry.name === words[0]);
  const rest = wanted === undefined ? [] : args.slice(args.indexOf(wanted.name) + 1);
  let program: Command | undefined;
  let status: ExitStatus = EXIT.OK;
  try {
    program = await build(rest, wanted, context, (ended) => {
      status = ended;
    });
    if (args.length === 0) program.help({ error: true });
    if (wanted === undefined && words[0] !== undefined && words[0] !== "help") throw unknownVerb(words[0]);
    if (rest[0] === "help" && subcommandOf(program, wanted, rest).commands.length > 0) {
      return await run([...words.slice(0, 1), ...rest.slice(1), HELP], context);
    }
    checkSubcommand(program, wanted, rest);
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    const error = abortReason(thrown);
    // What was stopped since nobody reads any more has nothing to say.
    const isUnread = error === context.out.broken.reason;
    status = isUnread ? status : report(error, wanted, pathOf(program, wanted, rest), context);
  }
  return await statusAfter(context, status);
}

/** The version in package.json. */
function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}

async function build(
  rest: readonly string[],
  wanted: VerbEntry | undefined,
  context: Context,
  finish: (status: ExitStatus) => void,
): Promise<Command> {
  const self = selfCommand();
  const program = new Command("portolan")
    .description(
      "Berkeley sockets with eyes: serves and calls network services, under the server design of your choice.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "say what there is; also after a verb")
    .helpCommand("help [verb]", "the same")
    .usage("<verb> [options]")
    .exitOverride()
    .configureHelp({ styleTitle: (title) => context.colours.bold(title) })
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
      outputError: () => {},
      getOutHelpWidth: () => context.out.columns,
    });
  addExamples(program, self, [
    ["portolan up", "start every service; Ctrl-C stops them"],
    ["portolan call echo tcp://127.0.0.1:7007 --message hello", "in another terminal, meanwhile"],
    ["portolan serve echo --design iterative --listen tcp://127.0.0.1:0", "one service, on a free port"],
    ["portolan help serve", "what a verb can do"],
  ]);
  for (const entry of verbs) {
    const command = program.command(entry.name).summary(entry.summary).helpGroup(`${entry.group}:`);
    command.description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
    if (entry === wanted) await (await entry.load()).define(command, { context, self, rest, finish });
  }
  return program;
}

function unknownVerb(name: string): Error {
  return unknownName(
    "verb",
    name,
    verbs.map((entry) => entry.name),
  );
}

/** Node's own calls throw an AbortError of theirs, whose cause is what the signal was aborted with. */
function abortReason(error: unknown): unknown {
  return error instanceof Error && error.name === "AbortError" && error.cause !== undefined ? error.cause : error;
}

/** The verb's own command of what may be one: its first word. */
function subcommandOf(program: Command | undefined, verb: VerbEntry | undefined, rest: readonly string[]) {
  const commands = program?.commands.find((command) => command.name() === verb?.name)?.commands ?? [];
  return { commands, found: commands.find((command) => command.name() === rest[0]) };
}

/** Commander takes a misspelt command of a verb for one argument too many. */
function checkSubcommand(program: Command, verb: VerbEntry | undefined, rest: readonly string[]): void {
  const [word] = rest;
  const { commands, found } = subcommandOf(program, verb, rest);
  if (commands.length === 0 || found !== undefined || word === undefined || word.startsWith("-")) return;
  throw unknownName(
    "command",
    word,
    commands.map((command) => command.name()),
  );
}

/** The words before `--help` that tell more of what was asked for. */
function pathOf(program: Command | undefined, verb: VerbEntry | undefined, rest: readonly string[]): string {
  if (verb === undefined) return "portolan";
  const { found } = subcommandOf(program, verb, rest);
  return `portolan ${verb.name}${found === undefined ? "" : ` ${found.name()}`}`;
}

/** Says what went wrong, in one line, on standard error. */
function report(error: unknown, verb: VerbEntry | undefined, path: string, context: Context): ExitStatus {
  if (error instanceof Stopped) return error.status;
  let failure = error;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.OK;
    // The help text was the answer.
    if (error.code === "commander.help") return EXIT.USAGE;
    failure = usage(commanderMessage(error, path));
  }
  const { status, message } = describeFailure(failure);
  const who = verb === undefined ? "portolan" : `portolan ${verb.name}`;
  context.err.line(`${context.errColours.red(`${who}:`)} ${message}`);
  if (process.env.PORTOLAN_DEBUG === "1" && failure instanceof Error) context.err.line(failure.stack);
  return status;
}

/** Commander's words as one line of ours. */
function commanderMessage(error: CommanderError, path: string): string {
  const message = error.message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)$/s, "; did you mean $1?")
    .replace(/\. Expected (\d+) arguments? but got (\d+)\.$/, ": it takes $1, not $2")
    .replaceAll("\n", " ");
  return `${message}${message.endsWith("?") ? "" : `; see ${path} --help`}`;
}

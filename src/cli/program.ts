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

/** Runs `portolan` with these arguments. */
export async function run(args: readonly string[], context: Context): Promise<ExitStatus> {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const wanted = verbs.find((entry) => entry.name === (words[0] === "help" ? words[1] : words[0]));
  let status: ExitStatus = EXIT.OK;
  try {
    const program = await build(args, wanted, context, (ended) => {
      status = ended;
    });
    if (args.length === 0) program.help({ error: true });
    if (wanted === undefined && words[0] !== undefined && words[0] !== "help") throw unknownVerb(words[0]);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    status = report(error, wanted, context);
  }
  return statusAfter(context, status);
}

/** The version in package.json. */
function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}

async function build(
  args: readonly string[],
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
  const rest = wanted === undefined ? [] : args.slice(args.indexOf(wanted.name) + 1);
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

/** Says what went wrong, in one line, on standard error. */
function report(error: unknown, verb: VerbEntry | undefined, context: Context): ExitStatus {
  if (error instanceof Stopped) return error.status;
  let failure = error;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.OK;
    // The help text was the answer.
    if (error.code === "commander.help") return EXIT.USAGE;
    failure = usage(commanderMessage(error, verb));
  }
  const { status, message } = describeFailure(failure);
  const who = verb === undefined ? "portolan" : `portolan ${verb.name}`;
  context.err.line(`${context.errColours.red(`${who}:`)} ${message}`);
  if (process.env.PORTOLAN_DEBUG === "1" && failure instanceof Error) context.err.line(failure.stack);
  return status;
}

/** Commander's words as one line of ours. */
function commanderMessage(error: CommanderError, verb: VerbEntry | undefined): string {
  const message = error.message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)$/s, "; did you mean $1?")
    .replaceAll("\n", " ");
  return `${message}${message.endsWith("?") ? "" : `; see portolan ${verb === undefined ? "" : `${verb.name} `}--help`}`;
}

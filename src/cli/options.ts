/** Arguments and options that several verbs share. */
import { type Command, Option } from "commander";
import { SOCK_DGRAM } from "../abi/index.ts";
import { designs, type ServerDesign } from "../server/index.ts";
import { findService, type ServiceEntry, seconds, services, usualEndpoint } from "../service/index.ts";
import { parseEndpoint } from "../socket/index.ts";
import { checkingUsage, unknownName, usage } from "./failure.ts";
import { pasteable } from "./self-command.ts";
import { knowing, oneOf, wordsOf } from "./words.ts";

const MAX_GRACE_SECONDS = 86_400;

/** A parser for commander of a value; what it throws is the user's to mend. */
export function parser<Value>(parse: (text: string) => Value): (text: string) => Value {
  return knowing(wordsOf(parse), (text) => checkingUsage(() => parse(text)));
}

/** As {@link parser}, for an option that may be given several times. */
export function listParser<Value>(parse: (text: string) => Value): (text: string, before?: Value[]) => Value[] {
  return (text, before = []) => [...before, checkingUsage(() => parse(text))];
}

/**
 * An option that has a value also where it is not given.
 * @param standard that value as it would be typed: the help text shows it so, and it is parsed as what is typed
 */
export function option<Value>(flags: string, about: string, parse: (text: string) => Value, standard: string): Option {
  return new Option(flags, about).argParser(parser(parse)).default(parse(standard), standard);
}

/** Examples at the end of a help text, as they can be pasted here: each a command, and what it is for. */
export function addExamples(command: Command, self: string, examples: readonly (readonly [string, string])[]): void {
  const lines = examples.flatMap(([line, what]) => [`  # ${what}`, `  ${pasteable(line, self)}`]);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

export function addJsonOption(command: Command): Command {
  return command.option("--json", "print one JSON object a line, for machines");
}

export function addGraceOption(command: Command): Command {
  const about = "how long open connections may go on after SIGINT, SIGTERM or a reload";
  const grace = option("--grace <seconds>", about, seconds("--grace", 0, MAX_GRACE_SECONDS), "1");
  return command.addOption(grace);
}

export function addDesignOption(command: Command): Command {
  const names = designs.map(({ name }) => name);
  return command.option(
    "--design <name>",
    `how clients are served: ${names.join(", ")}`,
    parser(oneOf(names, readDesign)),
  );
}

/** The name of every service, in the order of lists. */
export const serviceNames: readonly string[] = services.map(({ name }) => name);

/** @throws Failure naming the nearest service there is. */
export function readService(name: string): ServiceEntry {
  const entry = findService(name);
  if (entry !== undefined) return entry;
  throw unknownName("service", name, serviceNames);
}

/**
 * Sees to it that a service is used over a kind of socket that it is spoken on.
 * @throws Failure naming an endpoint that would do.
 */
export function checkSpoken(entry: ServiceEntry, endpoint: string): void {
  const { type, transport } = parseEndpoint(endpoint, { names: true });
  if (entry.transports.includes(type === SOCK_DGRAM ? "udp" : "tcp")) return;
  const known = entry.transports.join(" and ");
  throw usage(`${entry.name} is spoken over ${known}, not ${transport}: give ${usualEndpoint(entry)}, for example`);
}

/** @throws Failure naming the nearest design there is. */
function readDesign(name: string): ServerDesign {
  const design = designs.find((known) => known.name === name);
  if (design !== undefined) return design;
  throw unknownName(
    "design",
    name,
    designs.map((known) => known.name),
  );
}

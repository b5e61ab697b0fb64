/** `portolan call`: a service's client. Each service has its own options, so each is a command of its own here. */
import type { Command } from "commander";
import {
  type ClientEvent,
  type ClientOptions,
  type ClientOutput,
  EXIT,
  type ServiceClient,
  type ServiceEntry,
  seconds,
  services,
  usualEndpoint,
} from "../../service/index.ts";
import { isSystemError, parseEndpoint } from "../../socket/index.ts";
import type { Context } from "../context.ts";
import { asUsage, checkingUsage, describeFailure, Failure, usage } from "../failure.ts";
import { addExamples, addJsonOption, checkSpoken, parser, readService } from "../options.ts";
import { pasteable } from "../self-command.ts";
import type { Verb, VerbSetup } from "../verbs.ts";
import { oneOf } from "../words.ts";

const MIN_TIMEOUT_SECONDS = 0.001;
const MAX_TIMEOUT_SECONDS = 86_400;

interface CallOptions {
  readonly timeout?: number;
  readonly verbose?: true;
  readonly json?: true;
}

export const verb: Verb = {
  async define(command, setup) {
    command.usage("<service> [endpoint] [options]");
    const name = setup.rest.find((word) => !word.startsWith("-"));
    const wanted = name === undefined ? undefined : readService(name);
    for (const entry of services) {
      const child = command.command(entry.name).summary(entry.summary);
      if (entry === wanted) defineClient(child, entry, await entry.client(), setup);
    }
    command.action(() => {
      throw usage(`which service? There are: ${services.map((entry) => entry.name).join(", ")}`);
    });
    addExamples(command, setup.self, [
      ["portolan call echo tcp://127.0.0.1:7007", "type lines; Ctrl-D ends them"],
      ["portolan call echo --help", "what a service's client can do"],
    ]);
  },
};

function defineClient(command: Command, entry: ServiceEntry, client: ServiceClient, setup: VerbSetup): void {
  const usual = usualEndpoint(entry);
  command
    .description(`Uses ${entry.name}, which ${entry.summary} (${entry.specification}).`)
    .argument(
      "[endpoint]",
      "the server, such as udp://127.0.0.1:7007 or unix:///run/x.sock",
      parser(readEndpoint),
      usual,
    );
  for (const { flags, description, parse, words, default: value } of client.options) {
    if (parse === undefined) command.option(flags, description, value as string | undefined);
    else command.option(flags, description, parser(words === undefined ? parse : oneOf(words, parse)), value);
  }
  command
    .option(
      "--timeout <seconds>",
      "how long to wait for what the server owes",
      parser(seconds("--timeout", MIN_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS)),
    )
    .option("--verbose", "say on standard error what happens");
  addJsonOption(command);
  addExamples(command, setup.self, [
    [["portolan call", entry.name, usual, entry.trial.callArguments].filter(Boolean).join(" "), "once it is served"],
  ]);
  command.action(async (endpoint: string, options: CallOptions & ClientOptions) => {
    setup.finish(await use(entry, client, endpoint, options, setup));
  });
}

async function use(
  entry: ServiceEntry,
  client: ServiceClient,
  endpoint: string,
  { timeout, verbose, json, ...options }: CallOptions & ClientOptions,
  { context, self }: VerbSetup,
): Promise<number> {
  checkSpoken(entry, endpoint);
  const { signal } = context.stopSignals();
  const ended = AbortSignal.any([signal, context.out.broken]);
  try {
    return await client.call({
      endpoint,
      get input() {
        return context.input;
      },
      output: json ? jsonOutput(context) : plainOutput(context, verbose === true),
      signal: ended,
      timeoutMs: timeout,
      options,
    });
  } catch (error) {
    signal.throwIfAborted();
    // Nobody reads what would be said.
    if (context.out.broken.aborted) return EXIT.OK;
    const failure = withCure(asUsage(error), entry, endpoint, self);
    if (json) tellFailure(error, failure, context);
    throw failure;
  }
}

/** What the service sends, as it is. */
function plainOutput(context: Context, isVerbose: boolean): ClientOutput {
  const say = (event: ClientEvent): void => context.err.line(`portolan call: ${event.text}`);
  return {
    data: (bytes) => context.out.bytes(bytes),
    event: isVerbose ? say : undefined,
    notice: say,
    isTerminal: context.out.isTerminal,
    problem: say,
  };
}

/** Events in place of what the service sends; where they have it, it is their `data`. */
function jsonOutput(context: Context): ClientOutput {
  const event = ({ name, fields }: ClientEvent): void => context.out.json({ event: name, ...fields });
  return {
    data: () => Promise.resolve(),
    event,
    notice: event,
    problem: ({ name, text, fields }) => {
      context.out.json({ event: name, ...fields, message: text });
      context.err.line(`portolan call: ${text}`);
    },
  };
}

/** Who reads the events hears of an error there too, with the name that C has for it. */
function tellFailure(error: unknown, failure: unknown, { out }: Context): void {
  const { code = null, syscall = null } = error as { readonly code?: string; readonly syscall?: string };
  out.json({ event: "error", code, syscall, message: describeFailure(failure).message });
}

/** Where nobody listens, how to have somebody listen. */
function withCure(error: unknown, entry: ServiceEntry, endpoint: string, self: string): unknown {
  const isAbsent =
    isSystemError(error, "ECONNREFUSED") || (isSystemError(error, "ENOENT") && error.syscall === "connect");
  if (!isAbsent) return error;
  const command = pasteable(`portolan serve ${entry.name} --listen ${endpoint}`, self);
  return new Failure(EXIT.UNAVAILABLE, `${error.message}; start it with: ${command}`, { cause: error });
}

function readEndpoint(text: string): string {
  checkingUsage(() => parseEndpoint(text, { names: true }));
  return text;
}

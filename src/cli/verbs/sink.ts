/** `portolan sink`: the server that stops before each call, to watch the kernel's own part. */
import {
  type ClientEvent,
  EXIT,
  parseStep,
  parseSteps,
  readLines,
  readNamedFile,
  runSink,
  type SinkStep,
  size,
  wholeNumber,
} from "../../service/index.ts";
import { isSystemError, parseEndpoint } from "../../socket/index.ts";
import type { Context } from "../context.ts";
import { asUsage, checkingUsage, Failure, usage } from "../failure.ts";
import { addExamples, addJsonOption, parser } from "../options.ts";
import type { Verb } from "../verbs.ts";

const DEFAULT_ENDPOINT = "tcp://127.0.0.1:8080";
const DEFAULT_RECEIVE_BYTES = 1024;
const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;
const MAX_BACKLOG = 65_535;
const MAX_LINE_BYTES = 1024;
const MAX_SCRIPT_BYTES = 1024 * 1024;

interface SinkFlags {
  readonly listen: string;
  readonly backlog: number;
  readonly reuse?: true;
  readonly recv: number;
  readonly step?: SinkStep[];
  readonly script?: string;
  readonly json?: true;
}

export const verb: Verb = {
  define(command, { context, self }) {
    command
      .option("--listen <endpoint>", "where", parser(readEndpoint), DEFAULT_ENDPOINT)
      .option("--backlog <number>", "of listen(2)", parser(wholeNumber("--backlog", 0, MAX_BACKLOG)), 1)
      .option("--reuse", "set SO_REUSEADDR, so that a rerun need not wait for TIME_WAIT")
      .option("--recv <size>", "room of each recv", parser(size("--recv", 1, MAX_RECEIVE_BYTES)), DEFAULT_RECEIVE_BYTES)
      .option("--step <steps>", "do these and end, such as 'listen, accept, recv 10, close'", parser(parseSteps))
      .option("--script <file>", "the same from a file, one a line");
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan sink", "Enter before listen, accept, each recv; portolan nc 127.0.0.1 8080 elsewhere meanwhile"],
      ["portolan sink --step 'listen, wait 5, show' --backlog 1", "what the kernel does in 5 s without accept"],
    ]);
    command.action(async (flags: SinkFlags) => {
      const { signal } = context.stopSignals();
      const say = (event: ClientEvent): void => {
        if (flags.json) context.out.json({ event: event.name, ...event.fields });
        else context.out.line(event.text);
      };
      const { listen, backlog, reuse, recv: receiveBytes } = flags;
      const next = source(flags, context);
      try {
        await runSink({ listen, backlog, reuse: reuse === true, receiveBytes, next, say, signal });
      } catch (error) {
        signal.throwIfAborted();
        throw asUsage(withCure(error, flags));
      }
    });
  },
};

/** Where the steps come from: the command line, a file, or a person. */
function source({ step, script, json }: SinkFlags, context: Context): () => Promise<SinkStep | undefined> {
  if (step !== undefined && script !== undefined) throw usage("--step and --script are two scripts; one will do");
  const steps = step ?? (script === undefined ? undefined : checkingUsage(() => parseSteps(readScript(script))));
  if (steps !== undefined) {
    const left = [...steps];
    return () => Promise.resolve(left.shift());
  }
  const lines = readLines(context.input, MAX_LINE_BYTES);
  const { signal } = context.stopSignals();
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined), { once: true }),
  );
  return async () => {
    for (;;) {
      if (context.out.isTerminal && json !== true) context.out.write("Enter goes on > ");
      const line = await Promise.race([lines.next(), aborted]);
      if (line === undefined || line.done === true) return undefined;
      try {
        return parseStep(new TextDecoder().decode(line.value));
      } catch (error) {
        // Who types may type again.
        context.err.line((error as Error).message);
      }
    }
  };
}

function readScript(path: string): string {
  const cure = "give a file with a step on each line, such as listen, accept, recv 10";
  return readNamedFile({ path, what: "a script", cure, maxBytes: MAX_SCRIPT_BYTES }).toString("utf8");
}

/** The sockets that have the address were just shown. */
function withCure(error: unknown, { reuse }: SinkFlags): unknown {
  if (!isSystemError(error, "EADDRINUSE")) return error;
  const cure =
    reuse === true
      ? "end what has it, or choose another address with --listen"
      : "where the kernel shows TIME_WAIT only, --reuse takes the address at once, and in a minute it is free; else end what has it, or choose another with --listen";
  return new Failure(EXIT.UNAVAILABLE, `${error.message}; ${cure}`, { cause: error });
}

function readEndpoint(text: string): string {
  parseEndpoint(text);
  return text;
}

/** `portolan nc`: the simple netcat, which shows how a program learns that its peer is gone. */
import { type ClientEvent, runNetcat, seconds } from "../../service/index.ts";
import { asUsage, usage } from "../failure.ts";
import { addExamples, option } from "../options.ts";
import type { Verb } from "../verbs.ts";
import { oneOf } from "../words.ts";

const MAX_TIMEOUT_SECONDS = 86_400;
const SIGPIPE = ["default", "ignore"] as const;

interface NcFlags {
  readonly sigpipe: (typeof SIGPIPE)[number];
  readonly timeout: number;
  readonly verbose?: true;
}

export const verb: Verb = {
  define(command, { context, self, finish }) {
    command
      .argument("<host>", "a name or an address")
      .argument("<port>", "a number, or a name from /etc/services")
      .addOption(
        option(
          "--sigpipe <what>",
          "of a write to a peer that is gone: ignore the signal and say EPIPE, or default: end with status 141",
          oneOf(SIGPIPE, readSigpipe),
          "ignore",
        ),
      )
      .addOption(
        option(
          "--timeout <seconds>",
          "how long to try to connect",
          seconds("--timeout", 0.001, MAX_TIMEOUT_SECONDS),
          "10",
        ),
      )
      .option("--verbose", "say on standard error what each call returned");
    addExamples(command, self, [
      ["portolan nc 127.0.0.1 8080", "type lines; Ctrl-D ends them, and half-closes"],
      ["portolan nc 127.0.0.1 8080 --sigpipe default", "as a program in C that ignores no signal"],
    ]);
    command.action(async (host: string, port: string, { sigpipe, timeout: timeoutMs, verbose }: NcFlags) => {
      const { signal } = context.stopSignals();
      const say = verbose === true ? ({ text }: ClientEvent) => context.err.line(`portolan nc: ${text}`) : () => {};
      const print = (bytes: Uint8Array): Promise<void> => context.out.bytes(bytes);
      try {
        finish(await runNetcat({ host, port, input: context.input, print, say, sigpipe, timeoutMs, signal }));
      } catch (error) {
        signal.throwIfAborted();
        throw asUsage(error);
      }
    });
  },
};

function readSigpipe(text: string): NcFlags["sigpipe"] {
  const found = SIGPIPE.find((known) => known === text);
  if (found !== undefined) return found;
  throw usage(`--sigpipe is ${SIGPIPE.join(" or ")}, not "${text}"`);
}

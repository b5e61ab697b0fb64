/** `portolan reload`: has a running server give its sockets to a new process. */
import { EXIT, wholeNumber } from "../../service/index.ts";
import { isSystemError } from "../../socket/index.ts";
import { Failure } from "../failure.ts";
import { addExamples, addJsonOption, parser } from "../options.ts";
import { requestReload } from "../succession/control-socket.ts";
import type { Verb } from "../verbs.ts";

/** The most that Linux can be told to use: PID_MAX_LIMIT, proc_sys_kernel(5). */
const MAX_PID = 4_194_304;

export const verb: Verb = {
  define(command, { context, self }) {
    command
      .argument("<pid>", "the process of portolan serve or up", parser(wholeNumber("pid", 1, MAX_PID)))
      .addHelpText(
        "after",
        "\nA new process is started with the same arguments and gets the same sockets, so no\nclient is turned away; the old one lets its connections finish, for --grace. If the\nnew one cannot start, the old one goes on. kill -HUP asks for the same, unanswered.",
      );
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan reload 4711", "restart process 4711; says which process serves now"],
      ["kill -HUP 4711", "the same, without an answer"],
    ]);
    command.action(async (pid: number, { json }: { readonly json?: true }) => {
      const outcome = await ask(pid);
      if ("failed" in outcome) {
        throw new Failure(EXIT.UNAVAILABLE, `process ${pid} has not reloaded, and goes on: ${outcome.failed}`);
      }
      const { successor } = outcome;
      if (json) context.out.json({ event: "reloaded", pid: successor, predecessor: pid });
      else context.out.line(`process ${successor} serves now; process ${pid} lets its connections finish`);
    });
  },
};

async function ask(pid: number): ReturnType<typeof requestReload> {
  try {
    return await requestReload(pid);
  } catch (error) {
    if (!isSystemError(error, "ECONNREFUSED")) throw error;
    const cure = "look for it with pgrep -f portolan; from another network namespace, use kill -HUP";
    throw new Failure(EXIT.UNAVAILABLE, `no portolan serve or up has process id ${pid} here; ${cure}`, {
      cause: error,
    });
  }
}

/** `portolan completion SHELL`: the script that has a shell complete command lines of portolan. */
import type { Command } from "commander";
import { completionScript, SHELLS } from "../completion.ts";
import { unknownName } from "../failure.ts";
import { addExamples, parser } from "../options.ts";
import { type Verb, verbs } from "../verbs.ts";
import { oneOf } from "../words.ts";

type Shell = (typeof SHELLS)[number];

export const verb: Verb = {
  define(command, setup) {
    command
      .description(
        "Prints a script that has a shell complete commands, flags, names and files after portolan. For every shell to " +
          "come, put the line below into ~/.bashrc, or into ~/.zshrc after compinit; fish finds the file by itself.",
      )
      .argument("<shell>", `which shell: ${SHELLS.join(", ")}`, parser(oneOf(SHELLS, readShell)));
    addExamples(command, setup.self, [
      [`source <(${setup.self} completion bash)`, "in bash, for this one and, in ~/.bashrc, for every other"],
      [`source <(${setup.self} completion zsh)`, "in zsh, the same with ~/.zshrc"],
      ["portolan completion fish > ~/.config/fish/completions/portolan.fish", "for every fish from now on"],
    ]);
    command.action(async (shell: Shell) => {
      setup.context.out.write(await completionScript(shell, command.parent as Command, verbs, setup));
    });
  },
};

/** @throws Failure naming the shells there are. */
function readShell(name: string): Shell {
  const shell = SHELLS.find((known) => known === name);
  if (shell !== undefined) return shell;
  throw unknownName("shell", name, SHELLS);
}

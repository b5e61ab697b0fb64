/** `portolan inetd convert`: a configuration of any form as YAML, or as JSON. */
import { type Command, Option } from "commander";
import { formatYaml } from "../../../inetd/index.ts";
import { EXIT } from "../../../service/index.ts";
import { addExamples } from "../../options.ts";
import type { VerbSetup } from "../../verbs.ts";
import { describeProblem, readConfiguration } from "./configuration.ts";

export function defineConvert(command: Command, { context, self, finish }: VerbSetup): void {
  command
    .summary("print a configuration of any form as YAML")
    .description(
      "Prints a configuration of any form as YAML, which means the same. What cannot be read is told on standard " +
        "error by its line, and left out; then it ends with 78 (EX_CONFIG).",
    )
    .argument("<file>", "inetd.conf, xinetd.conf, or YAML")
    .addOption(new Option("--to <form>", "what to print").choices(["yaml", "json"]).default("yaml"));
  addExamples(command, self, [
    ["portolan inetd convert /etc/inetd.conf > inetd.yaml", "the classic form as YAML"],
    ["portolan inetd convert --to json /etc/xinetd.conf", "for other programs"],
  ]);
  command.action((file: string, { to }: { readonly to: "json" | "yaml" }) => {
    const { config, problems } = readConfiguration(file);
    for (const problem of problems) context.err.line(describeProblem(problem));
    context.out.write(formatYaml(config, { form: to, origins: true }));
    if (problems.some(({ severity }) => severity === "error")) finish(EXIT.CONFIG);
  });
}

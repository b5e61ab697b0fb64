/** `portolan inetd check`: what is wrong with a configuration, by line, before a super-server is started with it. */
import type { Command } from "commander";
import { type ConfigProblem, checkHost, type InetdService } from "../../../inetd/index.ts";
import { EXIT } from "../../../service/index.ts";
import { addExamples, addJsonOption } from "../../options.ts";
import { formatTable, plural } from "../../table.ts";
import type { VerbSetup } from "../../verbs.ts";
import { describeProblem, readConfiguration } from "./configuration.ts";

interface Flags {
  readonly json?: true;
  readonly host: boolean;
}

export function defineCheck(command: Command, { context, self, finish }: VerbSetup): void {
  command
    .summary("tell what is wrong with a configuration, line by line")
    .description(
      "Tells what is wrong with a configuration, line by line: what cannot be meant so, and programs, users, groups " +
        "and tools that this machine does not have. Ends with 78 (EX_CONFIG) where there is an error, and with 0 where " +
        "there are warnings only.",
    )
    .argument("<file>", "inetd.conf, xinetd.conf or YAML; the text says which")
    .option("--no-host", "look at the text only, not at this machine");
  addJsonOption(command);
  addExamples(command, self, [
    ["portolan inetd check /etc/inetd.conf", "each fault with its line, then what would be served"],
    ["portolan inetd check --json /etc/inetd.conf", "one object for each fault and each service"],
  ]);
  command.action((file: string, { json, host }: Flags) => {
    const { config, problems } = readConfiguration(file);
    const all = [...problems, ...(host ? checkHost(config) : [])].sort(byLine);
    const errors = all.filter(({ severity }) => severity === "error").length;
    if (json === true) {
      for (const problem of all) context.out.json({ kind: "problem", ...problem.origin, ...withoutOrigin(problem) });
      for (const service of config.services) context.out.json({ kind: "service", ...describe(service) });
    } else {
      for (const problem of all) {
        const text = describeProblem(problem);
        context.out.line(problem.severity === "error" ? context.colours.red(text) : text);
      }
      if (all.length > 0 && config.services.length > 0) context.out.line();
      for (const line of table(config.services)) context.out.line(line);
      const warnings = all.length - errors;
      context.out.line(
        `${plural(config.services.length, "service")}, ${plural(errors, "error")}, ${plural(warnings, "warning")}`,
      );
    }
    if (errors > 0) finish(EXIT.CONFIG);
  });
}

/** In the order of the files, and of the lines in each. */
function byLine(a: ConfigProblem, b: ConfigProblem): number {
  return a.origin.file === b.origin.file ? a.origin.line - b.origin.line : 0;
}

function withoutOrigin({ severity, message, cure }: ConfigProblem): object {
  return { severity, message, ...(cure === undefined ? {} : { cure }) };
}

function describe(service: InetdService): {
  id: string;
  line: number;
  endpoint: string;
  answers: string;
  disabled: boolean;
} {
  const { id, origin, listen, serves, wait, isDisabled } = service;
  const answers =
    serves.kind === "program"
      ? `${serves.path}${wait ? " (wait)" : ""}`
      : serves.kind === "builtin"
        ? `built-in ${serves.service}`
        : `redirect to ${serves.endpoint}`;
  const endpoint = listen.endpoint ?? `descriptor ${JSON.stringify(listen.activatedName)}`;
  return { id, line: origin.line, endpoint, answers, disabled: isDisabled };
}

function table(services: readonly InetdService[]): string[] {
  if (services.length === 0) return [];
  const columns = [{ title: "LINE" }, { title: "SERVICE" }, { title: "LISTENS AT" }, { title: "ANSWERS" }];
  const rows = services.map((service) => {
    const { id, line, endpoint, answers, disabled } = describe(service);
    return [String(line), id, endpoint, disabled ? "disabled" : answers];
  });
  return formatTable(columns, rows);
}

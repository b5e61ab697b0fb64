/** `portolan designs`: the list of server designs, what each costs, and when to use it. */
import { designs, type ServerDesign } from "../../server/index.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb, VerbSetup } from "../verbs.ts";

export const verb: Verb = {
  define(command, { context, self }) {
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan designs", "what there is"],
      ["portolan serve echo --design poll", "one of them at work"],
      ["portolan serve echo --design epoll --workers 4", "several of one"],
      ["portolan bench designs", "which is fastest here"],
    ]);
    command.action(({ json }: { readonly json?: true }) => {
      if (json) {
        for (const design of designs) context.out.json(described(design));
        return;
      }
      printTable(context);
      for (const { name, cost, suits } of designs) {
        context.out.line();
        context.out.line(context.colours.bold(name));
        context.out.line(`  costs:   ${cost}`);
        context.out.line(`  use for: ${suits}`);
      }
    });
  },
};

function described({ name, summary, cost, suits, kinds, placements, maxWorkers = 1 }: ServerDesign): object {
  return { name, summary, cost, suits, kinds, placements, maxWorkers };
}

function printTable({ out, colours }: VerbSetup["context"]): void {
  const rows = designs.map(({ name, summary, placements, maxWorkers }) => [
    name,
    placements.includes("node") ? "yes" : "no",
    maxWorkers === undefined ? "no" : `to ${maxWorkers}`,
    summary,
  ]);
  const columns = [
    { title: "DESIGN" },
    { title: "--in-node" },
    { title: "--workers" },
    { title: "HOW CLIENTS ARE SERVED" },
  ];
  const [titles = "", ...lines] = formatTable(columns, rows);
  for (const line of [colours.dim(titles), ...lines]) out.line(line);
}

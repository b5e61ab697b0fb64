/** `portolan designs`: the list of server designs. */
import { designs } from "../../server/index.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb } from "../verbs.ts";

export const verb: Verb = {
  define(command, { context, self }) {
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan designs", "what there is"],
      ["portolan serve echo --design poll", "one of them at work"],
    ]);
    command.action(({ json }: { readonly json?: true }) => {
      if (json) {
        for (const { name, summary, kinds, placements } of designs)
          context.out.json({ name, summary, kinds, placements });
        return;
      }
      const rows = designs.map(({ name, summary, placements }) => [
        name,
        placements.includes("node") ? "yes" : "no",
        summary,
      ]);
      const columns = [{ title: "DESIGN" }, { title: "--in-node" }, { title: "HOW CLIENTS ARE SERVED" }];
      const [titles = "", ...lines] = formatTable(columns, rows);
      for (const line of [context.colours.dim(titles), ...lines]) context.out.line(line);
    });
  },
};

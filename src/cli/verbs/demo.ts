/** `portolan demo`: lessons that run by themselves, each from the table of demos. */
import { unknownName } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb, VerbSetup } from "../verbs.ts";
import { type Demo, type DemoEntry, demos, type Stage } from "./demo/table.ts";

interface Flags {
  readonly json?: true;
}

export const verb: Verb = {
  async define(command, setup) {
    command.usage("[name] [options]");
    const name = setup.rest.find((word) => !word.startsWith("-"));
    const wanted = name === undefined ? undefined : readDemo(name);
    for (const entry of demos) {
      const child = command.command(entry.name).summary(entry.summary);
      child.description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
      addJsonOption(child);
      if (entry !== wanted) continue;
      const demo = await entry.load();
      demo.define?.(child, setup);
      addExamples(child, setup.self, [[`portolan demo ${entry.name}`, "it runs by itself, and leaves nothing behind"]]);
      child.action((options: Flags) => run(demo, options, setup));
    }
    // Both having it, the list would take it from the demo.
    if (wanted === undefined) addJsonOption(command);
    addExamples(command, setup.self, [
      ["portolan demo", "which there are"],
      [`portolan demo ${demos[0]?.name}`, "one of them"],
    ]);
    command.action(({ json }: Flags) => list(json === true, setup));
  },
};

function list(isJson: boolean, { context }: VerbSetup): void {
  if (isJson) {
    for (const { name, summary } of demos) context.out.json({ name, summary });
    return;
  }
  const columns = [{ title: "DEMO" }, { title: "WHAT IT SHOWS" }];
  const rows = demos.map(({ name, summary }) => [name, summary]);
  const [titles = "", ...lines] = formatTable(columns, rows);
  for (const line of [context.colours.dim(titles), ...lines]) context.out.line(line);
}

async function run(demo: Demo, options: Flags, { context, self, finish }: VerbSetup): Promise<void> {
  const { signal } = context.stopSignals();
  const isJson = options.json === true;
  const stage: Stage = {
    context,
    isJson,
    options: { ...options },
    self,
    signal: AbortSignal.any([signal, context.out.broken]),
    step({ name, text, fields }) {
      if (isJson) context.out.json({ event: name, ...fields, text });
      else context.out.line(text);
    },
  };
  const status = await demo.run(stage);
  if (status !== undefined) finish(status);
}

/** @throws Failure naming the nearest demo there is. */
function readDemo(name: string): DemoEntry {
  const entry = demos.find((known) => known.name === name);
  if (entry !== undefined) return entry;
  throw unknownName(
    "demo",
    name,
    demos.map((known) => known.name),
  );
}

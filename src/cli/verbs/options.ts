/** `portolan options`: the table of socket options, or a part of it. */
import { nearest } from "../../service/index.ts";
import { type AnyOption, options } from "../../socket/index.ts";
import { usage } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb, VerbSetup } from "../verbs.ts";
import { oneOf } from "../words.ts";

const COLUMNS = ["OPTION", "LEVEL", "TYPE", "R/W", "LINUX", "NEEDS", "PAGE"].map((title) => ({ title }));

export const verb: Verb = {
  define(command, { context, self }) {
    const names = Object.values(options).map(({ name }) => name);
    command.argument(
      "[filter]",
      "a part of an option's name or its level, such as mcast or sol_udp",
      oneOf(names, String),
    );
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan options", "every option"],
      ["portolan options keep", "those whose name has keep in it"],
      ["portolan options tcp_user_timeout", "one, with what one has to know of it"],
      ["portolan options sol_packet --json", "those of a level, for machines"],
    ]);
    command.action((filter: string | undefined, { json }: { readonly json?: true }) => {
      const found = find(filter);
      if (json) for (const option of found) context.out.json(describe(option));
      else print(found, context);
    });
  },
};

/** @throws Failure naming the nearest option there is. */
function find(filter = ""): readonly AnyOption[] {
  const all = Object.values(options) as readonly AnyOption[];
  const wanted = filter.toUpperCase();
  const exact = all.filter(({ name }) => name === wanted);
  if (exact.length > 0) return exact;
  const found = all.filter(({ name, levelName }) => name.includes(wanted) || levelName.includes(wanted));
  if (found.length > 0) return found;
  const meant = nearest(
    wanted,
    all.map(({ name }) => name),
  );
  throw usage(
    meant === undefined
      ? `no option has "${filter}" in its name or level; portolan options lists them all`
      : `there is no option "${filter}"; did you mean ${meant}?`,
  );
}

function print(found: readonly AnyOption[], { out, colours }: VerbSetup["context"]): void {
  const [titles = "", ...lines] = formatTable(COLUMNS, found.map(cells));
  out.line(colours.dim(titles));
  for (const line of lines) out.line(line);
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) return;
  if (only.note !== undefined) out.line(`\n${only.note}`);
  if (only.when !== "any") out.line(`\nset it ${only.when.replace("-", " ")}`);
}

function cells({ name, levelName, kind, readable, writable, since, capability, page }: AnyOption): string[] {
  return [name, levelName, kind, access(readable, writable), since, capability ?? "", page];
}

function describe(option: AnyOption): object {
  const {
    name,
    level,
    levelName,
    option: number,
    kind,
    readable,
    writable,
    when,
    since,
    capability,
    page,
    note,
  } = option;
  return { name, number, level, levelName, kind, readable, writable, when, since, capability, page, note };
}

function access(readable: boolean, writable: boolean): string {
  return `${readable ? "r" : "-"}${writable ? "w" : "-"}`;
}

/** `portolan services`: what can be served and called, and what to type. */
import {
  defaultPort,
  type ServiceEntry,
  services,
  type Transport,
  type TrialCommand,
  trialCommands,
} from "../../service/index.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { isInstalled, pasteable } from "../self-command.ts";
import type { Verb, VerbSetup } from "../verbs.ts";

export const verb: Verb = {
  define(command, { context, self }) {
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan services", "what there is"],
      ["portolan services --json", "the same for machines"],
    ]);
    command.action(({ json }: { readonly json?: true }) => {
      if (json) {
        for (const entry of services) context.out.json(describe(entry, self));
        return;
      }
      services.forEach((entry, index) => {
        if (index > 0) context.out.line();
        print(entry, { context, self });
      });
    });
  },
};

function describe(entry: ServiceEntry, self: string): object {
  const { name, summary, specification, port, transports } = entry;
  const commands = networkTransports(entry).flatMap((transport) => commandsFor(entry, transport));
  return {
    name,
    summary,
    specification,
    port,
    defaultPort: defaultPort(entry),
    transports,
    serve: pasteable(`portolan serve ${name}`, self),
    demo: pasteable(`portolan demo ${name}`, self),
    try: commands.map(({ program, command }) => ({
      program,
      command: pasteable(command, self),
      installed: isInstalled(program),
    })),
  };
}

/** Unix sockets have no place by custom, so there is nothing to type for them yet. */
function networkTransports({ transports }: ServiceEntry): Transport[] {
  return transports.filter((transport) => transport !== "unix");
}

function commandsFor(entry: ServiceEntry, transport: Transport): TrialCommand[] {
  return trialCommands(entry, `${transport}://127.0.0.1:${defaultPort(entry)}`);
}

/** A service, and commands that work from one terminal to another: first the server's, then those of clients. */
function print(entry: ServiceEntry, { context, self }: Pick<VerbSetup, "context" | "self">): void {
  const { out, colours } = context;
  const port = defaultPort(entry);
  const moved = port === entry.port ? "" : `, here ${port}`;
  const about = `${entry.summary} (${entry.specification}); port ${entry.port}${moved}; ${entry.transports.join(", ")}`;
  out.line(`${colours.bold(entry.name)}  ${colours.dim(about)}`);
  out.line("  see server and client together:");
  out.line(`      ${pasteable(`portolan demo ${entry.name}`, self)}`);
  out.line("  serve it:");
  out.line(`      ${pasteable(`portolan serve ${entry.name}`, self)}`);
  for (const transport of networkTransports(entry)) {
    out.line(`  try it over ${transport}:`);
    for (const { program, command } of commandsFor(entry, transport)) {
      const note = isInstalled(program) ? "" : colours.dim(`   # ${program} is not installed`);
      out.line(`      ${pasteable(command, self)}${note}`);
    }
  }
}

/** `portolan up`: every service at once, for a look around. */
import { join } from "node:path";
import type { Placement, ServerDesign } from "../../server/index.ts";
import {
  defaultPort,
  defaultUnixName,
  type ServiceEntry,
  services,
  type Transport,
  wholeNumber,
} from "../../service/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import { checkingUsage, usage } from "../failure.ts";
import type { Plan } from "../fleet.ts";
import { addLimitOptions, type LimitOptions, limitsFrom } from "../limit-flags.ts";
import { addMetricsOption } from "../metrics-option.ts";
import {
  addDesignOption,
  addExamples,
  addGraceOption,
  addJsonOption,
  parser,
  readService,
  serviceNames,
} from "../options.ts";
import { runServers } from "../run-servers.ts";
import { HangUps } from "../succession/hang-ups.ts";
import { Inheritance } from "../succession/inheritance.ts";
import { UnixFolder } from "../unix-folder.ts";
import type { Verb } from "../verbs.ts";
import { someOf } from "../words.ts";

const MAX_PORT = 65_535;

interface UpOptions extends LimitOptions {
  readonly host: string;
  readonly only?: readonly ServiceEntry[];
  readonly portOffset: number;
  readonly anyPort?: true;
  readonly design?: ServerDesign;
  readonly skipTaken?: true;
  readonly grace: number;
  readonly metrics?: string;
  readonly json?: true;
}

export const verb: Verb = {
  define(command, { context, self }) {
    command
      .option("--host <address>", "listen at this address of this machine", "127.0.0.1")
      .option(
        "--only <names>",
        "start these services only, separated by commas",
        parser(someOf(serviceNames, readServices)),
      )
      .option("--port-offset <number>", "add this to every port", parser(wholeNumber("--port-offset", 0, MAX_PORT)), 0)
      .option("--any-port", "let the kernel choose every port")
      .option("--skip-taken", "go on without the endpoints that others hold");
    addDesignOption(command);
    addGraceOption(command);
    addMetricsOption(command);
    addJsonOption(command);
    addLimitOptions(command);
    addExamples(command, self, [
      ["portolan up", "everything, on this machine only"],
      ["portolan up --only echo --port-offset 1000", "beside another one"],
      ["portolan up --metrics 9464", "with metrics for Prometheus at http://127.0.0.1:9464/metrics"],
      ["portolan up --any-port --json", "for a script, which reads the ports"],
    ]);
    command.action(async (options: UpOptions) => {
      // Heard from here on: soon there is a folder to remove.
      context.stopSignals();
      const hangUps = new HangUps(context);
      const inheritance = await Inheritance.receive();
      using folder = new UnixFolder(inheritance?.folder);
      const originPid = inheritance?.originPid ?? process.pid;
      await runServers(makePlans(options, folder.path, originPid), context, self, {
        json: options.json === true,
        counters: true,
        design: options.design,
        placement: placementFor(options.design),
        limits: limitsFrom(options),
        graceMs: options.grace,
        metrics: options.metrics,
        hangUps,
        inheritance,
        folder,
        skipTaken: options.skipTaken === true,
        takenCure: "end that, or use --port-offset 1000, --any-port, or --skip-taken",
      });
    });
  },
};

/** One thread for all where the design allows it: dozens of mostly idle services are not worth dozens of threads. */
function placementFor(design: ServerDesign | undefined): Placement {
  return design === undefined || design.placements.includes("node") ? "node" : "thread";
}

function readServices(names: string): ServiceEntry[] {
  const entries = names
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean)
    .map(readService);
  if (entries.length > 0) return entries;
  throw usage(`--only takes names of services, separated by commas, not "${names}"`);
}

function makePlans(options: UpOptions, folder: string, originPid: number): Plan[] {
  const entries = options.only ?? services;
  return entries.flatMap((entry) =>
    entry.transports.map((transport) => ({ entry, listen: place(entry, transport, options, folder, originPid) })),
  );
}

/** The endpoint of a service over a transport. */
function place(
  entry: ServiceEntry,
  transport: Transport,
  { host, portOffset, anyPort }: UpOptions,
  folder: string,
  originPid: number,
): string {
  if (transport === "unix") return `unix://${join(folder, unixName(entry, portOffset, anyPort, originPid))}`;
  const port = anyPort ? 0 : defaultPort(entry) + portOffset;
  const listen = `${transport}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  checkingUsage(() => parseEndpoint(listen));
  return listen;
}

/** Several `up` may run side by side: what tells their ports apart tells their sockets apart. */
function unixName(entry: ServiceEntry, portOffset: number, anyPort: true | undefined, originPid: number): string {
  const suffix = anyPort ? `-${originPid}` : portOffset === 0 ? "" : `-${portOffset}`;
  return defaultUnixName(entry).replace(/(?=\.)/, suffix);
}

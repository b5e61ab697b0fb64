/** `npm run bench`: builds the peers, measures, prints a table and leaves JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { benches } from "./benches.ts";
import { endChildrenOnExit, type Placement } from "./children.ts";
import { readEnvironment } from "./environment.ts";
import { type Options, parseOptions, UsageError, usage } from "./options.ts";
import { cautionsOf, renderReport } from "./output.ts";
import { buildDirectory, buildNative, findBun, findPrograms, installPeers, resultsFile } from "./programs.ts";
import type { Report } from "./report.ts";
import { appendResults } from "./results.ts";
import { runBenches } from "./run.ts";
import { servers } from "./servers.ts";

/** Descriptors that a server or load needs beside its connections. */
const spareDescriptors = 1024;
/** sysexits.h */
const exitUsage = 64;

const progress = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function main(options: Options): Promise<number> {
  refuseUnknownServers(options);
  endChildrenOnExit();
  if (options.only.length === 0 || options.only.includes("bun")) installPeers(progress);
  buildNative(progress);
  const environment = readEnvironment(options, findBun());
  const chosen = benches.filter(({ name }) => options.benches.includes(name));
  const parameters = chosen.flatMap((bench) => bench.cases(options).map((each) => each.parameters));
  const most = Math.max(...parameters.map(({ connections, flows, slow = 0 }) => (connections ?? flows ?? 0) + slow));
  const place = (cores: string): Placement => ({
    launcher: `${buildDirectory}launch`,
    cores,
    openFiles: most + spareDescriptors,
  });
  const { cases, unmeasured } = await runBenches(options, {
    programs: findPrograms(),
    server: place(environment.serverCores),
    load: place(environment.loadCore),
    progress,
  });
  const cautions = cautionsOf(cases, options.rounds);
  const report: Report = { schema: 1, environment, options, cases, unmeasured, cautions };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  process.stdout.write(options.json ? text : `${renderReport(report)}\n`);
  const path = options.jsonOut ?? `${buildDirectory}results-${environment.date.slice(0, 19).replaceAll(":", "")}.json`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  progress(`written: ${path}`);
  if (options.appendResults) progress(`bench/RESULTS.md: ${appendResults(report, resultsFile)} rows appended`);
  // A server that was asked for by name, or that continuous integration relies on, must not be missing in silence.
  return unmeasured.length > 0 && (options.only.length > 0 || process.env.CI) ? 1 : 0;
}

function refuseUnknownServers(options: Options): void {
  const transports = benches.filter(({ name }) => options.benches.includes(name)).map(({ transport }) => transport);
  const known = servers.filter(({ transport }) => transports.includes(transport)).map(({ name }) => name);
  const unknown = options.only.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`these benches have no server '${unknown.join("', '")}'; they have ${known.join(", ")}`);
  }
}

/** The benches, each with its cases and servers. */
function listServers(options: Options): string {
  const cases = benches.map((bench) => {
    const labels = bench.cases(options).map(({ label }) => label);
    return `${bench.name}  (${bench.transport}) ${labels.join("; ")}`;
  });
  return [
    ...cases,
    "",
    ...servers.map(({ name, kind, transport, about }) => `${transport}  ${name}  (${kind}) ${about}`),
  ].join("\n");
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(usage);
  else if (options.list) console.log(listServers(options));
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  progress(`${error.message}\n\n${usage}`);
  process.exitCode = exitUsage;
}

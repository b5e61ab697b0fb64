/** `portolan bench designs`: the same echo under every design, measured on this machine. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT, seconds, wholeNumber } from "../../service/index.ts";
import { Failure, unknownName, usage } from "../failure.ts";
import { addExamples, addJsonOption, option, parser } from "../options.ts";
import { plural } from "../table.ts";
import type { Verb, VerbSetup } from "../verbs.ts";
import { someOf } from "../words.ts";
import { allowedCores, chooseCores, type How, measure } from "./bench/measure.ts";
import { formatPoints, plotPoints } from "./bench/report.ts";
import { isMeasured, type Point } from "./bench/result.ts";
import { measureScaling, type NoScaling, planScaling, type Scaling } from "./bench/scaling.ts";
import { type Subject, subjects } from "./bench/subjects.ts";
import { drawSvg } from "./bench/svg.ts";

const DEFAULT_CONNECTIONS = [1, 64, 1000, 10_000];
const subjectNames = subjects.map(({ name }) => name);
const MAX_CONNECTIONS = 50_000;
const MAX_SECONDS = 60;
/** What starting a server and connecting to it take, beside the measurement, its warm-up and its end. */
const OVERHEAD_MS = 1500;
const PARTS = 1.5;
const MS_PER_SECOND = 1000;

interface Flags {
  readonly connections: readonly number[];
  readonly designs?: readonly Subject[];
  readonly seconds: number;
  readonly svg?: string;
  readonly json?: true;
}

export const verb: Verb = {
  define(command, setup) {
    command.usage("designs [options]");
    const child = command.command("designs").summary("the same echo under every design, and under C, node:net and Bun");
    child
      .description(
        "Serves echo under each design, beside C's epoll, node:net and Bun, and measures each with 64-byte messages.",
      )
      .addOption(
        option(
          "--connections <numbers>",
          "how many at the same time, such as 1,64",
          readCounts,
          DEFAULT_CONNECTIONS.join(),
        ),
      )
      .option("--designs <names>", `which, of ${subjectNames.join(", ")}`, parser(someOf(subjectNames, readSubjects)))
      .addOption(option("--seconds <number>", "how long each is measured", seconds("--seconds", 0.1, MAX_SECONDS), "1"))
      .option("--svg <file>", "draw a picture as well");
    addJsonOption(child);
    addExamples(child, setup.self, [
      ["portolan bench designs", "all of them; it says how long that takes"],
      ["portolan bench designs --designs epoll,uring,node-net --connections 1,64", "some of them"],
      ["portolan bench designs --svg designs.svg", "with a picture"],
    ]);
    child.action((flags: Flags) => run(flags, setup));
    command.action(() => {
      throw usage("bench what? There is: designs");
    });
    addExamples(command, setup.self, [["portolan bench designs", "every design, side by side"]]);
  },
};

async function run(flags: Flags, { context, finish }: VerbSetup): Promise<void> {
  const { signal } = context.stopSignals();
  const chosen = flags.designs ?? subjects;
  const cores = allowedCores();
  const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
  const how: How = {
    cores: chooseCores(cores),
    measureMs: flags.seconds,
    folder,
    signal: AbortSignal.any([signal, context.out.broken]),
  };
  const pairs = chosen.flatMap((subject) => flags.connections.map((connections) => ({ subject, connections })));
  const points: Point[] = [];
  try {
    await measureAll(pairs, how, context, (point) => {
      points.push(point);
      if (flags.json) context.out.json(point);
    });
    const scaling = planScaling(cores, how.cores.server !== undefined);
    const scaled = "notMeasured" in scaling ? scaling : await measureScaling(scaling, how);
    if (flags.json) context.out.json({ scaling: scaled });
    else showAll(points, scaled, how, context.out);
    if (flags.svg !== undefined) writePicture(flags.svg, points, how);
  } catch (error) {
    // Who stops it after minutes is to have what those minutes have given.
    if (signal.aborted && !flags.json) for (const line of formatPoints(points)) context.out.line(line);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!points.some(isMeasured)) {
    context.err.line("portolan bench: nothing could be measured; the reasons are above");
    finish(EXIT.UNAVAILABLE);
  }
}

/** Measures one after the other, and says how far it is; what can be told without a measurement takes no time. */
async function measureAll(
  pairs: readonly { readonly subject: Subject; readonly connections: number }[],
  how: How,
  { err }: VerbSetup["context"],
  done: (point: Point) => void,
): Promise<void> {
  const feasible = pairs.filter(({ subject, connections }) => connections <= subject.capacity).length;
  const lastsMs = feasible * (how.measureMs * PARTS + OVERHEAD_MS);
  err.line(`${plural(feasible, "measurement")}, about ${Math.ceil(lastsMs / MS_PER_SECOND)} seconds in all`);
  let at = 0;
  for (const { subject, connections } of pairs) {
    if (connections <= subject.capacity) {
      at += 1;
      err.line(`${at}/${feasible} ${subject.name}, ${plural(connections, "connection")}`);
    }
    const point = await measure(subject, connections, how);
    how.signal.throwIfAborted();
    done(point);
  }
}

function showAll(
  points: readonly Point[],
  scaled: NoScaling | Scaling,
  how: How,
  out: VerbSetup["context"]["out"],
): void {
  for (const line of [...formatPoints(points), ...plotPoints(points), ""]) out.line(line);
  if ("notMeasured" in scaled) out.line(`Scaling over workers: not measured: ${scaled.notMeasured}`);
  else {
    for (const { workers, requestsPerSecond } of scaled.points) {
      out.line(`epoll with ${plural(workers, "worker")}: ${Math.round(requestsPerSecond)} requests a second`);
    }
  }
  out.line(placement(how));
}

/** What the figures depend on. */
function placement({ cores, measureMs }: How): string {
  const where =
    cores.server === undefined
      ? "Server and load shared their cores (one core, or no taskset): compare nothing but processor time."
      : `The server had core ${cores.server}, the load core ${cores.load}: where the load's core is full, compare processor time.`;
  return `${where} 64-byte messages, ${measureMs / MS_PER_SECOND} s each; a busy machine changes all figures.`;
}

function writePicture(path: string, points: readonly Point[], { measureMs }: How): void {
  const machine = cpus()[0]?.model.trim() ?? "unknown processor";
  const subtitle = `64-byte ping-pong over TCP on loopback, ${measureMs / MS_PER_SECOND} s each; ${machine}, Node ${process.versions.node}`;
  try {
    writeFileSync(path, drawSvg(points, subtitle));
  } catch (error) {
    throw new Failure(EXIT.IOERR, `the picture cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function readCounts(text: string): number[] {
  const parse = wholeNumber("--connections", 1, MAX_CONNECTIONS);
  return [...new Set(text.split(",").map((part) => parse(part.trim())))].sort((a, b) => a - b);
}

function readSubjects(text: string): Subject[] {
  return text.split(",").map((part) => {
    const found = subjects.find(({ name }) => name === part.trim());
    if (found !== undefined) return found;
    throw unknownName("design or peer", part.trim(), subjectNames);
  });
}

import { type Bench, benches, type Context } from "./benches.ts";
import { Child, type Placement } from "./children.ts";
import type { Options } from "./options.ts";
import type { Case, CaseResult, Measurement, Ratio, ServerResult, Unmeasured } from "./report.ts";
import { type Programs, type Server, servers } from "./servers.ts";
import { type Summary, seededRandom, shuffled, summarize, summarizeRatio } from "./stats.ts";

/** How long a server may take from its start to its first line. */
const readyTimeoutMs = 15_000;

/** What a run needs beside the options. */
export interface Setting {
  readonly programs: Programs;
  readonly server: Placement;
  readonly load: Placement;
  readonly progress: (line: string) => void;
}

export interface Outcome {
  readonly cases: readonly CaseResult[];
  readonly unmeasured: readonly Unmeasured[];
}

/** Runs all benches asked for, one after the other, and their cases interleaved over the rounds. */
export async function runBenches(options: Options, setting: Setting): Promise<Outcome> {
  const random = seededRandom(options.seed);
  const cases: CaseResult[] = [];
  const unmeasured: Unmeasured[] = [];
  for (const bench of benches.filter(({ name }) => options.benches.includes(name))) {
    const { contenders, absent } = selectServers(bench, options, setting.programs);
    unmeasured.push(...absent);
    const runs = bench.cases(options).map((each) => new CaseRun(bench, each, contenders));
    for (let round = 0; round < options.rounds; round++) {
      for (const run of runs) {
        setting.progress(`${bench.name}, ${run.label}: round ${round + 1} of ${options.rounds}`);
        await run.round(round, shuffled(contenders, random), options, setting);
      }
    }
    cases.push(...runs.map((run) => run.result()));
    unmeasured.push(...runs.flatMap((run) => run.failures));
  }
  return { cases, unmeasured };
}

/** Those servers that the bench is for, that the user wants, and whose programs are there. */
function selectServers(
  bench: Bench,
  options: Options,
  programs: Programs,
): { contenders: Server[]; absent: Unmeasured[] } {
  const contenders: Server[] = [];
  const absent: Unmeasured[] = [];
  for (const server of servers) {
    if (server.transport !== bench.transport) continue;
    if (options.only.length > 0 && !options.only.includes(server.name)) continue;
    try {
      server.command(programs);
      contenders.push(server);
    } catch (error) {
      absent.push({ bench: bench.name, server: server.name, reason: messageOf(error) });
    }
  }
  return { contenders, absent };
}

/** One case of one bench: collects the rounds of all servers. */
class CaseRun {
  readonly label: string;
  readonly failures: Unmeasured[] = [];
  readonly #bench: Bench;
  readonly #case: Case;
  readonly #servers: readonly Server[];
  readonly #figures = new Map<Server, Map<number, Measurement>>();

  constructor(bench: Bench, each: Case, contenders: readonly Server[]) {
    this.label = each.label;
    this.#bench = bench;
    this.#case = each;
    this.#servers = contenders;
    for (const server of contenders) this.#figures.set(server, new Map());
  }

  /** Measures each server once, each in a process of its own, in this order. One that fails is told, once. */
  async round(round: number, order: readonly Server[], options: Options, setting: Setting): Promise<void> {
    for (const server of order) {
      if (this.failures.some(({ server: failed }) => failed === server.name)) continue;
      try {
        const figures = await this.#measure(server, options, setting);
        this.#figures.get(server)!.set(round, figures);
      } catch (error) {
        const reason = `${this.label}: ${messageOf(error)}`;
        this.failures.push({ bench: this.#bench.name, server: server.name, reason });
        setting.progress(`${server.name} failed: ${messageOf(error)}`);
      }
    }
  }

  result(): CaseResult {
    const results = this.#servers
      .filter((server) => this.#figures.get(server)!.size > 0)
      .map((server) => summarizeServer(server, this.#figures.get(server)!, this.#bench));
    return {
      ...this.#case,
      bench: this.#bench.name,
      servers: results,
      ratios: ratiosOf(results, this.#bench),
    };
  }

  async #measure(server: Server, options: Options, setting: Setting): Promise<Measurement> {
    const child = new Child(server.name, server.command(setting.programs), setting.server);
    try {
      const port = await child.waitFor(server.port, readyTimeoutMs);
      const metrics = server.metrics === undefined ? undefined : await child.waitFor(server.metrics, readyTimeoutMs);
      child.discardOutput();
      const context: Context = { options, programs: setting.programs, placement: setting.load };
      return await this.#bench.measure({ pid: child.pid, port, metrics }, this.#case.parameters, context);
    } finally {
      await child.stop();
    }
  }
}

function summarizeServer(server: Server, byRound: ReadonlyMap<number, Measurement>, bench: Bench): ServerResult {
  const rounds = [...byRound].map(([round, figures]) => ({ round, figures }));
  const summary: Record<string, Summary> = {};
  for (const key of Object.keys(rounds[0]!.figures)) {
    summary[key] = summarize(rounds.map(({ figures }) => figures[key]!));
  }
  return { name: server.name, kind: server.kind, rounds, summary, flags: bench.flags(summary) };
}

/** Each of ours against each peer, over the rounds that both have. */
function ratiosOf(results: readonly ServerResult[], bench: Pick<Bench, "metrics">): Ratio[] {
  const ratios: Ratio[] = [];
  for (const ours of results.filter(({ kind }) => kind === "ours")) {
    for (const peer of results.filter(({ kind }) => kind === "peer")) {
      const pairs = ours.rounds.flatMap(({ round, figures }) => {
        const theirs = peer.rounds.find((other) => other.round === round);
        return theirs === undefined ? [] : [{ ours: figures, theirs: theirs.figures }];
      });
      const figures: Record<string, Summary> = {};
      for (const { key } of bench.metrics.filter(({ compared }) => compared)) {
        const summary = summarizeRatio(
          pairs.map((pair) => pair.ours[key]!),
          pairs.map((pair) => pair.theirs[key]!),
        );
        if (summary !== undefined) figures[key] = summary;
      }
      if (Object.keys(figures).length > 0) ratios.push({ ours: ours.name, peer: peer.name, figures });
    }
  }
  return ratios;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { type Bench, benches } from "./benches.ts";
import { describeEnvironment } from "./environment.ts";
import type { CaseResult, Report, ServerResult } from "./report.ts";
import type { Summary } from "./stats.ts";
import { figure, renderTable } from "./table.ts";

/** From this spread on the machine is called noisy. */
const noisySpread = 0.1;
/** From this share on the wait for a core is told. */
const tellWaitShare = 0.02;

/** The whole report for a terminal. */
export function renderReport(report: Report): string {
  const parts = [describeEnvironment(report.environment)];
  parts.push(
    `${report.options.rounds} interleaved rounds of ${report.options.seconds} s, seed ${report.options.seed}: medians, with min-max where servers are compared`,
  );
  for (const result of report.cases) parts.push(renderCase(result));
  for (const { bench, server, reason } of report.unmeasured) {
    parts.push(`not measured: ${server} in ${bench}: ${reason}`);
  }
  for (const caution of report.cautions) parts.push(`caution: ${caution}`);
  return parts.join("\n\n");
}

/** Sentences about what makes the figures uncertain. */
export function cautionsOf(cases: readonly CaseResult[], rounds: number): string[] {
  const cautions: string[] = [];
  if (rounds === 1) cautions.push("one round has no spread: nothing is known about the noise");
  const rows = cases.flatMap((result) => result.servers.map((server) => ({ result, server })));
  const spreads = rows.flatMap(({ result, server }) =>
    benchOf(result)
      .metrics.filter(({ compared }) => compared)
      .map(({ key }) => server.summary[key]?.spread ?? 0),
  );
  const noisy = spreads.filter((spread) => spread > noisySpread);
  if (noisy.length > 0) {
    const widest = Math.round(Math.max(...noisy) * 100);
    cautions.push(
      `shared or noisy machine: ${noisy.length} of ${spreads.length} figures spread by more than ${noisySpread * 100} %, the widest by ${widest} %`,
    );
  }
  const waits = rows.map(({ server }) => server.summary.serverWaitShare?.max ?? 0);
  const longest = Math.max(0, ...waits);
  if (longest > tellWaitShare) {
    cautions.push(`a server was kept from its core for up to ${Math.round(longest * 100)} % of a run`);
  }
  const bound = rows.filter(({ server }) => server.flags.includes("load-bound"));
  if (bound.length > 0) {
    cautions.push(
      `${bound.length} of ${rows.length} rows are load-bound: there the server could do more; compare CPU, not k/s`,
    );
  }
  return cautions;
}

/** What the table shows of one figure. */
export function cell(summary: Summary | undefined, scale: number, withExtremes: boolean): string {
  if (summary === undefined) return "-";
  const middle = figure(summary.median * scale);
  return withExtremes && summary.min !== summary.max
    ? `${middle} (${figure(summary.min * scale)}-${figure(summary.max * scale)})`
    : middle;
}

export function benchOf(result: Pick<CaseResult, "bench">): Bench {
  return benches.find(({ name }) => name === result.bench)!;
}

function renderCase(result: CaseResult): string {
  const { metrics } = benchOf(result);
  const row = (server: ServerResult): string[] => [
    server.name,
    ...metrics.map(({ key, scale, compared }) => cell(server.summary[key], scale, compared)),
    server.flags.join(", "),
  ];
  const parts = [
    `${result.bench}: ${result.label}`,
    renderTable(["server", ...metrics.map(({ head }) => head), ""], result.servers.map(row)),
  ];
  if (result.ratios.length > 0) {
    const compared = metrics.filter((metric) => metric.compared);
    const rows = result.ratios.map((ratio) => [
      `${ratio.ours} / ${ratio.peer}`,
      ...compared.map(({ key }) => cell(ratio.figures[key], 1, true)),
    ]);
    parts.push("", renderTable(["ratio", ...compared.map(({ head }) => head)], rows));
  }
  return parts.join("\n");
}

import { appendFileSync } from "node:fs";
import { benchOf, cell } from "./output.ts";
import type { CaseResult, Report } from "./report.ts";

/**
 * Appends a row per case and server of ours to the committed table.
 *
 * @returns how many rows were written
 */
export function appendResults(report: Report, path: string): number {
  const rows = report.cases.flatMap((result) => resultRows(result, report));
  if (rows.length > 0) appendFileSync(path, `${rows.join("\n")}\n`);
  return rows.length;
}

/** The rows of one case, as bench/RESULTS.md explains them; none where ours was not measured. */
export function resultRows(result: CaseResult, report: Report): string[] {
  const metrics = benchOf(result).metrics.filter(({ compared }) => compared);
  const figures = (server: CaseResult["servers"][number]): string => {
    const values = metrics.map(({ key, scale }) => cell(server.summary[key], scale, true)).join(" / ");
    return `${server.name} ${values}${server.flags.length > 0 ? ` [${server.flags.join(", ")}]` : ""}`;
  };
  const peers = result.servers.filter(({ kind }) => kind === "peer").map(figures);
  return result.servers
    .filter(({ kind }) => kind === "ours")
    .map((ours) => {
      const ratios = result.ratios
        .filter((ratio) => ratio.ours === ours.name)
        .map((ratio) => `${ratio.peer} ${metrics.map(({ key }) => cell(ratio.figures[key], 1, true)).join(" / ")}`);
      const { environment, options } = report;
      const cells = [
        environment.date.slice(0, 10),
        environment.kernel,
        environment.node,
        `${result.bench}: ${result.label}; ${options.rounds} x ${options.seconds} s`,
        figures(ours),
        peers.join("; "),
        ratios.join("; "),
      ];
      return `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
    });
}

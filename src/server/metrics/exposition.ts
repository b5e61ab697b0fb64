/** Prometheus's text format, version 0.0.4: what a metric is, how it is written, nothing of what it measures. */
import type { HistogramValues } from "../histograms.ts";

/** What the answer to a scrape says it is. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What may become of a figure: a counter only grows, a gauge is as it is, a histogram counts values by their size. */
export type MetricType = "counter" | "gauge" | "histogram";

/** One figure, under the labels that tell it from its like. */
export interface Sample {
  /** As {@link formatLabels} gives them; empty for none. They are many times the same, so they are written once. */
  readonly labels: string;
  readonly value: number | HistogramValues;
}

/** All figures of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  /** One line for people. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Labels as they stand between braces: `a="b",c="d"`. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`)
    .join(",");
}

/** The text of a scrape. Families without samples are left out; samples with the same labels are added. */
export function formatFamilies(families: Iterable<MetricFamily>): string {
  let text = "";
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`;
    const lines = new Map<string, number>();
    for (const { labels, value } of samples) {
      if (typeof value === "number") addLine(lines, name, labels, value);
      else addHistogram(lines, name, labels, value);
    }
    for (const [series, value] of lines) text += `${series} ${formatValue(value)}\n`;
  }
  return text;
}

function addHistogram(
  lines: Map<string, number>,
  name: string,
  labels: string,
  { bounds, cumulative, sumSeconds }: HistogramValues,
): void {
  const count = cumulative.at(-1) ?? 0;
  const others = labels === "" ? "" : `${labels},`;
  bounds.forEach((bound, at) => {
    addLine(lines, `${name}_bucket`, `${others}le="${formatValue(bound)}"`, cumulative[at] ?? 0);
  });
  addLine(lines, `${name}_bucket`, `${others}le="+Inf"`, count);
  addLine(lines, `${name}_sum`, labels, sumSeconds);
  addLine(lines, `${name}_count`, labels, count);
}

function addLine(lines: Map<string, number>, name: string, labels: string, value: number): void {
  const series = labels === "" ? name : `${name}{${labels}}`;
  lines.set(series, (lines.get(series) ?? 0) + value);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

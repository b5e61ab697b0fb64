/** Measurements as text: a table, and bars. */
import { type Column, formatBytes, formatTable } from "../../table.ts";
import { isMeasured, type Measured, type Point } from "./result.ts";

const BAR_WIDTH = 44;
/** Parts of a block, from none to seven eighths. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

const COLUMNS: readonly Column[] = [
  { title: "CONNECTIONS", align: "right" },
  { title: "SERVER" },
  { title: "REQUESTS/S", align: "right" },
  { title: "CPU us/REQUEST", align: "right" },
  { title: "p50 us", align: "right" },
  { title: "p99 us", align: "right" },
  { title: "p99.9 us", align: "right" },
  { title: "MEMORY EACH", align: "right" },
  { title: "CONNECTIONS/S", align: "right" },
];

/** A table of what was measured, and below it why the rest was not. */
export function formatPoints(points: readonly Point[]): string[] {
  const measured = points.filter(isMeasured).sort((a, b) => a.connections - b.connections);
  const reasons = new Map<string, number[]>();
  for (const point of points) {
    if (isMeasured(point)) continue;
    const key = `${point.subject}: not measured: ${point.notMeasured}`;
    reasons.set(key, [...(reasons.get(key) ?? []), point.connections]);
  }
  return [
    ...(measured.length === 0 ? [] : formatTable(COLUMNS, measured.map(toRow))),
    ...(reasons.size === 0 ? [] : [""]),
    ...[...reasons].map(([reason, counts]) => `${reason} (at ${counts.map(grouped).join(", ")})`),
  ];
}

/** Bars of the server's processor time for each request, cheapest first, for each number of connections. */
export function plotPoints(points: readonly Point[]): string[] {
  const known = points.filter(isMeasured).filter(({ cpuUsPerRequest }) => cpuUsPerRequest !== null);
  const counts = [...new Set(known.map(({ connections }) => connections))].sort((a, b) => a - b);
  return counts.flatMap((count) => {
    const rows = known.filter(({ connections }) => connections === count).sort((a, b) => cost(a) - cost(b));
    const most = Math.max(...rows.map(cost));
    const width = Math.max(...rows.map(({ subject }) => subject.length));
    return [
      "",
      `Processor time for each request at ${grouped(count)} ${count === 1 ? "connection" : "connections"}, in microseconds`,
      ...rows.map((row) => `${row.subject.padEnd(width)} ${bar(cost(row) / most)} ${cost(row).toFixed(2)}`),
    ];
  });
}

function toRow(point: Measured): string[] {
  const { connections, subject, requestsPerSecond, cpuUsPerRequest, bytesPerConnection } = point;
  return [
    grouped(connections),
    subject,
    grouped(requestsPerSecond),
    cpuUsPerRequest === null ? "unknown" : cpuUsPerRequest.toFixed(2),
    point.p50Us.toFixed(0),
    point.p99Us.toFixed(0),
    point.p999Us.toFixed(0),
    bytesPerConnection === null ? "unknown" : formatBytes(Math.max(0, bytesPerConnection)),
    point.connectionsPerSecond < 10 ? point.connectionsPerSecond.toFixed(1) : grouped(point.connectionsPerSecond),
  ];
}

function cost({ cpuUsPerRequest }: Measured): number {
  return cpuUsPerRequest ?? 0;
}

function bar(part: number): string {
  const eighths = Math.max(1, Math.round(part * BAR_WIDTH * 8));
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] as string);
}

/** `12,345`: digits in groups of three. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

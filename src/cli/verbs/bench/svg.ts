/** Measurements as a picture: how each server fares as connections become many. */
import { grouped } from "./report.ts";
import { isMeasured, type Measured, type Point } from "./result.ts";

interface Panel {
  readonly title: string;
  value(point: Measured): number | null;
}

const PANELS: readonly Panel[] = [
  { title: "Processor time of the server for each request, microseconds", value: (point) => point.cpuUsPerRequest },
  { title: "Requests a second", value: (point) => point.requestsPerSecond },
  { title: "Latency, p99, microseconds", value: (point) => point.p99Us },
  { title: "Connections opened, used once and closed in a second", value: (point) => point.connectionsPerSecond },
  { title: "Memory of the server for each connection, bytes", value: (point) => point.bytesPerConnection },
];

const WIDTH = 1040;
const PANEL_HEIGHT = 320;
const TOP = 84;
const LEFT = 84;
const PLOT_WIDTH = 760;
const PLOT_HEIGHT = 220;
const LEGEND_AT = LEFT + PLOT_WIDTH + 36;
const LEGEND_STEP = 20;
/** Told apart by people who do not see red and green, and by their marks as well. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#5b3a8c", "#444444"] as const;
const MARKS = 5;
const DASHES = ["", "7 4", "2 3"] as const;

/** The picture as one SVG document. @param subtitle where and how it was measured. */
export function drawSvg(points: readonly Point[], subtitle: string): string {
  const measured = points.filter(isMeasured);
  const counts = [...new Set(measured.map(({ connections }) => connections))].sort((a, b) => a - b);
  const names = [...new Set(measured.map(({ subject }) => subject))];
  const height = TOP + PANELS.length * PANEL_HEIGHT;
  const parts = PANELS.map((panel, at) => drawPanel(panel, TOP + at * PANEL_HEIGHT, { measured, counts, names }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    ` font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 34, "The same echo under every design", { size: 20, weight: "bold" }),
    text(LEFT, 56, subtitle, { fill: "#555555" }),
    ...names.map((name, at) => drawLegend(name, at)),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

interface Data {
  readonly measured: readonly Measured[];
  readonly counts: readonly number[];
  readonly names: readonly string[];
}

function drawPanel(panel: Panel, top: number, { measured, counts, names }: Data): string {
  const values = measured.map((point) => panel.value(point)).filter((value): value is number => (value ?? 0) > 0);
  if (values.length === 0) return text(LEFT, top + 16, `${panel.title}: not measured`, {});
  const ticks = logTicks(Math.min(...values), Math.max(...values));
  const [low = 1, high = 10] = [ticks[0], ticks.at(-1)];
  const plotTop = top + 30;
  const bottom = plotTop + PLOT_HEIGHT;
  const x = (count: number): number => LEFT + ((counts.indexOf(count) + 0.5) / counts.length) * PLOT_WIDTH;
  const y = (value: number): number => bottom - (Math.log(value / low) / Math.log(high / low)) * PLOT_HEIGHT;
  const lines = names.map((name, at) => {
    const places = measured
      .filter(({ subject }) => subject === name)
      .sort((a, b) => a.connections - b.connections)
      .map((point) => [point.connections, panel.value(point)] as const)
      .filter((place): place is readonly [number, number] => (place[1] ?? 0) > 0)
      .map(([count, value]) => [x(count), y(value)] as const);
    const path = places.map(([px, py]) => `${round(px)},${round(py)}`).join(" ");
    const line = `<polyline points="${path}" fill="none" ${stroke(at)}/>`;
    return [line, ...places.map(([px, py]) => mark(px, py, at))].join("\n");
  });
  return [
    text(LEFT, top + 16, panel.title, { weight: "bold" }),
    ...ticks.flatMap((tick) => [
      `<line x1="${LEFT}" x2="${LEFT + PLOT_WIDTH}" y1="${round(y(tick))}" y2="${round(y(tick))}" stroke="#dddddd"/>`,
      text(LEFT - 8, y(tick) + 4, tick < 1 ? `${tick}` : grouped(tick), { anchor: "end" }),
    ]),
    ...counts.map((count) => text(x(count), bottom + 20, grouped(count), { anchor: "middle" })),
    text(LEFT + PLOT_WIDTH, bottom + 38, "connections", { anchor: "end", fill: "#555555" }),
    ...lines,
  ].join("\n");
}

function drawLegend(name: string, at: number): string {
  const y = TOP + 40 + at * LEGEND_STEP;
  return [
    `<line x1="${LEGEND_AT}" x2="${LEGEND_AT + 34}" y1="${y}" y2="${y}" ${stroke(at)}/>`,
    mark(LEGEND_AT + 17, y, at),
    text(LEGEND_AT + 42, y + 4, name, {}),
  ].join("\n");
}

/** 1, 2 and 5 times powers of ten, from just below the least to just above the most. */
export function logTicks(least: number, most: number): number[] {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power += 1) {
    for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${power}`));
  }
  const from = Math.max(
    0,
    all.findLastIndex((tick) => tick <= least),
  );
  const to = all.findIndex((tick) => tick > most);
  const ticks = all.slice(from, to < 0 ? undefined : to + 1);
  // Over many powers the ones alone are enough to read.
  return ticks.length <= 9
    ? ticks
    : ticks.filter((tick, at) => at === 0 || at === ticks.length - 1 || /^[1-9]?(?:0\.0*)?10*$/.test(`${tick}`));
}

function stroke(at: number): string {
  const dash = DASHES[Math.floor(at / COLOURS.length) % DASHES.length] as string;
  return `stroke="${COLOURS[at % COLOURS.length]}" stroke-width="2"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}`;
}

/** A mark of one of five shapes: with eight colours no two servers look the same, those with a single point included. */
function mark(x: number, y: number, at: number): string {
  const fill = `fill="${COLOURS[at % COLOURS.length]}"`;
  const [px, py] = [round(x), round(y)];
  switch (at % MARKS) {
    case 0:
      return `<circle cx="${px}" cy="${py}" r="4" ${fill}/>`;
    case 1:
      return `<rect x="${round(x - 4)}" y="${round(y - 4)}" width="8" height="8" ${fill}/>`;
    case 2:
      return `<path d="M${px} ${round(y - 5)}l5 9h-10z" ${fill}/>`;
    case 3:
      return `<path d="M${px} ${round(y - 5)}l5 5l-5 5l-5 -5z" ${fill}/>`;
    default:
      return `<path d="M${round(x - 4)} ${round(y - 4)}l8 8m0 -8l-8 8" ${stroke(at)}/>`;
  }
}

interface TextStyle {
  readonly anchor?: "end" | "middle";
  readonly fill?: string;
  readonly size?: number;
  readonly weight?: "bold";
}

function text(x: number, y: number, words: string, { anchor, fill, size, weight }: TextStyle): string {
  const style = [
    anchor === undefined ? "" : ` text-anchor="${anchor}"`,
    fill === undefined ? "" : ` fill="${fill}"`,
    size === undefined ? "" : ` font-size="${size}"`,
    weight === undefined ? "" : ` font-weight="${weight}"`,
  ].join("");
  return `<text x="${round(x)}" y="${round(y)}"${style}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

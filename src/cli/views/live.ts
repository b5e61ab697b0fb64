/** Counters in place, on a terminal: the last lines of the screen are drawn anew again and again. */
import type { CounterValues, MetricsEndpoint, ServerEvent } from "../../server/index.ts";
import type { Context } from "../context.ts";
import type { Fleet, Member, Plan } from "../fleet.ts";
import { type Column, formatBytes, formatTable, plural, shorten } from "../table.ts";
import { faults, isDatagram, type View } from "./view.ts";
import { welcome } from "./welcome.ts";

/** Of sizes up to `1023 KiB`: the table keeps its shape while they grow. */
const BYTES_WIDTH = 8;

const COLUMNS: readonly Column[] = [
  { title: "SERVICE" },
  { title: "ENDPOINT" },
  { title: "OPEN", align: "right" },
  { title: "SERVED", align: "right" },
  { title: "IN", align: "right", minWidth: BYTES_WIDTH },
  { title: "OUT", align: "right", minWidth: BYTES_WIDTH },
  { title: "ERRORS", align: "right" },
];

/** An endpoint is not cut shorter than this. */
const MIN_ENDPOINT_WIDTH = 12;

export class LiveView implements View {
  readonly intervalMs = 250;
  readonly #context: Context;
  readonly #self: string;
  #fleet: Fleet | undefined;
  #drawn: readonly string[] = [];
  #isQuiet = false;

  constructor(context: Context, self: string) {
    this.#context = context;
    this.#self = self;
  }

  started(fleet: Fleet, metrics: MetricsEndpoint | undefined): void {
    this.#fleet = fleet;
    const { out, colours } = this.#context;
    for (const line of welcome(fleet, metrics, this.#self, colours)) out.line(line);
    out.line();
    this.tick();
  }

  skipped(_plan: Plan, error: Error): void {
    this.#above(this.#context.colours.yellow(`portolan: ${error.message}; going on without it`));
  }

  trouble({ entry, listen }: Plan, { where, message }: ServerEvent): void {
    this.#above(this.#context.colours.yellow(`${entry.name} at ${listen}: ${where}: ${message}`));
  }

  tick(): void {
    if (this.#fleet !== undefined && !this.#isQuiet) this.#draw(this.#table(this.#fleet));
  }

  reloading(): void {
    this.#above("Reloading: a new process is started.");
  }

  reloadFailed(why: string): void {
    const who = `process ${process.pid} goes on`;
    this.#above(this.#context.colours.yellow(`Nothing was reloaded, ${who}: ${why}`));
  }

  stopping(graceMs: number, successor: number | undefined): void {
    this.#clearEcho();
    if (successor !== undefined) {
      // The terminal is that one's from now on.
      this.#isQuiet = true;
      return;
    }
    const active = this.#fleet?.totals().active ?? 0;
    if (active === 0 || graceMs === 0) return;
    const who = plural(active, "connection");
    this.#above(`Stopping: ${who} may go on for ${graceMs / 1000} s; Ctrl-C again ends at once.`);
  }

  stopped(): void {
    if (this.#isQuiet) return;
    this.tick();
    this.#context.out.line("Stopped.");
  }

  #table({ members }: Fleet): string[] {
    const { rows, columns } = this.#context.out;
    const counted = members.map((member) => [member, member.server.counters()] as const);
    // Titles and the cursor's line take one each, and so may the line about the rest.
    const room = Math.max(1, rows - 3);
    const shown = counted.length <= room ? counted : busiest(counted, room);
    const cells = shown.map(([member, counters]) => cellsOf(member, counters));
    const table = fitted(cells, columns);
    const hidden = counted.length - shown.length;
    if (hidden > 0) table.push(`… and ${plural(hidden, "quieter endpoint")}`);
    const [titles = "", ...lines] = table;
    return [this.#context.colours.dim(titles), ...lines];
  }

  /** Writes lines over those drawn before, if they differ. */
  #draw(lines: readonly string[]): void {
    if (lines.join("\n") !== this.#drawn.join("\n")) this.#replace(lines);
  }

  /**
   * Takes the drawn lines away and writes others. ECMA-48: CPL goes up to the first, ED clears from there. In one
   * write, so that the echo of a Ctrl-C finds the cursor below the table and not in its midst.
   */
  #replace(lines: readonly string[], above = ""): void {
    const erase = this.#drawn.length > 0 ? `\x1b[${this.#drawn.length}F\x1b[J` : "";
    this.#context.out.write(`${erase}${above}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines;
  }

  /** Terminals show the Ctrl-C that was typed, where the cursor is. ECMA-48: EL clears the line from there. */
  #clearEcho(): void {
    this.#context.out.write("\r\x1b[K");
  }

  /** A line that stays, above the table. */
  #above(line: string): void {
    this.#replace(this.#fleet === undefined ? [] : this.#table(this.#fleet), `${line}\n`);
  }
}

function cellsOf(member: Member, counters: CounterValues): string[] {
  const { entry, server } = member;
  return [
    entry.name,
    server.endpoint,
    isDatagram(member) ? "-" : String(counters.active),
    String(isDatagram(member) ? counters.datagramsIn : counters.accepted),
    formatBytes(counters.bytesIn),
    formatBytes(counters.bytesOut),
    String(faults(counters)),
  ];
}

/** A table no wider than the terminal: a line that wraps could not be drawn over. Endpoints give way first. */
function fitted(rows: readonly string[][], columns: number): string[] {
  const excess = Math.max(...formatTable(COLUMNS, rows).map((line) => line.length)) - (columns - 1);
  if (excess <= 0) return formatTable(COLUMNS, rows);
  const widest = Math.max(...rows.map((cells) => cells[1]?.length ?? 0));
  const width = Math.max(MIN_ENDPOINT_WIDTH, widest - excess);
  const narrower = rows.map(([name = "", endpoint = "", ...rest]) => [name, shorten(endpoint, width), ...rest]);
  return formatTable(COLUMNS, narrower).map((line) => line.slice(0, Math.max(1, columns - 1)));
}

/** The members with most to tell, in their own order. */
function busiest(
  counted: readonly (readonly [Member, CounterValues])[],
  count: number,
): (readonly [Member, CounterValues])[] {
  const activity = (counters: CounterValues): number => counters.bytesIn + counters.bytesOut + counters.accepted;
  const chosen = new Set([...counted].sort((a, b) => activity(b[1]) - activity(a[1])).slice(0, count));
  return counted.filter((row) => chosen.has(row));
}

/** Plain lines, for a log or a pipe: endpoints first, then a line where something has changed. */
import type { MetricsEndpoint, ServerEvent } from "../../server/index.ts";
import type { Context } from "../context.ts";
import type { Fleet, Plan } from "../fleet.ts";
import { plural } from "../table.ts";
import { Changes, describeCounters, type View } from "./view.ts";
import { welcome } from "./welcome.ts";

export class LinesView implements View {
  readonly intervalMs = 1000;
  readonly #context: Context;
  readonly #self: string;
  readonly #changes = new Changes();
  #fleet: Fleet | undefined;

  constructor(context: Context, self: string) {
    this.#context = context;
    this.#self = self;
  }

  started(fleet: Fleet, metrics: MetricsEndpoint | undefined): void {
    this.#fleet = fleet;
    for (const line of welcome(fleet, metrics, this.#self, this.#context.colours)) this.#context.out.line(line);
  }

  skipped(_plan: Plan, error: Error): void {
    this.#context.err.line(`portolan: ${error.message}; going on without it`);
  }

  trouble({ entry, listen }: Plan, { where, message }: ServerEvent): void {
    this.#context.err.line(`portolan: ${entry.name} at ${listen}: ${where}: ${message}`);
  }

  tick(): void {
    for (const [member, counters] of this.#changes.take(this.#fleet?.members ?? [])) {
      const { entry, server } = member;
      this.#context.out.line(`${entry.name} ${server.endpoint}: ${describeCounters(member, counters)}`);
    }
  }

  reloading(): void {
    this.#context.out.line("reloading: a new process is started");
  }

  reloadFailed(why: string): void {
    this.#context.err.line(`portolan: nothing was reloaded, process ${process.pid} goes on: ${why}`);
  }

  stopping(graceMs: number, successor: number | undefined): void {
    if (successor !== undefined) this.#context.out.line(`reloaded: process ${successor} has taken over`);
    const active = this.#fleet?.totals().active ?? 0;
    if (active === 0 || graceMs === 0) return;
    const who = plural(active, "connection");
    this.#context.out.line(`stopping: ${who} may go on for ${graceMs / 1000} s; Ctrl-C again ends at once`);
  }

  stopped(): void {
    this.tick();
    this.#context.out.line("stopped");
  }
}

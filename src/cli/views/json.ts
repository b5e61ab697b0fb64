/** One JSON object a line: `listening` for each endpoint, `counters` where they have changed, at last `stopped`. */
import type { MetricsEndpoint, ServerEvent } from "../../server/index.ts";
import { trialCommands } from "../../service/index.ts";
import type { Fleet, Plan } from "../fleet.ts";
import { metricsEvent } from "../metrics.ts";
import type { Output } from "../output.ts";
import { isInstalled, pasteable } from "../self-command.ts";
import { Changes, type View } from "./view.ts";

export class JsonView implements View {
  readonly intervalMs = 1000;
  readonly #out: Output;
  readonly #self: string;
  readonly #changes = new Changes();
  #fleet: Fleet | undefined;

  constructor(out: Output, self: string) {
    this.#out = out;
    this.#self = self;
  }

  started(fleet: Fleet, metrics: MetricsEndpoint | undefined): void {
    this.#fleet = fleet;
    for (const { entry, server } of fleet.members) {
      const { design, endpoint } = server;
      const trials = trialCommands(entry, endpoint).map(({ program, command }) => ({
        program,
        command: pasteable(command, this.#self),
        installed: isInstalled(program),
      }));
      const service = entry.name;
      this.#out.json({ event: "listening", service, design, endpoint, pid: process.pid, try: trials });
    }
    if (metrics === undefined) return;
    this.#out.json(metricsEvent(metrics));
  }

  skipped({ entry, listen }: Plan, error: Error): void {
    this.#out.json({ event: "skipped", service: entry.name, endpoint: listen, message: error.message });
  }

  trouble({ entry, listen }: Plan, event: ServerEvent): void {
    this.#out.json({ event: "trouble", service: entry.name, endpoint: listen, ...event });
  }

  tick(): void {
    for (const [{ entry, server }, counters] of this.#changes.take(this.#fleet?.members ?? [])) {
      this.#out.json({ event: "counters", service: entry.name, endpoint: server.endpoint, ...counters });
    }
  }

  reloading(): void {
    this.#out.json({ event: "reloading", pid: process.pid });
  }

  reloadFailed(why: string): void {
    this.#out.json({ event: "reload failed", pid: process.pid, message: why });
  }

  stopping(graceMs: number, successor: number | undefined): void {
    const by = successor === undefined ? {} : { successor };
    this.#out.json({ event: "stopping", pid: process.pid, active: this.#fleet?.totals().active ?? 0, graceMs, ...by });
  }

  stopped(): void {
    this.tick();
    this.#out.json({ event: "stopped", pid: process.pid, ...this.#fleet?.totals() });
  }
}

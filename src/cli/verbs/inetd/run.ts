/** `portolan inetd --config FILE`: the super-server, from its start through changes of its configuration to its end. */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { type ConfigProblem, type Inetd, type LogRecord, stamp, startInetd } from "../../../inetd/index.ts";
import type { MetricsEndpoint } from "../../../server/index.ts";
import { EXIT } from "../../../service/index.ts";
import { activatedSockets } from "../../../socket/index.ts";
import { Failure, usage } from "../../failure.ts";
import { metricsEvent, startMetrics, tryMetrics } from "../../metrics.ts";
import { addMetricsOption } from "../../metrics-option.ts";
import { addExamples, addGraceOption, addJsonOption } from "../../options.ts";
import { packagedFile } from "../../self-command.ts";
import { HangUps } from "../../succession/hang-ups.ts";
import { formatTable, plural } from "../../table.ts";
import type { VerbSetup } from "../../verbs.ts";
import { describeProblem, readConfiguration } from "./configuration.ts";

interface Flags {
  readonly config?: string;
  readonly grace: number;
  readonly json?: true;
  readonly metrics?: string;
  readonly pidFile?: string;
}

export function defineRun(command: Command, { context, self }: VerbSetup): void {
  // What comes with the package, to try.
  const sample = packagedFile("share/xinetd.conf");
  command
    .description(
      "Listens for every service of a configuration, and starts what answers when somebody comes. SIGHUP makes it read " +
        "the configuration again: sockets of services that stay are kept, so that nobody is turned away.",
    )
    .usage("--config <file> [options]")
    .option("--config <file>", "inetd.conf, xinetd.conf or YAML")
    .option("--pid-file <file>", "write the process's number there, for portolan inetd reload");
  addMetricsOption(command);
  addGraceOption(command);
  addJsonOption(command);
  addExamples(command, self, [
    [`portolan inetd --config ${sample}`, "services to try, without any privilege; the log is shown"],
    [`portolan inetd --config ${sample} --pid-file /tmp/inetd.pid`, "in one terminal"],
    ["portolan inetd reload --pid-file /tmp/inetd.pid", "in another, after a change of the configuration"],
    [`portolan inetd --config ${sample} --metrics 9464`, "with metrics for Prometheus"],
    [`portolan inetd check ${sample}`, "what is wrong with a configuration"],
  ]);
  command.action(async (flags: Flags) => {
    if (flags.config === undefined) throw usage("which configuration? --config FILE; --help names one to begin with");
    const { signal } = context.stopSignals();
    const hangUps = new HangUps(context);
    const show = flags.json === true ? new JsonShow(context) : new TextShow(context);
    const runner = new Running(flags.config, show);
    await using _metrics = flags.metrics === undefined ? undefined : await runner.measure(flags.metrics);
    await runner.start(hangUps);
    try {
      if (flags.pidFile !== undefined) writePid(flags.pidFile);
      await runner.until(signal);
    } finally {
      if (flags.pidFile !== undefined) removePid(flags.pidFile);
      await runner.stop(flags.grace);
    }
  });
}

/** `portolan inetd reload`: the wish that a super-server read its configuration again. */
export function defineReload(command: Command, { context, self }: VerbSetup): void {
  command
    .summary("make a super-server that runs read its configuration again")
    .description(
      "Sends SIGHUP to the super-server that wrote the file. Its log tells what was changed, or what is wrong.",
    )
    .requiredOption("--pid-file <file>", "what the super-server was started with");
  addExamples(command, self, [["portolan inetd reload --pid-file /tmp/inetd.pid", "as its --pid-file says"]]);
  command.action(({ pidFile }: { readonly pidFile: string }) => {
    const pid = readPid(pidFile);
    process.kill(pid, "SIGHUP");
    context.out.line(`process ${pid} reads its configuration again`);
  });
}

type Context = VerbSetup["context"];

/** A super-server with its configuration's file. */
class Running {
  readonly #path: string;
  readonly #show: Show;
  #inetd: Inetd | undefined;
  #metrics: MetricsEndpoint | undefined;
  #isStopping = false;

  constructor(path: string, show: Show) {
    this.#path = path;
    this.#show = show;
  }

  /**
   * Lets metrics be read there, before anybody is served: where that cannot be, nobody is to be turned away by the end.
   * @throws Failure
   */
  async measure(listen: string): Promise<MetricsEndpoint> {
    const told = { servers: () => this.#inetd?.servers ?? [], others: () => this.#inetd?.metrics() ?? [] };
    this.#metrics = await startMetrics(listen, told, undefined);
    return this.#metrics;
  }

  /** @throws Failure where the file cannot be read, or nothing of it can be served. */
  async start(hangUps: HangUps): Promise<void> {
    // Heard early and to the end: what nobody hears ends the process, and what it made is left behind.
    process.on("SIGUSR2", () => this.#inetd && this.#show.services(this.#inetd));
    const { config, problems } = readConfiguration(this.#path);
    this.#inetd = await startInetd(config, {
      activated: activatedSockets(),
      record: (record) => this.#show.record(record),
      line: (line) => this.#show.line(line),
      complain: (message) => this.#show.complain(message),
    });
    const all = [...problems, ...untold(this.#inetd.problems, problems)];
    this.#show.problems(all);
    if (this.#inetd.services.length === 0) {
      await this.#inetd.stop();
      const errors = all.filter(({ severity }) => severity === "error").length;
      const why = errors > 0 ? plural(errors, "error") : "it has none, or all are disabled";
      throw new Failure(EXIT.CONFIG, `${this.#path}: there is no service to serve: ${why}`);
    }
    this.#show.services(this.#inetd);
    if (this.#metrics !== undefined) this.#show.metrics(this.#metrics);
    hangUps.onEach(() => void this.#reload());
  }

  /** Waits for the signal. */
  until(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** A configuration with an error is not taken: what runs is better than what was mistyped. */
  async #reload(): Promise<void> {
    if (this.#isStopping) return;
    try {
      const { config, problems } = readConfiguration(this.#path);
      this.#show.problems(problems);
      if (problems.some(({ severity }) => severity === "error")) {
        this.#show.complain("the configuration is not taken; everything goes on as it was");
        return;
      }
      const result = await (this.#inetd as Inetd).reload(config);
      this.#show.problems(untold(result.problems, problems));
      this.#show.reloaded(result);
    } catch (error) {
      this.#show.complain((error as Error).message);
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const running = this.#inetd?.services.reduce((sum, service) => sum + service.running, 0) ?? 0;
    this.#show.stopping(running, graceMs);
    await this.#inetd?.stop({ graceMs });
    this.#show.stopped();
  }
}

/** What the start found that reading had not. */
function untold(found: readonly ConfigProblem[], told: readonly ConfigProblem[]): ConfigProblem[] {
  const messages = new Set(told.map(({ message }) => message));
  return found.filter(({ message }) => !messages.has(message));
}

type Reloaded = Awaited<ReturnType<Inetd["reload"]>>;

/** What the user sees. */
interface Show {
  complain(message: string): void;
  line(line: string): void;
  metrics(endpoint: MetricsEndpoint): void;
  problems(problems: readonly ConfigProblem[]): void;
  record(record: LogRecord): void;
  reloaded(result: Reloaded): void;
  services(inetd: Inetd): void;
  stopping(running: number, graceMs: number): void;
  stopped(): void;
}

type Services = Inetd["services"];

function answers({ serves, wait, listen }: Services[number]["service"]): string {
  if (serves.kind === "redirect") return `redirect to ${serves.endpoint}`;
  if (serves.kind === "builtin") return `built-in ${serves.service}`;
  const how = wait ? ", which has the socket" : listen.type === "dgram" ? " for each datagram" : "";
  return serves.path + how;
}

class TextShow implements Show {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  complain(message: string): void {
    this.#context.err.line(`portolan inetd: ${message}`);
  }

  line(line: string): void {
    this.#context.out.line(`${stamp(new Date())}: ${line}`);
  }

  metrics(endpoint: MetricsEndpoint): void {
    const { out, colours } = this.#context;
    const { command, installed } = tryMetrics(endpoint);
    out.line(`metrics for Prometheus at ${colours.green(endpoint.url ?? endpoint.endpoint)}`);
    if (installed) out.line(`      ${command}`);
  }

  problems(problems: readonly ConfigProblem[]): void {
    const { err, errColours } = this.#context;
    for (const problem of problems) {
      const text = describeProblem(problem);
      err.line(problem.severity === "error" ? errColours.red(text) : text);
    }
  }

  record(): void {
    // What a service wants on record comes as a line.
  }

  reloaded({ added, kept, removed }: Reloaded): void {
    const parts = [`${kept.length} kept`, ...named("added", added), ...named("removed", removed)];
    this.line(`reloaded: ${parts.join("; ")}`);
  }

  services({ services }: Inetd): void {
    const { out, colours } = this.#context;
    const columns = [
      { title: "SERVICE" },
      { title: "LISTENS AT" },
      { title: "STATE" },
      { title: "NOW/MOST" },
      { title: "ANSWERS" },
    ];
    const rows = services.map(({ service, endpoint, state, running }) => [
      service.id,
      endpoint,
      state,
      `${running}/${service.limits.instances}`,
      answers(service),
    ]);
    const [titles = "", ...lines] = formatTable(columns, rows);
    for (const line of [colours.dim(titles), ...lines]) out.line(line);
  }

  stopping(running: number, graceMs: number): void {
    if (running === 0 || graceMs === 0) return;
    this.#context.out.line(`stopping: ${running} may go on for ${graceMs / 1000} s; Ctrl-C again ends at once`);
  }

  stopped(): void {
    this.#context.out.line("stopped");
  }
}

function named(what: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : [`${what}: ${ids.join(", ")}`];
}

class JsonShow implements Show {
  readonly #out: Context["out"];

  constructor({ out }: Context) {
    this.#out = out;
  }

  complain(message: string): void {
    this.#out.json({ event: "trouble", message });
  }

  line(): void {
    // The record says more.
  }

  metrics(endpoint: MetricsEndpoint): void {
    this.#out.json(metricsEvent(endpoint));
  }

  problems(problems: readonly ConfigProblem[]): void {
    for (const { origin, severity, message, cure } of problems) {
      this.#out.json({ event: "problem", ...origin, severity, message, cure });
    }
  }

  record({ entry, id, ...fields }: LogRecord): void {
    this.#out.json({ event: entry.toLowerCase(), service: id, time: new Date().toISOString(), ...fields });
  }

  reloaded({ added, kept, removed }: Reloaded): void {
    this.#out.json({ event: "reloaded", added, kept, removed });
  }

  services({ services }: Inetd): void {
    for (const { service, endpoint, state, running, started, refused } of services) {
      const counts = { state, running, started, refused };
      this.#out.json({ event: "listening", service: service.id, endpoint, answers: answers(service), ...counts });
    }
  }

  stopping(): void {
    // `exit` events tell of each.
  }

  stopped(): void {
    this.#out.json({ event: "stopped" });
  }
}

function writePid(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    throw new Failure(EXIT.IOERR, `--pid-file: ${(error as Error).message}`, { cause: error });
  }
}

/** Unless another has written itself there meanwhile. */
function removePid(path: string): void {
  try {
    if (readPid(path) === process.pid) unlinkSync(path);
  } catch {
    // Gone already.
  }
}

/** @throws Failure where the file names no process that runs. */
function readPid(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new Failure(EXIT.NOINPUT, `--pid-file: ${(error as Error).message}`, { cause: error });
  }
  const pid = Number(text);
  if (!/^\d{1,9}$/.test(text) || pid < 2) throw new Failure(EXIT.DATAERR, `${path} has no process's number`);
  try {
    process.kill(pid, 0);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "EPERM" ? "is another user's" : "does not run";
    throw new Failure(EXIT.UNAVAILABLE, `the process ${pid} of ${path} ${why}`, { cause: error });
  }
  return pid;
}

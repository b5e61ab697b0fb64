/** The super-server: services from their configuration to their end, and through changes of it. */
import type { MetricFamily, Server } from "../../server/index.ts";
import type { ActivatedSocket, Socket } from "../../socket/index.ts";
import type { ConfigProblem, InetdConfig, InetdService } from "../model.ts";
import { checkAccess } from "./access.ts";
import { BuiltInConnections, BuiltInDatagrams, DesignedService } from "./builtin.ts";
import { DatagramPrograms } from "./datagram-nowait.ts";
import { Gate, SharedGate } from "./gate.ts";
import { type AccessCheck, type Host, type PreparedService, ServiceProblem } from "./host.ts";
import { type LogRecord, lineFor } from "./log.ts";
import { Logs } from "./logs.ts";
import { familiesOf } from "./metrics.ts";
import { prepareService } from "./prepare.ts";
import { RedirectedConnections } from "./redirect.ts";
import type { Runner, RunnerState } from "./runner.ts";
import { adjustSocket, closeSocket, endpointOf, openSocket, socketKey } from "./sockets.ts";
import { ProgramConnections } from "./stream-nowait.ts";
import { Tally } from "./tally.ts";
import { WaitRunner } from "./wait.ts";

/** What {@link startInetd} may be told beside the configuration. */
export interface InetdOptions {
  /** Sockets that this process was started with: what `activatedSockets()` gave. They are the super-server's from now on. */
  readonly activated?: readonly ActivatedSocket[] | undefined;
  /** Told of every record, whether or not the service wants it in its log. */
  readonly record?: ((record: LogRecord) => void) | undefined;
  /** Told of each line that is put on record, wherever it goes; standard error has none then. */
  readonly line?: ((line: string) => void) | undefined;
  /** Told of what concerns no service, such as a log that is full. Standard error by default. */
  readonly complain?: ((message: string) => void) | undefined;
  /** Whether a peer may use a service now, in place of what the configuration says of addresses and times. */
  readonly access?: AccessCheck | undefined;
}

/** One service, as it is now. */
export interface ServiceStatus {
  readonly service: InetdService;
  /** Where it listens: what the kernel bound. */
  readonly endpoint: string;
  readonly state: RunnerState;
  /** Programs and connections that go on. */
  readonly running: number;
  readonly started: number;
  readonly refused: number;
}

/** What a reload has done, by the ids of services. */
export interface ReloadResult {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Their sockets were kept, and nobody was turned away. */
  readonly kept: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

/** How long programs may take to end after SIGTERM. */
const TERM_PATIENCE_MS = 2000;
/** The longest interval of Node's. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/**
 * Starts the super-server. A service that cannot be served is left out, and `problems` says why.
 *
 *     const { config, problems } = readConfigFile("/etc/inetd.conf");
 *     for (const { origin, message } of problems) console.error(`${origin.file}:${origin.line}: ${message}`);
 *     await using inetd = await startInetd(config, { line: console.log });
 *
 * @throws Error of Node's where a log cannot be opened.
 */
export async function startInetd(config: InetdConfig, options: InetdOptions = {}): Promise<Inetd> {
  const inetd = new Inetd(config, options);
  try {
    await inetd.reload(config);
  } catch (error) {
    await inetd.stop();
    throw error;
  }
  return inetd;
}

/**
 * A super-server that runs. `await using` stops it at the end of the block. Until it is stopped it keeps Node alive, as a
 * `net.Server` does.
 */
export class Inetd implements AsyncDisposable, Host {
  readonly access: AccessCheck;
  readonly #options: InetdOptions;
  readonly #shared: SharedGate;
  readonly #activated: ActivatedSocket[];
  readonly #runners = new Map<string, Runner>();
  /** Of services that are gone, with programs that are not. */
  readonly #leaving = new Set<Runner>();
  readonly #logs: Logs;
  /** By the ids of services. */
  readonly #tallies = new Map<string, Tally>();
  /** While every service rests, or waits for a program, the reactor waits for nobody, and would let Node end. */
  readonly #alive: NodeJS.Timeout = setInterval(() => {}, KEEP_ALIVE_MS);
  #isBackground = false;
  #problems: readonly ConfigProblem[] = [];
  #change: Promise<unknown> = Promise.resolve();
  #isStopping = false;

  /** Use {@link startInetd}. */
  constructor(config: InetdConfig, options: InetdOptions) {
    this.access = options.access ?? checkAccess;
    this.#options = options;
    const complain = options.complain ?? ((message) => void process.stderr.write(`portolan inetd: ${message}\n`));
    this.#logs = new Logs(complain, options.line);
    this.#shared = new SharedGate(config.global.maxInstances);
    this.#activated = [...(options.activated ?? [])];
  }

  /** What keeps services from being served, and what is otherwise than configured (warnings), as of the last start or reload. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** Every service that is served, in the order of the configuration. */
  get services(): ServiceStatus[] {
    return [...this.#runners.values()].map((runner) => ({
      service: runner.service,
      endpoint: endpointOf(runner.socket, runner.service.listen),
      state: runner.state,
      running: runner.ongoing.size,
      started: runner.started,
      refused: runner.refused,
    }));
  }

  /** Servers that run for services with a `design`: what they do they count themselves. */
  get servers(): Server[] {
    return [...this.#runners.values(), ...this.#leaving].flatMap(({ servers }) => [...servers]);
  }

  /**
   * What each service has done and does, to be told to Prometheus. What is counted goes on through reloads, for as long as the
   * service is configured.
   *
   * @example
   * await using inetd = await startInetd(readConfigFile("share/xinetd.conf").config);
   * console.log(metricsText(inetd.servers, inetd.metrics()));
   */
  metrics(): MetricFamily[] {
    const views = [...this.#runners].map(([id, { state, ongoing }]) => ({
      id,
      state,
      running: ongoing.size,
      tally: this.#tallyOf(id),
    }));
    return familiesOf(views);
  }

  /**
   * Takes another configuration: a service whose socket is the same keeps it, with those who wait in its queue; what runs
   * goes on to its end as it was started.
   */
  reload(config: InetdConfig): Promise<ReloadResult> {
    const result = this.#change.then(() => this.#reload(config));
    this.#change = result.catch(() => {});
    return result;
  }

  /** Keeps Node alive until it is stopped, as it does at first. */
  ref(): this {
    return this.#background(false);
  }

  /** Lets Node end although services listen or rest; programs and connections that go on keep it alive still. */
  unref(): this {
    return this.#background(true);
  }

  #background(isBackground: boolean): this {
    this.#isBackground = isBackground;
    if (isBackground) this.#alive.unref();
    else this.#alive.ref();
    for (const runner of this.#runners.values()) runner.background(isBackground);
    return this;
  }

  async #reload(config: InetdConfig): Promise<ReloadResult> {
    if (this.#isStopping) throw new Error("the super-server is stopping");
    this.#logs.open(config);
    this.#shared.max = config.global.maxInstances;
    const before = new Map(this.#runners);
    const { wanted, problems } = enabledOf(config);
    const matches = matchSockets(wanted, before);
    this.#runners.clear();
    const [added, kept]: [string[], string[]] = [[], []];
    // What is gone for good goes first: it may have the address that another one wants.
    const stays = new Set(matches.values());
    for (const runner of before.values()) if (!stays.has(runner)) this.#end(runner);
    for (const service of wanted) {
      const old = matches.get(service);
      try {
        const gate = before.get(service.id)?.gate ?? new Gate(service.limits, this.#shared);
        const prepared = await prepareService(service, gate, old?.current);
        problems.push(...prepared.warnings);
        gate.limits = service.limits;
        this.#runners.set(service.id, await this.#place(prepared, old));
        (old === undefined ? added : kept).push(service.id);
      } catch (error) {
        problems.push(problemOf(service, error));
        // Better as it was than not at all.
        if (old !== undefined && old.state !== "stopped") {
          this.#runners.set(service.id, old);
          kept.push(service.id);
        }
      }
    }
    const served = new Set(this.#runners.keys());
    for (const id of this.#tallies.keys()) if (!served.has(id)) this.#tallies.delete(id);
    this.#problems = problems;
    return { added, removed: [...before.keys()].filter((id) => !served.has(id)), kept, problems };
  }

  /** Brings a service and a socket together: a new one, or that of the service which had it before. */
  async #place(prepared: PreparedService, old: Runner | undefined): Promise<Runner> {
    const { listen } = prepared.service;
    if (old === undefined) {
      const runner = this.#make(prepared, await openSocket(prepared.service, this.#activated));
      runner.listen();
      return runner;
    }
    adjustSocket(old.socket, listen);
    if (runnerKind(old.current) === runnerKind(prepared)) {
      old.update(prepared);
      return old;
    }
    old.leave();
    // A program that has the socket to itself has to go first.
    if (old.service.wait) await endAll([old]);
    this.#leaveBehind(old);
    old.socket.setNonBlocking(true);
    const runner = this.#make(prepared, old.socket);
    runner.listen();
    return runner;
  }

  #make(prepared: PreparedService, socket: Socket): Runner {
    const runner = new RUNNERS[runnerKind(prepared)](this, prepared, socket);
    runner.background(this.#isBackground);
    return runner;
  }

  /** Closes a service's socket. Connections go on; a program that has the socket itself is told to end. */
  #end(runner: Runner): void {
    runner.leave();
    if (runner.service.wait) for (const ongoing of runner.ongoing) ongoing.end();
    closeSocket(runner.socket);
    this.#leaveBehind(runner);
  }

  #leaveBehind(runner: Runner): void {
    if (runner.ongoing.size === 0) return;
    this.#leaving.add(runner);
    void runner.whenIdle().then(() => this.#leaving.delete(runner));
  }

  /**
   * Closes every listener, lets connections and programs go on for at most `graceMs` (0 by default), then ends them:
   * SIGTERM, and SIGKILL for those that do not heed it. Settles when nothing is left.
   */
  async stop({ graceMs = 0 }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    this.#isStopping = true;
    await this.#change;
    for (const runner of this.#runners.values()) this.#end(runner);
    this.#runners.clear();
    for (const { socket } of this.#activated.splice(0)) socket?.close();
    await idleWithin(graceMs, this.#leaving);
    await endAll(this.#leaving);
    this.#logs.close();
    clearInterval(this.#alive);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  record(service: InetdService, record: Omit<LogRecord, "id">): void {
    this.#tallyOf(service.id).note(record);
    const whole: LogRecord = { ...record, id: service.id };
    this.#options.record?.(whole);
    const line = lineFor(whole, service.log);
    if (line !== undefined) this.#logs.write(service, line);
  }

  count({ id }: InetdService): void {
    this.#tallyOf(id).started++;
  }

  #tallyOf(id: string): Tally {
    let tally = this.#tallies.get(id);
    if (tally === undefined) {
      tally = new Tally();
      this.#tallies.set(id, tally);
    }
    return tally;
  }
}

/** Ends all that goes on: SIGTERM, and SIGKILL for those that do not heed it. Settles when nothing is left. */
async function endAll(runners: Iterable<Runner>): Promise<void> {
  const all = [...runners];
  for (const { ongoing } of all) for (const one of ongoing) one.end();
  await idleWithin(TERM_PATIENCE_MS, all);
  for (const { ongoing } of all) for (const one of ongoing) one.kill();
  await Promise.all(all.map((runner) => runner.whenIdle()));
}

/** Waits until nothing goes on, for so long at most. */
async function idleWithin(limitMs: number, runners: Iterable<Runner>): Promise<void> {
  const busy = [...runners].filter(({ ongoing }) => ongoing.size > 0);
  if (limitMs === 0 || busy.length === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([Promise.all(busy.map((runner) => runner.whenIdle())), limit]);
  clearTimeout(timer);
}

/** The services that are to be served. Of two with the same id, none of which a status or a reload could speak, the first. */
function enabledOf({ services }: InetdConfig): { wanted: InetdService[]; problems: ConfigProblem[] } {
  const wanted = new Map<string, InetdService>();
  const problems: ConfigProblem[] = [];
  for (const service of services) {
    const { id, origin, isDisabled } = service;
    if (isDisabled) continue;
    if (wanted.has(id)) {
      const message = `${id}: there is a service with this id already`;
      problems.push({ origin, severity: "error", message, cure: "give it another id" });
    } else wanted.set(id, service);
  }
  return { wanted: [...wanted.values()], problems };
}

/** Which service that is wanted has the socket of which one that runs: that of the same name first. */
function matchSockets(
  wanted: readonly InetdService[],
  before: ReadonlyMap<string, Runner>,
): ReadonlyMap<InetdService, Runner> {
  const free = new Set(before.values());
  const matches = new Map<InetdService, Runner>();
  const match = (service: InetdService, runner: Runner | undefined): void => {
    if (runner === undefined || matches.has(service) || !free.has(runner)) return;
    if (socketKey(runner.service.listen) !== socketKey(service.listen)) return;
    free.delete(runner);
    matches.set(service, runner);
  };
  for (const service of wanted) match(service, before.get(service.id));
  for (const service of wanted) for (const runner of free) match(service, runner);
  return matches;
}

/** What is not foreseen, such as no free descriptor, is a problem of the service all the same. */
function problemOf({ id, origin }: InetdService, error: unknown): ConfigProblem {
  if (error instanceof ServiceProblem) return error.problem;
  return { origin, severity: "error", message: `${id}: ${(error as Error).message}`, cure: undefined };
}

type RunnerClass = new (host: Host, prepared: PreparedService, socket: Socket) => Runner;
type RunnerKind = "builtin" | "builtin-datagrams" | "connections" | "datagrams" | "designed" | "redirect" | "wait";

const RUNNERS: Readonly<Record<RunnerKind, RunnerClass>> = {
  builtin: BuiltInConnections,
  "builtin-datagrams": BuiltInDatagrams,
  connections: ProgramConnections,
  datagrams: DatagramPrograms,
  designed: DesignedService,
  redirect: RedirectedConnections,
  wait: WaitRunner,
};

function runnerKind({ service, builtIn }: Pick<PreparedService, "builtIn" | "service">): RunnerKind {
  const { serves, wait, listen } = service;
  if (serves.kind === "redirect") return "redirect";
  if (serves.kind === "builtin") {
    if (builtIn?.hosted === undefined) return "designed";
    return listen.type === "dgram" ? "builtin-datagrams" : "builtin";
  }
  if (wait) return "wait";
  return listen.type === "dgram" ? "datagrams" : "connections";
}

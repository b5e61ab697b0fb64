/** Starting a server: an endpoint, a service and a design brought together. */
import { SO_RCVBUF, SO_SNDBUF, SOCK_DGRAM, SOL_SOCKET } from "../abi/index.ts";
import { checked, parseEndpoint } from "../socket/index.ts";
import { close, setsockopt } from "../sys/index.ts";
import { atExit, notAtExit } from "./at-exit.ts";
import {
  CONNECTION_DURATION,
  type Counters,
  type CounterValues,
  createCounters,
  LOOP_LAG,
  LOOP_PASS,
  readCounters,
} from "./counters.ts";
import { designNamed } from "./designs.ts";
import { type ServerMessage, tellServerEnded, tellServerStarted, tellServerStops, tellTrouble } from "./diagnostics.ts";
import { type HistogramValues, readHistogram } from "./histograms.ts";
import { type KernelQueue, readKernelQueue } from "./kernel-queue.ts";
import { type Limits, limitsWith } from "./limits.ts";
import { adoptListeners, type Listeners, openListeners } from "./listeners.ts";
import { localOf } from "./peer.ts";
import type { Service, ServiceReference } from "./service.ts";
import { loadService } from "./service-loader.ts";
import type { Kind, Placement, Report, ServerDesign, ServerHandle } from "./task.ts";

/** What to serve, where, and by which design. */
export interface ServeOptions {
  /** Where to listen, such as `tcp://127.0.0.1:7007`, `udp://[::1]:7007` or `unix:///run/echo.sock`. */
  readonly listen?: string;
  /**
   * In place of `listen`: a socket that listens already, or several at one address, such as a server that is restarted
   * leaves to its successor. They are the server's from now on.
   */
  readonly listenFd?: number | readonly number[];
  /** A name from {@link designs}; `epoll` by default. */
  readonly design?: string;
  /** `thread` (the default): a thread of its own. `node`: inside the caller's own loop. */
  readonly placement?: Placement;
  /**
   * How many threads or processes are to serve, for designs that can use several: a loop in each thread, children that
   * accept, threads of a pool. By default one loop, or as many as the design likes.
   */
  readonly workers?: number;
  readonly limits?: Partial<Limits>;
  /**
   * Whether designs with a loop measure it: what passes take, and how late timers come, for {@link Server.histograms}. It
   * costs each pass some nanoseconds, and an idle server two wakes in a second.
   */
  readonly measureLoops?: boolean;
  /** Told of what goes wrong while the server goes on; by default nobody is, and the counters show it. */
  readonly report?: Report;
}

/** A server that runs. `await using` stops it at the end of the block. */
export interface Server extends AsyncDisposable {
  /** Where it listens: what the kernel bound, with the port it chose. */
  readonly endpoint: string;
  /** What the service calls itself. */
  readonly service: string;
  /** The design that serves: another than was asked for where this machine does not let that one run. */
  readonly design: string;
  readonly placement: Placement;
  /** The sockets that it listens on, to be given to a successor; open until the server is told to stop. */
  readonly listeners: readonly number[];
  /** The counters as they are now. */
  counters(): CounterValues;
  /** Threads or processes that serve now; undefined in Node's own loop. */
  workerCount(): number | undefined;
  /** What was measured so far. */
  histograms(): ServerHistograms;
  /** What waits in the kernel before the server now; undefined for unix sockets, and once it was told to stop. */
  kernelQueue(): KernelQueue | undefined;
  /** Settles when the server has stopped; rejects if it died. */
  readonly done: Promise<void>;
  /** Takes no new work, lets open connections go on for at most `graceMs` (0 by default), then closes them. */
  stop(options?: StopOptions): Promise<void>;
}

/** What a server measures, in seconds. */
export interface ServerHistograms {
  /** How long connections were open, at their close; absent for datagrams. */
  readonly connectionDuration?: HistogramValues;
  /**
   * What passes of the loops took, from the news that somebody waits to the last answer given to the kernel: the most that a
   * request of such a pass has waited in this program. Only with `measureLoops`, and under designs with a loop.
   */
  readonly loopPass?: HistogramValues;
  /** How late timers of the loops came, twice in a second. Only where there is `loopPass`. */
  readonly loopLag?: HistogramValues;
}

/** How a server is to stop. */
export interface StopOptions {
  readonly graceMs?: number;
  /** A successor has the sockets: the file of a unix socket stays. */
  readonly isSucceeded?: boolean;
}

/**
 * Serves a service.
 *
 * Where this machine does not let a design run (`uring`, where the kernel or a sandbox refuses io_uring), another serves in
 * its place: `report` is told which and why, and `design` of the server says so.
 *
 * @throws SystemError where the endpoint cannot be listened on (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
 * @throws RangeError for an unknown design, a limit out of range, or a design that cannot do what is asked.
 *
 * @example
 * const service = { url: import.meta.resolve("portolan/service"), export: "echo", options: null };
 * await using server = await serve(service, { listen: "tcp://127.0.0.1:0" });
 * console.log(server.endpoint);
 */
export async function serve(reference: ServiceReference, options: ServeOptions): Promise<Server> {
  const wanted = designNamed(options.design ?? "epoll");
  const substitute = wanted.substitute?.();
  const design = substitute?.design ?? wanted;
  const placement = options.placement ?? "thread";
  const service = await loadService(reference);
  const workers = checkWorkers(design, options);
  const asked = listenersAsked(options);
  checkFit(design, asked.kind, placement, service);
  const { memoryBytes } = service;
  const memory = memoryBytes === undefined ? undefined : new SharedArrayBuffer(memoryBytes);
  // Options that cannot be are refused here, not by the thread or process that serves.
  service[asked.kind]?.(reference.options, { memory: design.usesProcesses === true ? undefined : memory });
  const own = typeof service.limits === "function" ? service.limits(reference.options) : service.limits;
  const limits = limitsWith(own, options.limits);

  const listeners = asked.open(design.socketPerWorker === true ? (workers ?? 1) : 1, limits.backlog);
  const [fd = -1, ...moreFds] = listeners.fds;
  const counters = createCounters();
  const { endpoint, kind } = listeners;
  const measuresLoops = options.measureLoops === true && design.placements.includes("node");
  const identity = { service: service.name, design: design.name, placement, endpoint };
  const report: Report = (event) => {
    tellTrouble(identity, event.where, event.message);
    options.report?.(event);
  };
  if (substitute !== undefined) {
    report({ where: "design", message: `${substitute.why}; ${design.name} serves in place of ${wanted.name}` });
  }
  let handle: ServerHandle;
  try {
    boundBuffers(listeners.fds, limits);
    handle = design.start({
      fd,
      moreFds,
      kind,
      service: reference,
      name: service.name,
      measuresLoops,
      limits,
      counters,
      placement,
      workers,
      memory,
      resources: service.resources?.(reference.options),
      makeGate: () => service.datagram?.(reference.options, { memory, localPort: localOf(fd).port })().guard,
      report,
    });
  } catch (error) {
    for (const opened of listeners.fds) close(opened);
    if (options.listen !== undefined) listeners.removePath();
    throw error;
  }
  // Until it serves, whoever gave it the sockets may still serve there.
  const isOwn = options.listen !== undefined;
  const server = new RunningServer({ identity, listeners, handle, counters, measuresLoops, isOwn });
  await handle.ready;
  server.serves();
  return server;
}

interface Running {
  readonly identity: ServerMessage;
  readonly listeners: Listeners;
  readonly handle: ServerHandle;
  readonly counters: Counters;
  readonly measuresLoops: boolean;
  /** Whether the sockets are its own from the beginning. */
  readonly isOwn: boolean;
}

class RunningServer implements Server {
  readonly endpoint: string;
  readonly service: string;
  readonly design: string;
  readonly placement: Placement;
  readonly listeners: readonly number[];
  readonly done: Promise<void>;
  readonly #running: Running;
  /** Whether a unix socket's file is to go with the server. */
  #ownsPath: boolean;
  readonly #removePath = (): void => {
    notAtExit(this.#removePath);
    if (this.#ownsPath) this.#running.listeners.removePath();
    this.#ownsPath = false;
  };
  #hasStarted = false;
  /** Whether its sockets are still its own. */
  #isListening = true;

  constructor(running: Running) {
    const { identity, listeners, handle } = running;
    this.#running = running;
    this.#ownsPath = running.isOwn;
    this.endpoint = identity.endpoint;
    this.service = identity.service;
    this.design = identity.design;
    this.placement = identity.placement;
    this.listeners = listeners.fds;
    this.done = handle.done;
    // Also when the process ends at once. A predecessor's file is left alone then: it may serve there still.
    if (this.#ownsPath && this.endpoint.startsWith("unix:")) atExit(this.#removePath);
    const ended = (error?: unknown): void => {
      this.#isListening = false;
      this.#removePath();
      if (this.#hasStarted) tellServerEnded(identity, error);
    };
    handle.done.then(() => ended(), ended);
  }

  /** It has begun. */
  serves(): void {
    this.#hasStarted = true;
    this.#ownsPath = this.#isListening;
    tellServerStarted(this.#running.identity);
  }

  counters(): CounterValues {
    return readCounters(this.#refreshed());
  }

  workerCount(): number | undefined {
    return this.#running.handle.workerCount?.();
  }

  histograms(): ServerHistograms {
    const { listeners, measuresLoops } = this.#running;
    const counters = this.#refreshed();
    return {
      ...(listeners.kind === "stream" && { connectionDuration: readHistogram(counters, CONNECTION_DURATION) }),
      ...(measuresLoops && {
        loopPass: readHistogram(counters, LOOP_PASS),
        loopLag: readHistogram(counters, LOOP_LAG),
      }),
    };
  }

  kernelQueue(): KernelQueue | undefined {
    const isKnown = this.#isListening && !this.endpoint.startsWith("unix");
    return isKnown ? readKernelQueue(this.listeners, this.#running.listeners.kind) : undefined;
  }

  stop({ graceMs = 0, isSucceeded = false }: StopOptions = {}): Promise<void> {
    if (isSucceeded) this.#ownsPath = false;
    if (this.#isListening) tellServerStops(this.#running.identity, graceMs, isSucceeded);
    this.#isListening = false;
    this.#running.handle.stop(graceMs);
    // Nobody accepts there any more, however long open connections go on.
    this.#removePath();
    return this.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #refreshed(): Counters {
    const { handle, counters } = this.#running;
    handle.refresh?.();
    return counters;
  }
}

interface AskedListeners {
  readonly kind: Kind;
  open(count: number, backlog: number): Listeners;
}

function listenersAsked({ listen, listenFd, workers }: ServeOptions): AskedListeners {
  if ((listen === undefined) === (listenFd === undefined)) {
    throw new TypeError("a server is told where to listen either by `listen` or by `listenFd`");
  }
  if (listen !== undefined) {
    const kind = parseEndpoint(listen).type === SOCK_DGRAM ? "datagram" : "stream";
    return { kind, open: (count, backlog) => openListeners(listen, count, backlog) };
  }
  const fds = typeof listenFd === "number" ? [listenFd] : (listenFd ?? []);
  if (fds.length > (workers ?? 1)) {
    throw new RangeError(`${fds.length} listening sockets want as many workers: nobody would accept on the others`);
  }
  const adopted = adoptListeners(fds);
  return { kind: adopted.kind, open: () => adopted };
}

/** Connections inherit the sizes from the socket they were accepted on (tcp(7)); those that they have already stay. */
function boundBuffers(fds: readonly number[], { receiveBufferBytes, sendBufferBytes }: Limits): void {
  const sizes = [
    [SO_RCVBUF, receiveBufferBytes],
    [SO_SNDBUF, sendBufferBytes],
  ] as const;
  for (const fd of fds) {
    for (const [option, bytes] of sizes) {
      if (bytes > 0) checked("setsockopt", setsockopt(fd, SOL_SOCKET, option, new Int32Array([bytes]), 4));
    }
  }
}

function checkWorkers({ name, maxWorkers }: ServerDesign, { workers, placement }: ServeOptions): number | undefined {
  if (workers === undefined || workers === 1) return workers;
  if (maxWorkers === undefined) throw new RangeError(`the ${name} design does not take a number of workers`);
  if (!Number.isInteger(workers) || workers < 1 || workers > maxWorkers) {
    throw new RangeError(`workers must be a whole number from 1 to ${maxWorkers}, not ${workers}`);
  }
  if (placement === "node") throw new RangeError("inside Node's loop there is one worker: that loop");
  return workers;
}

function checkFit(design: ServerDesign, kind: Kind, placement: Placement, service: Service): void {
  if (service[kind] === undefined) throw new RangeError(`${service.name} is not spoken over ${kind}s`);
  if (!design.kinds.includes(kind)) throw new RangeError(`the ${design.name} design does not serve ${kind}s`);
  if (!design.placements.includes(placement)) {
    throw new RangeError(`the ${design.name} design blocks its thread, so it cannot run inside Node's loop`);
  }
}

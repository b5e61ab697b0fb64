/** Starting a server: an endpoint, a service and a design brought together. */
import { lstatSync, unlinkSync } from "node:fs";
import { SOCK_DGRAM } from "../abi/index.ts";
import { formatEndpoint, listenSync, parseEndpoint, type SocketAddress } from "../socket/index.ts";
import { type CounterValues, createCounters, readCounters } from "./counters.ts";
import { designNamed } from "./designs.ts";
import { type Limits, limitsWith } from "./limits.ts";
import type { ServiceReference } from "./service.ts";
import { loadService } from "./service-loader.ts";
import type { Kind, Placement, Report, ServerDesign, ServerHandle } from "./task.ts";

export interface ServeOptions {
  /** Where to listen, such as `tcp://127.0.0.1:7007`, `udp://[::1]:7007` or `unix:///run/echo.sock`. */
  readonly listen: string;
  /** A name from {@link designs}; `epoll` by default. */
  readonly design?: string;
  /** `thread` (the default): a thread of its own. `node`: inside the caller's own loop. */
  readonly placement?: Placement;
  readonly limits?: Partial<Limits>;
  /** Told of what goes wrong while the server goes on; by default nobody is, and the counters show it. */
  readonly report?: Report;
}

/** A server that runs. `await using` stops it at the end of the block. */
export interface Server extends AsyncDisposable {
  /** Where it listens: what the kernel bound, with the port it chose. */
  readonly endpoint: string;
  readonly design: string;
  /** The counters as they are now. */
  counters(): CounterValues;
  /** Settles when the server has stopped; rejects if it died. */
  readonly done: Promise<void>;
  /** Takes no new work, lets open connections go on for at most `graceMs` (0 by default), then closes them. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * Serves a service.
 *
 * @throws SystemError where the endpoint cannot be listened on (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
 * @throws RangeError for an unknown design, a limit out of range, or a design that cannot do what is asked.
 *
 * @example
 * await using server = await serve(echoReference, { listen: "tcp://127.0.0.1:0" });
 * console.log(server.endpoint);
 */
export async function serve(reference: ServiceReference, options: ServeOptions): Promise<Server> {
  const design = designNamed(options.design ?? "epoll");
  const placement = options.placement ?? "thread";
  const { transport, address, type } = parseEndpoint(options.listen);
  const kind: Kind = type === SOCK_DGRAM ? "datagram" : "stream";
  const service = await loadService(reference);
  checkFit(design, kind, placement, service.name, service[kind] !== undefined);
  const limits = limitsWith(service.limits, options.limits);

  const socket = listenSync(options.listen, {
    backlog: limits.backlog,
    // Inherited by the connections that are accepted: answers are not held back for more to come.
    ...(transport === "tcp" && { options: { TCP_NODELAY: true } }),
  });
  const bound = formatEndpoint({ transport, address: socket.localAddress });
  const removePath = pathRemover(address);
  const counters = createCounters();
  const handle = design.start({
    fd: socket.detach(),
    kind,
    service: reference,
    limits,
    counters,
    placement,
    report: options.report ?? (() => {}),
  });
  handle.done.then(removePath, removePath);
  await handle.ready;
  return new RunningServer(bound, design.name, handle, () => readCounters(counters));
}

class RunningServer implements Server {
  readonly endpoint: string;
  readonly design: string;
  readonly done: Promise<void>;
  readonly counters: () => CounterValues;
  readonly #handle: ServerHandle;

  constructor(endpoint: string, design: string, handle: ServerHandle, counters: () => CounterValues) {
    this.endpoint = endpoint;
    this.design = design;
    this.done = handle.done;
    this.counters = counters;
    this.#handle = handle;
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#handle.stop(options.graceMs ?? 0);
    return this.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function checkFit(design: ServerDesign, kind: Kind, placement: Placement, service: string, isSpoken: boolean): void {
  if (!isSpoken) throw new RangeError(`${service} is not spoken over ${kind}s`);
  if (!design.kinds.includes(kind)) throw new RangeError(`the ${design.name} design does not serve ${kind}s`);
  if (!design.placements.includes(placement)) {
    throw new RangeError(`the ${design.name} design blocks its thread, so it cannot run inside Node's loop`);
  }
}

/** What removes a unix socket's file, unless another has taken its place. */
function pathRemover(address: SocketAddress): () => void {
  if (address.family !== "unix" || address.kind !== "path") return () => {};
  const path = address.path as string;
  const own = lstatSync(path);
  return () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && found.ino === own.ino && found.dev === own.dev) unlinkSync(path);
  };
}

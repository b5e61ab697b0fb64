/**
 * A service on sockets that somebody else looks after: a super-server, which has accepted the connection, and decided that it
 * may be served. Everything happens in the loop of the calling thread.
 */
import { EAGAIN, EINTR, F_GETFL, F_SETFL, O_NONBLOCK } from "../abi/index.ts";
import type { PeerAddress } from "../protocol/index.ts";
import type { Reactor } from "../reactor/index.ts";
import { checked } from "../socket/index.ts";
import { fcntl } from "../sys/index.ts";
import { createCounters } from "./counters.ts";
import { DatagramExchange } from "./datagram-exchange.ts";
import { BATCH } from "./datagram-memory.ts";
import { connectLocal } from "./evented-shared.ts";
import { Connection, type ConnectionOwner, type CreateProtocol } from "./evented-stream.ts";
import { limitsWith } from "./limits.ts";
import { OutputBudget } from "./output-budget.ts";
import type { ServiceReference } from "./service.ts";
import { loadService } from "./service-loader.ts";
import { sharedAccess } from "./shared-state-access.ts";
import { LocalHub } from "./shared-state-desk.ts";
import type { Kind, Report, RunningTask } from "./task.ts";

/** Datagrams of a socket, answered when its owner says that some wait. */
export interface HostedDatagrams {
  /** Answers what waits, up to one batch. @returns whether more may wait. */
  serve(): boolean;
  /** Gives its memory back. */
  dispose(): void;
}

type Task = ConnectionOwner["task"];

/** One instance of a service: what its conversations share is shared by all that it takes. */
export class HostedService implements ConnectionOwner {
  readonly reactor: Reactor;
  readonly task: Task;
  readonly output: OutputBudget;
  first: Connection | undefined = undefined;
  readonly #create: CreateProtocol | undefined;
  readonly #closed = new Map<Connection, () => void>();
  readonly #disconnect: () => void;
  #isRetired = false;
  /** A connection that closed while it was being made. */
  #closedAtOnce: Connection | undefined = undefined;

  private constructor(reactor: Reactor, task: Task) {
    this.reactor = reactor;
    this.task = task;
    this.output = new OutputBudget(this);
    this.#create = task.kind === "stream" ? task.service.stream?.(task.options, task) : undefined;
    this.#disconnect = task.shared instanceof LocalHub ? connectLocal(reactor, task.shared) : () => {};
  }

  /**
   * @param reactor of the calling thread.
   * @param report told of what goes wrong while the service goes on.
   * @throws RangeError where the service is not spoken over this kind of socket; TypeError where there is no such service.
   */
  static async load(
    reference: ServiceReference,
    kind: Kind,
    reactor: Reactor,
    report: Report = () => {},
  ): Promise<HostedService> {
    const service = await loadService(reference);
    const { options } = reference;
    if (service[kind] === undefined) throw new RangeError(`${service.name} is not spoken over ${kind}s`);
    const own = typeof service.limits === "function" ? service.limits(options) : service.limits;
    return new HostedService(reactor, {
      service,
      kind,
      options,
      report,
      limits: limitsWith(own),
      counters: createCounters(),
      index: 0,
      part: null,
      memory: service.memoryBytes === undefined ? undefined : new SharedArrayBuffer(service.memoryBytes),
      designMemory: undefined,
      sources: undefined,
      shares: undefined,
      held: undefined,
      shared: sharedAccess(service, options, undefined, report),
    });
  }

  /**
   * Serves a connection, which is the service's from now on.
   * @param closed called once, when it is closed.
   * @returns what aborts it.
   */
  take(fd: number, closed: () => void): () => void {
    if (this.#create === undefined) throw new TypeError(`${this.task.service.name} was not loaded for connections`);
    checked("fcntl", fcntl(fd, F_SETFL, checked("fcntl", fcntl(fd, F_GETFL, 0)) | O_NONBLOCK));
    const connection = new Connection(this, fd, this.#create);
    if (this.#closedAtOnce === connection) closed();
    else this.#closed.set(connection, closed);
    this.#closedAtOnce = undefined;
    return () => connection.abort("the service ends");
  }

  /**
   * Answers datagrams of a socket, which stays its owner's.
   * @param admits asked for each; what it refuses is dropped.
   */
  datagrams(fd: number, admits: (peer: PeerAddress) => boolean): HostedDatagrams {
    const task: Omit<RunningTask, "control"> = { ...this.task, fd };
    const exchange = new DatagramExchange(task, this.reactor.timers, () => this.reactor.nowMs, admits);
    return {
      serve: () => {
        const received = exchange.serve();
        if (received < 0 && received !== -EAGAIN && received !== -EINTR) exchange.complain(-received);
        return received === BATCH;
      },
      dispose: () => exchange.dispose(),
    };
  }

  forget(connection: Connection): void {
    connection.unlink();
    const closed = this.#closed.get(connection);
    if (closed === undefined) this.#closedAtOnce = connection;
    else this.#closed.delete(connection);
    if (this.#isRetired && this.first === undefined) this.#disconnect();
    closed?.();
  }

  /** Takes nobody from now on, and lets go of what conversations share when the last has ended. */
  retire(): void {
    this.#isRetired = true;
    if (this.first === undefined) this.#disconnect();
  }
}

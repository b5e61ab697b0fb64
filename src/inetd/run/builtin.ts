/** Services of ours: they serve in the super-server's own loop, or, by another design, on threads or in processes. */
import { F_DUPFD_CLOEXEC, type SocketAddress } from "../../abi/index.ts";
import type { PeerAddress } from "../../protocol/index.ts";
import { DEFAULT_LIMITS, type HostedDatagrams, type Limits, type Server, serve } from "../../server/index.ts";
import { checked, type Socket } from "../../socket/index.ts";
import { close, fcntl } from "../../sys/index.ts";
import type { ServedByBuiltIn, ServiceLimits } from "../model.ts";
import { isTooMany, type Refusal } from "./gate.ts";
import { type BuiltIn, type Host, NO_ADDRESS, type PreparedService, sourceOf } from "./host.ts";
import { Runner } from "./runner.ts";
import { ConnectionRunner } from "./stream-nowait.ts";

/** Batches of datagrams that are answered before the other services get their turn. */
const MAX_BATCHES_PER_TURN = 4;
/** Connections of a service that is gone from the configuration may go on for so long where a design serves them. */
const LEAVING_GRACE_MS = 600_000;
/** Of a server's limit; what is more is no limit. */
const MOST = 2 ** 31 - 1;

/** Connections to a service of ours. */
export class BuiltInConnections extends ConnectionRunner {
  protected override serve(fd: number, peer: SocketAddress, done: () => void): void {
    const { service } = this;
    const from = sourceOf(peer);
    const startedMs = performance.now();
    this.started++;
    this.host.record(service, { entry: "START", from });
    let isClosed = false;
    let abort = (): void => {};
    const ongoing = { pid: undefined, end: () => abort(), kill: () => abort() };
    this.ongoing.add(ongoing);
    const closed = (): void => {
      isClosed = true;
      done();
      this.settle(ongoing);
      const durationSeconds = (performance.now() - startedMs) / 1000;
      this.host.record(service, { entry: "EXIT", from, durationSeconds });
    };
    try {
      abort = hostedBy(this.prepared).take(fd, closed);
    } catch (error) {
      if (!isClosed) this.settle(ongoing);
      close(fd);
      throw error;
    }
  }

  override update(prepared: PreparedService): void {
    const before = this.prepared.builtIn;
    super.update(prepared);
    if (before !== prepared.builtIn) before?.hosted?.retire();
  }

  override leave(): void {
    super.leave();
    this.prepared.builtIn?.hosted?.retire();
  }
}

/** Datagrams for a service of ours, in batches. */
export class BuiltInDatagrams extends Runner {
  #datagrams: HostedDatagrams;
  #isTooFast = false;

  constructor(host: Host, prepared: PreparedService, socket: Socket) {
    super(host, prepared, socket);
    this.#datagrams = this.#open();
  }

  protected override comes(): void {
    for (let i = 0; i < MAX_BATCHES_PER_TURN; i++) {
      const mayBeMore = this.#datagrams.serve();
      if (this.#isTooFast) break;
      if (!mayBeMore) return;
    }
    if (!this.#isTooFast) return;
    this.#isTooFast = false;
    this.rest(this.gate.tooMany("datagrams"));
  }

  override update(prepared: PreparedService): void {
    const before = this.prepared.builtIn;
    super.update(prepared);
    if (before === prepared.builtIn) return;
    this.#datagrams.dispose();
    before?.hosted?.retire();
    this.#datagrams = this.#open();
  }

  override leave(): void {
    if (this.state === "stopped") return;
    super.leave();
    this.#datagrams.dispose();
    this.prepared.builtIn?.hosted?.retire();
  }

  #open(): HostedDatagrams {
    return hostedBy(this.prepared).datagrams(this.socket.fd, (peer) => this.#admits(peer));
  }

  #admits(peer: PeerAddress): boolean {
    const verdict = this.host.access(this.service, addressOfPeer(peer), new Date());
    // A name has to be looked up. Nobody waits for that with a datagram; who sends it again finds the name known.
    if (typeof verdict === "object") verdict.catch(() => {});
    const refusal: Refusal | undefined =
      typeof verdict === "object"
        ? "address"
        : (verdict ?? this.gate.arrive(performance.now()) ?? this.#momentary(peer));
    this.#isTooFast ||= isTooMany(refusal);
    if (refusal === undefined) {
      this.started++;
      this.host.count(this.service);
      return true;
    }
    this.refused++;
    this.host.record(this.service, { entry: "FAIL", reason: refusal, from: peer.address || NO_ADDRESS });
    return false;
  }

  /** A datagram is answered at once, and so takes no room, but where there is none it is refused as well. */
  #momentary({ address }: PeerAddress): Refusal | undefined {
    const refusal = this.gate.admit(address);
    if (refusal === undefined) this.gate.release(address);
    return refusal;
  }
}

/** A service of ours by a design that accepts by itself: it starts when somebody comes, and has the socket until it ends. */
export class DesignedService extends Runner {
  /** Tells the server that has the socket now to leave it. */
  #leaveSocket: (() => void) | undefined;
  readonly #servers = new Set<Server>();

  override get servers(): Iterable<Server> {
    return this.#servers;
  }

  protected override comes(): void {
    this.hold();
    const { service } = this;
    const startedMs = performance.now();
    this.started++;
    this.host.record(service, { entry: "START" });
    const stopping = new AbortController();
    let server: Server | undefined;
    const stop = (graceMs: number): void => {
      stopping.abort();
      void server?.stop({ graceMs, isSucceeded: true }).catch(() => {});
    };
    const ongoing = { pid: undefined, end: () => stop(0), kill: () => stop(0) };
    this.ongoing.add(ongoing);
    const leaveSocket = (): void => stop(LEAVING_GRACE_MS);
    this.#leaveSocket = leaveSocket;
    this.#serve()
      .then((started) => {
        server = started;
        this.#servers.add(started);
        if (stopping.signal.aborted) stop(0);
        return started.done;
      })
      .catch((error: Error) => this.host.record(service, { entry: "NOTE", reason: error.message }))
      .finally(() => {
        if (server !== undefined) this.#servers.delete(server);
        this.settle(ongoing);
        this.host.record(service, { entry: "EXIT", durationSeconds: (performance.now() - startedMs) / 1000 });
        if (this.#leaveSocket !== leaveSocket || this.state !== "busy") return;
        if (this.gate.fail(performance.now())) this.rest("the server ends again and again");
        else this.listen();
      });
  }

  #serve(): Promise<Server> {
    const { service, builtIn } = this.prepared;
    const { design = "" } = service.serves as ServedByBuiltIn;
    return serve((builtIn as BuiltIn).reference, {
      listenFd: checked("fcntl", fcntl(this.socket.fd, F_DUPFD_CLOEXEC, 0)),
      design,
      limits: limitsOf(service.limits),
      report: ({ message }) => this.host.record(service, { entry: "NOTE", reason: message }),
    });
  }

  /** Another service now, or another design: who is connected stays with the one that was, and who comes finds the new one. */
  override update(prepared: PreparedService): void {
    const isSame = JSON.stringify(prepared.service.serves) === JSON.stringify(this.service.serves);
    super.update(prepared);
    if (isSame || this.state !== "busy") return;
    this.#leaveSocket?.();
    this.#leaveSocket = undefined;
    this.listen();
  }

  override leave(): void {
    super.leave();
    this.#leaveSocket?.();
    this.#leaveSocket = undefined;
  }
}

/**
 * A service's limits as servers have them. They have no rest: who comes faster than `connectionsPerSecond` is accepted at that
 * rate.
 */
function limitsOf({ instances, perSource, connectionsPerSecond }: ServiceLimits): Partial<Limits> {
  const unlessAny = (count: number): number => (count > MOST ? 0 : count);
  return {
    maxConnections: Math.min(instances, DEFAULT_LIMITS.maxConnections),
    maxPerSource: unlessAny(perSource),
    acceptsPerSecond: unlessAny(connectionsPerSecond),
  };
}

function hostedBy({ builtIn, service }: PreparedService): NonNullable<BuiltIn["hosted"]> {
  if (builtIn?.hosted === undefined) throw new TypeError(`${service.id} is no built-in service`);
  return builtIn.hosted;
}

/** A peer as access rules know it. */
function addressOfPeer({ family, address, port }: PeerAddress): SocketAddress | undefined {
  if (family === "inet") return { family, address, port };
  if (family === "inet6") return { family, address, port };
  return undefined;
}

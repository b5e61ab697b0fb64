/** A listening socket on a reactor: accepts within the limits, makes a connection object per client, and stops. */
import { EAGAIN, POLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../abi/index.ts";
import { Deadline, type DeadlineOwner, IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import { accept4 } from "../sys/index.ts";
import { ACCEPT_RETRY_MS, Admission, REFUSED_PLACE } from "./admission.ts";
import { ACCEPTED, ACTIVE, add, ERRORS, REFUSED_DESCRIPTORS, RESTED_CONNECTIONS } from "./counters.ts";
import { Connection, type ConnectionOwner, type CreateProtocol } from "./evented-stream.ts";
import { OutputBudget } from "./output-budget.ts";
import type { RunningTask } from "./task.ts";

const RETRY_ID = 0;
const GRACE_ID = 1;

/** The listener's side: accepts, counts, stops. */
export class EventedStreamServer extends IdleHandler implements ConnectionOwner, DeadlineOwner {
  readonly reactor: Reactor;
  readonly task: RunningTask;
  readonly output: OutputBudget;
  readonly #create: CreateProtocol;
  readonly #listener: Slot;
  readonly #admission: Admission;
  readonly #retry = new Deadline(this, RETRY_ID);
  readonly #grace = new Deadline(this, GRACE_ID);
  readonly #stopped: () => void;
  #listening = true;
  #finished = false;
  first: Connection | undefined = undefined;

  /** @param stopped called once nothing is left to serve after {@link stop}. */
  constructor(reactor: Reactor, task: RunningTask, stopped: () => void) {
    super();
    if (task.service.stream === undefined) throw new TypeError(`${task.service.name} is not spoken over streams`);
    this.reactor = reactor;
    this.task = task;
    this.output = new OutputBudget(this);
    this.#create = task.service.stream(task.options, task);
    this.#stopped = stopped;
    this.#listener = reactor.attach(task.fd, this);
    // Last of what may fail: it keeps a descriptor in reserve.
    this.#admission = new Admission(task);
    reactor.accept(this.#listener);
  }

  override accepted(_slot: Slot, fd: number): void {
    const { reactor } = this;
    const { counters } = this.task;
    const restMs = this.#admission.restMs(reactor.nowMs);
    if (restMs > 0) this.#rest(restMs);
    if (fd >= reactor.maxDescriptors) {
      const why = `descriptor ${fd} is beyond the ${reactor.maxDescriptors} that ${reactor.backend} can watch`;
      this.#admission.turnAway(fd, REFUSED_DESCRIPTORS, why);
      return;
    }
    const place = this.#admission.enter(fd);
    if (place === REFUSED_PLACE) return;
    add(counters, ACCEPTED, 1);
    add(counters, ACTIVE, 1);
    if (this.#isFull) {
      add(counters, RESTED_CONNECTIONS, 1);
      reactor.pause(this.#listener);
    }
    this.task.held?.add(fd);
    new Connection(this, fd, this.#create, place);
  }

  /** Nobody can be accepted. */
  override failed(_slot: Slot, errno: number): void {
    add(this.task.counters, ERRORS, 1);
    this.#cope(errno);
  }

  /** After a want of descriptors, somebody waits to be accepted: it is tried as if nothing had been. */
  override ready(slot: Slot): void {
    const fd = accept4(this.task.fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      this.#listen();
      this.accepted(slot, fd);
    } else if (fd === -EAGAIN) {
      this.reactor.arm(slot, POLLIN);
    } else {
      this.#cope(-fd);
    }
  }

  /** The listener is watched rather than accepted on: a ring that accepts would fail again without anybody there. */
  #cope(errno: number): void {
    if (this.#admission.cope(errno)) this.reactor.arm(this.#listener, POLLIN);
    else this.#rest(ACCEPT_RETRY_MS);
  }

  /** Leaves connections in the backlog for a while. */
  #rest(forMs: number): void {
    this.reactor.pause(this.#listener);
    this.reactor.timers.set(this.#retry, this.reactor.nowMs + forMs);
  }

  get #isFull(): boolean {
    const { counters, limits } = this.task;
    return (counters[ACTIVE] as number) >= limits.maxConnections;
  }

  expired(id: number): void {
    if (id === RETRY_ID) this.#listen();
    else this.#closeAll();
  }

  forget(connection: Connection): void {
    connection.unlink();
    this.#admission.leave(connection.place);
    const wasFull = this.#isFull;
    add(this.task.counters, ACTIVE, -1);
    if (wasFull) this.#listen();
    if (!this.#listening && this.first === undefined) this.#finish();
  }

  /** Accepts no more; open connections may go on for `graceMs`. */
  stop(graceMs: number): void {
    if (this.#listening) {
      this.#listening = false;
      this.reactor.timers.clear(this.#retry);
      // Reports who was accepted already, and is served still.
      this.reactor.detach(this.#listener);
      this.task.control.closeSocket(this.task.fd);
      this.#admission.close();
    }
    if (this.first === undefined) this.#finish();
    else if (graceMs === 0) this.#closeAll();
    else this.reactor.timers.set(this.#grace, this.reactor.nowMs + graceMs);
  }

  #listen(): void {
    if (this.#listening && !this.#retry.isSet && !this.#isFull) this.reactor.accept(this.#listener);
  }

  #closeAll(): void {
    while (this.first !== undefined) this.first.abort("server stopped");
  }

  #finish(): void {
    this.reactor.timers.clear(this.#grace);
    if (this.#finished) return;
    this.#finished = true;
    this.#stopped();
  }
}

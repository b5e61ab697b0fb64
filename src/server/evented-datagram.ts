/** Drives a datagram protocol on a reactor. */
import { EAGAIN, EINTR, POLLIN } from "../abi/index.ts";
import { IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import { DatagramExchange } from "./datagram-exchange.ts";
import { BATCH } from "./datagram-memory.ts";
import type { RunningTask } from "./task.ts";

/** Batches per report, so that one socket's flood leaves the others their turn. */
const BATCHES_PER_REPORT = 16;

export class EventedDatagramServer extends IdleHandler {
  readonly #reactor: Reactor;
  readonly #exchange: DatagramExchange;
  readonly #slot: Slot;
  readonly #task: RunningTask;
  readonly #stopped: () => void;

  constructor(reactor: Reactor, task: RunningTask, stopped: () => void) {
    super();
    this.#reactor = reactor;
    this.#task = task;
    this.#exchange = new DatagramExchange(task, reactor.timers, () => reactor.nowMs);
    this.#stopped = stopped;
    this.#slot = reactor.attach(task.fd, this);
    reactor.arm(this.#slot, POLLIN);
  }

  override ready(slot: Slot): void {
    for (let i = 0; i < BATCHES_PER_REPORT; i++) {
      const received = this.#exchange.serve();
      if (received < 0 && received !== -EAGAIN && received !== -EINTR) this.#exchange.complain(-received);
      if (received < BATCH) break;
    }
    this.#reactor.arm(slot, POLLIN);
  }

  /** What waits in the kernel is dropped: datagrams promise nothing else. */
  stop(_graceMs: number): void {
    this.#reactor.detach(this.#slot);
    this.#task.control.closeSocket(this.#task.fd);
    this.#exchange.dispose();
    this.#stopped();
  }
}

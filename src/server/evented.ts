/** One task on one reactor: the part that is the same for every loop design, alone or inside Node's loop. */
import { POLLIN } from "../abi/index.ts";
import { IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import type { Control } from "./control.ts";
import { EventedDatagramServer } from "./evented-datagram.ts";
import { EventedStreamServer } from "./evented-listener.ts";
import { connectShared } from "./evented-shared.ts";
import type { RunningTask } from "./task.ts";

/** Watches the control descriptor and passes orders to stop on: the first, and a later one that is in more of a hurry. */
class StopWatch extends IdleHandler {
  readonly #reactor: Reactor;
  readonly #control: Control;
  readonly #server: { stop(graceMs: number): void };
  readonly slot: Slot;

  constructor(reactor: Reactor, control: Control, server: { stop(graceMs: number): void }) {
    super();
    this.#reactor = reactor;
    this.#control = control;
    this.#server = server;
    this.slot = reactor.attach(control.fd, this);
    reactor.arm(this.slot, POLLIN);
  }

  override ready(slot: Slot): void {
    this.#control.consume();
    this.#reactor.arm(slot, POLLIN);
    this.#server.stop(this.#control.graceMs);
  }
}

type DatagramServer = new (reactor: Reactor, task: RunningTask, stopped: () => void) => { stop(graceMs: number): void };

/**
 * Serves a task on a reactor.
 * @param stopped called once the control has asked to stop and nothing is left to serve.
 * @param OfDatagrams how datagrams are served; by default in batches, by one socket for all peers.
 */
export function serveOnReactor(
  reactor: Reactor,
  task: RunningTask,
  stopped: () => void,
  OfDatagrams: DatagramServer = EventedDatagramServer,
): void {
  const disconnect = connectShared(reactor, task);
  const done = (): void => {
    disconnect();
    reactor.detach(watch.slot);
    stopped();
  };
  const server =
    task.kind === "stream" ? new EventedStreamServer(reactor, task, done) : new OfDatagrams(reactor, task, done);
  const watch = new StopWatch(reactor, task.control, server);
}

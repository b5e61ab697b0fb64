/** What the conversations of a loop share, carried by that loop. */
import { Deadline, IdleHandler, type Reactor, type Slot } from "../reactor/index.ts";
import type { Channel } from "./channel.ts";
import { MAX_WAITING_BYTES } from "./channel-parent.ts";
import { LocalHub, type SharedAccess } from "./shared-state-desk.ts";
import type { RunningTask } from "./task.ts";

/** Lets a task's conversations share, if they do. @returns what ends it */
export function connectShared(reactor: Reactor, task: RunningTask): () => void {
  const { shared, control } = task;
  if (shared instanceof LocalHub) return connectLocal(reactor, shared);
  if (shared === undefined || control.channel === undefined) return () => {};
  const link = new ChannelLink(reactor, task, control.channel, shared);
  return () => void reactor.detach(link.slot);
}

/** Orders are done at the end of the pass in which they were given, when no protocol is running. */
export function connectLocal(reactor: Reactor, hub: LocalHub): () => void {
  const deadline = new Deadline({ expired: () => hub.deliver() }, 0);
  hub.onOrder = () => reactor.timers.set(deadline, reactor.nowMs);
  return () => {
    hub.onOrder = undefined;
    reactor.timers.clear(deadline);
  };
}

/** The channel to the hub, as one more descriptor of the loop. */
class ChannelLink extends IdleHandler {
  readonly slot: Slot;
  readonly #reactor: Reactor;
  readonly #task: RunningTask;
  readonly #channel: Channel;
  readonly #shared: SharedAccess;

  constructor(reactor: Reactor, task: RunningTask, channel: Channel, shared: SharedAccess) {
    super();
    this.#reactor = reactor;
    this.#task = task;
    this.#channel = channel;
    this.#shared = shared;
    this.slot = reactor.attach(channel.fd, this);
    reactor.background(this.slot, true);
    reactor.receive(this.slot);
    channel.sendThrough = (line) => this.#send(line);
  }

  override received(_slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    this.#channel.push(bytes, start, end);
    this.#shared.deliver();
  }

  override ended(): void {
    this.#lose();
  }

  override failed(): void {
    this.#lose();
  }

  #send(line: Uint8Array): void {
    if (this.#reactor.pending(this.slot) > MAX_WAITING_BYTES) {
      throw new RangeError(`the owner of what is shared has not read ${MAX_WAITING_BYTES} bytes`);
    }
    this.#reactor.send(this.slot, line, 0, line.length);
  }

  /** The server is gone. */
  #lose(): void {
    this.#channel.lose();
    this.#channel.sendThrough = () => {};
    this.#task.control.stop(0);
  }
}

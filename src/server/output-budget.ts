/** What all connections of a server on one loop may hold together: output that peers do not take, input received ahead. */
import { Deadline, type DeadlineOwner, OutputTally } from "../reactor/index.ts";
import { ABORTED_TOTAL_BYTES, add } from "./counters.ts";
import type { Connection, ConnectionOwner } from "./evented-stream.ts";

export class OutputBudget implements DeadlineOwner {
  /** What the reactor counts in. */
  readonly tally: OutputTally;
  readonly #owner: ConnectionOwner;
  readonly #deadline = new Deadline(this, 0);

  constructor(owner: ConnectionOwner) {
    const { reactor, task } = owner;
    this.#owner = owner;
    // In the midst of a send no connection can be closed: it is done in the same pass, when no protocol is running.
    this.tally = new OutputTally(task.limits.maxTotalBytes, () => reactor.timers.set(this.#deadline, reactor.nowMs));
  }

  get isPassed(): boolean {
    return this.tally.bytes > this.tally.maxBytes;
  }

  expired(): void {
    if (this.isPassed) this.relieve();
  }

  /** Aborts the connections of which most is held, until what is left may be. Call it when no protocol is running. */
  relieve(): void {
    const { task } = this.#owner;
    for (const connection of this.#byWeight()) {
      if (!this.isPassed) return;
      // One that was aborted may have taken this one with it.
      if (connection.held === 0) continue;
      add(task.counters, ABORTED_TOTAL_BYTES, 1);
      connection.abort(`more than ${task.limits.maxTotalBytes} bytes are held for all peers, and most for this one`);
    }
  }

  #byWeight(): Connection[] {
    const holding: Connection[] = [];
    for (let each = this.#owner.first; each !== undefined; each = each.next) if (each.held > 0) holding.push(each);
    return holding.sort((a, b) => b.held - a.held);
  }
}

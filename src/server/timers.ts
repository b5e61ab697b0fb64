/** The timers of one protocol object, by the ids that it chose, over a heap that it shares with everybody. */
import { Deadline, type DeadlineHeap, type DeadlineOwner } from "../reactor/index.ts";

/** Timers that one protocol object may have at a time. */
const MAX_TIMERS = 64;

export class ProtocolTimers implements DeadlineOwner {
  readonly #heap: DeadlineHeap;
  readonly #due: (id: number) => void;
  readonly #deadlines = new Map<number, Deadline>();

  constructor(heap: DeadlineHeap, due: (id: number) => void) {
    this.#heap = heap;
    this.#due = due;
  }

  set(id: number, atMs: number): void {
    let deadline = this.#deadlines.get(id);
    if (deadline === undefined) {
      if (this.#deadlines.size >= MAX_TIMERS) throw new RangeError(`a protocol may set ${MAX_TIMERS} timers at a time`);
      deadline = new Deadline(this, id);
      this.#deadlines.set(id, deadline);
    }
    this.#heap.set(deadline, atMs);
  }

  clear(id: number): void {
    const deadline = this.#deadlines.get(id);
    if (deadline === undefined) return;
    this.#heap.clear(deadline);
    this.#deadlines.delete(id);
  }

  clearAll(): void {
    for (const deadline of this.#deadlines.values()) this.#heap.clear(deadline);
    this.#deadlines.clear();
  }

  expired(id: number): void {
    this.#deadlines.delete(id);
    this.#due(id);
  }
}

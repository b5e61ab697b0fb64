/**
 * One heap of deadlines per loop: the earliest is at the top, setting and clearing cost O(log n), and no system call.
 * Connections that are busy move their idle deadline at each message; they should note the time of the message and move
 * the deadline only when it fires, which makes a message free.
 */

/** The most deadlines a loop keeps. A bound against leaks: a loop has at most a few per connection. */
const MAX_DEADLINES = 1 << 22;

const ONE_MICROSECOND_MS = 0.001;

/** Who is called back. One owner may have several deadlines and tells them apart by their ids. */
export interface DeadlineOwner {
  /** The deadline is due, and no longer set; it may be set again. */
  expired(id: number): void;
}

/** A moment at which to call back. Belongs to one heap at a time. */
export class Deadline {
  atMs: number = Number.POSITIVE_INFINITY;
  /** Its place in the heap; -1 while not set. */
  position: number = -1;
  readonly owner: DeadlineOwner;
  readonly id: number;

  constructor(owner: DeadlineOwner, id = 0) {
    this.owner = owner;
    this.id = id;
  }

  /** Whether it is in a heap, to fire. */
  get isSet(): boolean {
    return this.position >= 0;
  }
}

/** The deadlines of one loop, the earliest on top. */
export class DeadlineHeap {
  readonly #heap: Deadline[] = [];
  /** While deadlines fire, the moment up to which they do. */
  #firingMs = Number.NEGATIVE_INFINITY;
  /** Called when the earliest deadline has come closer. For the host inside Node's loop. */
  onEarlier: (() => void) | undefined;

  /** How many deadlines are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline in milliseconds, or Infinity. */
  get nextMs(): number {
    const first = this.#heap[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.atMs;
  }

  /**
   * Sets or moves a deadline. One set by a callback to a moment past is due in the next firing, so that firing ends.
   * @throws RangeError for a moment that is not a number, and beyond the maximum of deadlines.
   */
  set(deadline: Deadline, wantedMs: number): void {
    const atMs = wantedMs > this.#firingMs ? wantedMs : this.#bounded(wantedMs);
    const earliestMs = this.nextMs;
    const previousMs = deadline.atMs;
    deadline.atMs = atMs;
    if (deadline.position < 0) {
      if (this.#heap.length >= MAX_DEADLINES) throw new RangeError(`more than ${MAX_DEADLINES} deadlines in one loop`);
      this.#rise(deadline, this.#heap.length);
    } else if (atMs < previousMs) {
      this.#rise(deadline, deadline.position);
    } else {
      this.#sink(deadline, deadline.position);
    }
    if (atMs < earliestMs) this.onEarlier?.();
  }

  /** Clears a deadline; one that is not set is left alone. */
  clear(deadline: Deadline): void {
    const hole = deadline.position;
    if (hole < 0) return;
    deadline.position = -1;
    const last = this.#heap.pop() as Deadline;
    if (last === deadline) return;
    if (last.atMs < deadline.atMs) this.#rise(last, hole);
    else this.#sink(last, hole);
  }

  /**
   * Calls back what is due, in the order of the deadlines.
   * @returns how many were due.
   */
  fire(nowMs: number): number {
    if (this.nextMs > nowMs) return 0;
    let fired = 0;
    this.#firingMs = nowMs;
    try {
      while (this.nextMs <= nowMs) {
        const first = this.#heap[0] as Deadline;
        this.clear(first);
        fired++;
        first.owner.expired(first.id);
      }
    } finally {
      this.#firingMs = Number.NEGATIVE_INFINITY;
    }
    return fired;
  }

  #bounded(wantedMs: number): number {
    if (Number.isNaN(wantedMs)) throw new RangeError("a deadline's moment is not a number");
    return this.#firingMs + ONE_MICROSECOND_MS;
  }

  #rise(deadline: Deadline, from: number): void {
    const heap = this.#heap;
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = heap[parent] as Deadline;
      if (above.atMs <= deadline.atMs) break;
      heap[position] = above;
      above.position = position;
      position = parent;
    }
    heap[position] = deadline;
    deadline.position = position;
  }

  #sink(deadline: Deadline, from: number): void {
    const heap = this.#heap;
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Deadline).atMs < (heap[child] as Deadline).atMs) child++;
      const below = heap[child] as Deadline;
      if (below.atMs >= deadline.atMs) break;
      heap[position] = below;
      below.position = position;
      position = child;
    }
    heap[position] = deadline;
    deadline.position = position;
  }
}

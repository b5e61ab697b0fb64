/**
 * A bounded queue of accepted connections between the threads of one process: a ring of descriptors in shared memory, with
 * two counting eventfds (EFD_SEMAPHORE, eventfd(2)) that can be polled beside everything else a thread waits for: how many
 * wait to be taken, and how many more may be put. One thread puts, any number take.
 */
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE } from "../abi/index.ts";
import { checked } from "../socket/index.ts";
import { close, eventfd, read, write } from "../sys/index.ts";
import type { AcceptedClient } from "./admission.ts";

const CAPACITY = 0;
const ITEMS_FD = 1;
const SPACES_FD = 2;
/** How many were ever put, and taken; the differences count, so they may wrap around. */
const PUT = 3;
const TAKEN = 4;
/** Nothing will be put any more. */
const CLOSED = 5;
const FIRST = 6;
/** Of each connection: its descriptor, and where its source is counted. */
const ENTRY_WORDS = 2;
/** Wakes everybody who waits to take, for good. */
const MANY = 1n << 20n;

export class ConnectionQueue {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** @throws SystemError EMFILE, ENOMEM … */
  static create(capacity: number): ConnectionQueue {
    const queue = new ConnectionQueue(
      new SharedArrayBuffer((FIRST + capacity * ENTRY_WORDS) * Int32Array.BYTES_PER_ELEMENT),
    );
    const flags = EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE;
    const items = checked("eventfd", eventfd(0, flags));
    const spaces = eventfd(capacity, flags);
    if (spaces < 0) close(items);
    queue.#words.set([capacity, items, checked("eventfd", spaces)]);
    return queue;
  }

  /** In another thread. */
  static from(memory: SharedArrayBuffer): ConnectionQueue {
    return new ConnectionQueue(memory);
  }

  /** Polls readable while there may be something to take, and for ever once the queue is closed. */
  get itemsFd(): number {
    return this.#words[ITEMS_FD] as number;
  }

  /** Polls readable while there is room. */
  get spacesFd(): number {
    return this.#words[SPACES_FD] as number;
  }

  /** Takes room for one. @returns false where there is none */
  reserve(): boolean {
    return read(this.spacesFd, new BigUint64Array(1), 8) > 0;
  }

  /** Gives back room that was not used. */
  unreserve(): void {
    write(this.spacesFd, new BigUint64Array([1n]), 8);
  }

  /** Puts a connection where room was reserved. */
  put({ fd, place }: AcceptedClient): void {
    const put = Atomics.load(this.#words, PUT);
    Atomics.store(this.#words, this.#place(put), fd);
    Atomics.store(this.#words, this.#place(put) + 1, place);
    Atomics.store(this.#words, PUT, (put + 1) | 0);
    write(this.itemsFd, new BigUint64Array([1n]), 8);
  }

  /** @returns the connection that has waited longest; undefined where none waits */
  take(): AcceptedClient | undefined {
    if (read(this.itemsFd, new BigUint64Array(1), 8) === -EAGAIN) return undefined;
    const client = this.#takeLast();
    if (client !== undefined) this.unreserve();
    return client;
  }

  /** Nothing more will be put. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    write(this.itemsFd, new BigUint64Array([MANY]), 8);
  }

  get isClosed(): boolean {
    return Atomics.load(this.#words, CLOSED) === 1;
  }

  /** When no thread uses it any more. @param drop is given what nobody has taken */
  dispose(drop: (fd: number) => void): void {
    for (let client = this.#takeLast(); client !== undefined; client = this.#takeLast()) drop(client.fd);
    close(this.itemsFd);
    close(this.spacesFd);
  }

  /** Each place is given out once, by whoever moves TAKEN on. */
  #takeLast(): AcceptedClient | undefined {
    for (;;) {
      const taken = Atomics.load(this.#words, TAKEN);
      if (taken === Atomics.load(this.#words, PUT)) return undefined;
      const fd = Atomics.load(this.#words, this.#place(taken));
      const place = Atomics.load(this.#words, this.#place(taken) + 1);
      if (Atomics.compareExchange(this.#words, TAKEN, taken, (taken + 1) | 0) === taken) return { fd, place };
    }
  }

  #place(count: number): number {
    return FIRST + ((count >>> 0) % (this.#words[CAPACITY] as number)) * ENTRY_WORDS;
  }
}

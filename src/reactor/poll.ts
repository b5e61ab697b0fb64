/**
 * poll(2).
 *
 * The set is an array of ours, handed over whole at every wait: a change costs a store, a wait costs a look at every
 * descriptor, in the kernel and again here. So it suits tens of descriptors, beats epoll where interest changes with
 * every message, and falls behind with hundreds of idle ones. It is level-triggered like epoll, and like epoll it
 * reports POLLERR, POLLHUP and POLLNVAL unasked; unlike epoll it takes any descriptor, regular files included, and it
 * watches numbers rather than open files: a descriptor that was closed behind our back reports POLLNVAL, or whatever
 * the number's next owner does.
 *
 * Ready descriptors beyond the maximum per wait are found by the next wait, which goes on where this one ended: else
 * the first descriptors of the array could starve the last.
 */
import { EEXIST, EINVAL, ENOENT } from "../abi/index.ts";
import { mapRegion, pollAt, type Region, unmapRegion } from "../sys/index.ts";
import { MAX_DESCRIPTORS } from "./contract.ts";
import { MAX_EVENTS_PER_WAIT, type Selector } from "./selector.ts";

const POLLFD_BYTES = 8;
const FIRST_CAPACITY = 64;
const MAX_CAPACITY = 1 << 20;

export class PollSelector implements Selector {
  readonly name = "poll";
  readonly descriptor = -1;
  readonly isEdgeTriggered = false;
  readonly maxDescriptors: number = MAX_DESCRIPTORS;
  readonly readyTags: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  readonly readyEvents: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  onWaitSetChange: (() => void) | undefined = undefined;
  /** Parallel to the array of pollfds. */
  #tags = new Int32Array(FIRST_CAPACITY);
  readonly #placeOf = new Map<number, number>();
  #memory: Region = mapRegion(FIRST_CAPACITY * POLLFD_BYTES);
  #words = new Int32Array(this.#memory.bytes.buffer);
  #count = 0;
  #scanFrom = 0;

  register(fd: number, tag: number, events: number): number {
    if (fd < 0) return -EINVAL;
    if (this.#placeOf.has(fd)) return -EEXIST;
    if (this.#count === this.#tags.length) this.#grow();
    const place = this.#count++;
    this.#placeOf.set(fd, place);
    this.#store(place, fd, tag, events);
    return 0;
  }

  modify(fd: number, tag: number, events: number): number {
    const place = this.#placeOf.get(fd);
    if (place === undefined) return -ENOENT;
    this.#store(place, fd, tag, events);
    return 0;
  }

  unregister(fd: number): number {
    const place = this.#placeOf.get(fd);
    if (place === undefined) return -ENOENT;
    this.#placeOf.delete(fd);
    const last = --this.#count;
    if (place !== last) {
      const lastFd = this.#words[last * 2] as number;
      this.#words[place * 2] = lastFd;
      this.#words[place * 2 + 1] = this.#words[last * 2 + 1] as number;
      this.#tags[place] = this.#tags[last] as number;
      this.#placeOf.set(lastFd, place);
    }
    this.onWaitSetChange?.();
    return 0;
  }

  wait(timeoutMs: number): number {
    // SAFETY: the array lies in memory of ours that outlives the call.
    const ready = pollAt(this.#memory.address, this.#count, timeoutMs);
    if (ready <= 0) return ready;
    const count = this.#count;
    let found = 0;
    let place = this.#scanFrom < count ? this.#scanFrom : 0;
    for (let looked = 0; looked < count && found < ready && found < MAX_EVENTS_PER_WAIT; looked++) {
      const events = (this.#words[place * 2 + 1] as number) >>> 16;
      if (events !== 0) {
        this.readyTags[found] = this.#tags[place] as number;
        this.readyEvents[found] = events;
        found++;
      }
      place = place + 1 === count ? 0 : place + 1;
    }
    this.#scanFrom = place;
    return found;
  }

  waitSet(): Int32Array {
    return this.#words.slice(0, this.#count * 2);
  }

  close(): void {
    unmapRegion(this.#memory);
  }

  /** A pollfd is two words: the descriptor, and `events` (low half) with `revents` (high half). */
  #store(place: number, fd: number, tag: number, events: number): void {
    this.#words[place * 2] = fd;
    this.#words[place * 2 + 1] = events & 0xffff;
    this.#tags[place] = tag;
    this.onWaitSetChange?.();
  }

  #grow(): void {
    const capacity = this.#tags.length * 2;
    if (capacity > MAX_CAPACITY) throw new RangeError(`poll: more than ${MAX_CAPACITY} descriptors in one set`);
    const old = this.#memory;
    const tags = new Int32Array(capacity);
    tags.set(this.#tags);
    this.#tags = tags;
    this.#memory = mapRegion(capacity * POLLFD_BYTES);
    this.#memory.bytes.set(old.bytes);
    this.#words = new Int32Array(this.#memory.bytes.buffer);
    unmapRegion(old);
  }
}

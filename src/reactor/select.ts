/**
 * select(2).
 *
 * Three bit sets, of what is to be readable, writable and exceptional (urgent data), go in, and come back with the bits
 * of what is: so each wait starts on fresh copies and ends with a look at every bit. The oldest of the calls, the one in
 * every textbook, and the narrowest: a set has room for 1,024 descriptors, and a number beyond that would be written
 * past its end. Such a descriptor is refused when it is attached.
 *
 * Errors and hang-ups are not reported as such. They make a descriptor readable (the read then tells), so one that
 * nobody wants to read keeps silent about them: the opposite of poll and epoll, which never keep silent. A descriptor
 * that was closed behind our back fails the whole call (EBADF); we then look for it and report it alone.
 */
import {
  EBADF,
  EEXIST,
  EMFILE,
  ENOENT,
  F_GETFD,
  FD_SETSIZE,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
} from "../abi/index.ts";
import { fcntl, mapRegion, type Region, select, unmapRegion } from "../sys/index.ts";
import { MAX_EVENTS_PER_WAIT, type Selector } from "./selector.ts";

const BITS = 32;
const SET_WORDS = FD_SETSIZE / BITS;
const SET_BYTES = FD_SETSIZE / 8;
const READ = 0;
const WRITE = 1;
const EXCEPT = 2;
const SETS = 3;
const EVENT_OF_SET: readonly number[] = [POLLIN, POLLOUT, POLLPRI];
/** Microseconds in a millisecond: a struct timeval counts in them. */
const MICROSECONDS_PER_MS = 1000;

export class SelectSelector implements Selector {
  readonly name = "select";
  readonly descriptor = -1;
  readonly isEdgeTriggered = false;
  readonly maxDescriptors: number = FD_SETSIZE;
  readonly readyTags: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  readonly readyEvents: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  onWaitSetChange: (() => void) | undefined = undefined;
  /** What is wanted, and the copies that a wait is made on: three sets each. */
  readonly #wanted = new Int32Array(SETS * SET_WORDS);
  readonly #memory: Region = mapRegion(SETS * SET_BYTES);
  readonly #found = new Int32Array(this.#memory.bytes.buffer, 0, SETS * SET_WORDS);
  readonly #tags = new Int32Array(FD_SETSIZE);
  readonly #isKnown = new Uint8Array(FD_SETSIZE);
  #highest = -1;

  register(fd: number, tag: number, events: number): number {
    if (fd >= FD_SETSIZE) return -EMFILE;
    if (this.#isKnown[fd] === 1) return -EEXIST;
    // The kernel passes over numbers beyond the highest that was ever open, and leaves their bits as they were.
    if (fcntl(fd, F_GETFD) === -EBADF) return -EBADF;
    this.#isKnown[fd] = 1;
    this.#highest = Math.max(this.#highest, fd);
    return this.modify(fd, tag, events);
  }

  modify(fd: number, tag: number, events: number): number {
    if (this.#isKnown[fd] !== 1) return -ENOENT;
    this.#tags[fd] = tag;
    for (let set = READ; set < SETS; set++) this.#put(set, fd, (events & (EVENT_OF_SET[set] as number)) !== 0);
    this.onWaitSetChange?.();
    return 0;
  }

  unregister(fd: number): number {
    if (this.#isKnown[fd] !== 1) return -ENOENT;
    for (let set = READ; set < SETS; set++) this.#put(set, fd, false);
    this.#isKnown[fd] = 0;
    while (this.#highest >= 0 && this.#isKnown[this.#highest] !== 1) this.#highest--;
    this.onWaitSetChange?.();
    return 0;
  }

  wait(timeoutMs: number): number {
    const timeout =
      timeoutMs < 0
        ? null
        : new BigUint64Array([
            BigInt(Math.floor(timeoutMs / 1000)),
            BigInt(Math.ceil((timeoutMs % 1000) * MICROSECONDS_PER_MS)),
          ]);
    this.#found.set(this.#wanted);
    const { address } = this.#memory;
    // SAFETY: the sets lie in memory of ours that outlives the call.
    const bits = select(this.#highest + 1, address, address + SET_BYTES, address + EXCEPT * SET_BYTES, timeout);
    if (bits === -EBADF) return this.#findClosed();
    return bits < 0 ? bits : this.#collect();
  }

  waitSet(): Int32Array {
    const pollfds: number[] = [];
    for (let fd = 0; fd <= this.#highest; fd++) {
      const events = this.#eventsOf(this.#wanted, fd);
      if (events !== 0) pollfds.push(fd, events);
    }
    return new Int32Array(pollfds);
  }

  close(): void {
    unmapRegion(this.#memory);
  }

  #put(set: number, fd: number, isWanted: boolean): void {
    const word = set * SET_WORDS + (fd >>> 5);
    const bit = 1 << (fd & (BITS - 1));
    this.#wanted[word] = isWanted ? (this.#wanted[word] as number) | bit : (this.#wanted[word] as number) & ~bit;
  }

  #eventsOf(sets: Int32Array, fd: number): number {
    const bit = 1 << (fd & (BITS - 1));
    let events = 0;
    for (let set = READ; set <= EXCEPT; set++) {
      if (((sets[set * SET_WORDS + (fd >>> 5)] as number) & bit) !== 0) events |= EVENT_OF_SET[set] as number;
    }
    return events;
  }

  #collect(): number {
    let count = 0;
    const words = (this.#highest >>> 5) + 1;
    for (let word = 0; word < words; word++) {
      let bits =
        (this.#found[word] as number) |
        (this.#found[WRITE * SET_WORDS + word] as number) |
        (this.#found[EXCEPT * SET_WORDS + word] as number);
      while (bits !== 0) {
        const low = bits & -bits;
        bits ^= low;
        const fd = word * BITS + (31 - Math.clz32(low));
        this.readyTags[count] = this.#tags[fd] as number;
        this.readyEvents[count] = this.#eventsOf(this.#found, fd);
        count++;
      }
    }
    return count;
  }

  #findClosed(): number {
    let count = 0;
    for (let fd = 0; fd <= this.#highest; fd++) {
      if (this.#isKnown[fd] !== 1 || fcntl(fd, F_GETFD) !== -EBADF) continue;
      this.readyTags[count] = this.#tags[fd] as number;
      this.readyEvents[count] = POLLNVAL;
      count++;
    }
    return count;
  }
}

/**
 * epoll(7), level-triggered or edge-triggered.
 *
 * The kernel keeps the set of descriptors, so a wait costs only what is ready, and a change costs a system call
 * (epoll_ctl), so changes are worth avoiding: a connection that is read and written without ever blocking needs one,
 * when it is added. Level-triggered means that a descriptor is reported again while its condition holds: one recv per
 * report is enough, what is left over comes with the next wait, and no connection can starve another by sending
 * without pause. Errors and hang-ups are reported whether wanted or not, so a descriptor that nobody reads must be
 * closed or removed once it fails, else every wait returns at once.
 *
 * epoll watches the open file, not the number. A duplicate (dup, fork, SCM_RIGHTS) keeps a closed number reporting,
 * which is why descriptors are removed before they are closed and why events carry a generation. Events of one wait
 * that were fetched before a handler closed their descriptor are dropped by that generation too.
 *
 * Regular files are refused (EPERM): they are always ready.
 *
 * Edge-triggered (EPOLLET), a condition is reported when it begins. Fewer reports come of it, and a duty: whoever is told
 * must go on until the kernel says EAGAIN, or will not be told again. A receive that came back short says as much for
 * bytes, but not for the end of the stream, which may have arrived with them: hence EPOLLRDHUP, which says that it has. Nor
 * for those behind urgent data, before which each receive stops: hence EPOLLPRI, which says that there are such. A receive
 * from a unix socket also stops behind bytes that descriptors were passed with, which nothing says: there one more is tried.
 * A change of what is wanted (EPOLL_CTL_MOD) looks anew, so a condition that began while nobody wanted it is reported.
 */
import {
  abiFor,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLPRI,
  EPOLLRDHUP,
  POLLIN,
} from "../abi/index.ts";
import {
  architecture,
  epoll_create1,
  epoll_ctlAt,
  epoll_waitAt,
  mapRegion,
  type Region,
  unmapRegion,
} from "../sys/index.ts";
import { check } from "./check.ts";
import { MAX_DESCRIPTORS } from "./contract.ts";
import { closeKept, keepDescriptor } from "./descriptor.ts";
import { MAX_EVENTS_PER_WAIT, type Selector } from "./selector.ts";

/** struct epoll_event is packed on x64 (12 bytes) and padded on arm64 (16). */
const EVENT = abiFor(architecture).EPOLL_EVENT;
const EVENT_WORDS = EVENT.size / 4;
const DATA_WORD = EVENT.data / 4;

export class EpollSelector implements Selector {
  readonly name: string;
  readonly descriptor: number;
  readonly isEdgeTriggered: boolean;
  readonly maxDescriptors: number = MAX_DESCRIPTORS;
  /** Added to what is wanted. */
  readonly #always: number;
  readonly readyTags: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  readonly readyEvents: Int32Array = new Int32Array(MAX_EVENTS_PER_WAIT);
  onWaitSetChange: (() => void) | undefined = undefined;
  /** The events of a wait, and after them the one event of a change. */
  readonly #memory: Region = mapRegion((MAX_EVENTS_PER_WAIT + 1) * EVENT.size);
  readonly #words: Int32Array = new Int32Array(this.#memory.bytes.buffer);
  readonly #changeWord = MAX_EVENTS_PER_WAIT * EVENT_WORDS;
  readonly #changeAddress = this.#memory.address + MAX_EVENTS_PER_WAIT * EVENT.size;

  /** @param isEdgeTriggered report a condition when it begins, and not while it holds. */
  constructor(isEdgeTriggered = false) {
    this.isEdgeTriggered = isEdgeTriggered;
    this.name = isEdgeTriggered ? "epoll-et" : "epoll";
    this.#always = isEdgeTriggered ? EPOLLET | EPOLLPRI | EPOLLRDHUP : 0;
    const descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0) unmapRegion(this.#memory);
    this.descriptor = keepDescriptor(check("epoll_create1", descriptor));
  }

  register(fd: number, tag: number, events: number): number {
    return this.#change(EPOLL_CTL_ADD, fd, tag, events);
  }

  modify(fd: number, tag: number, events: number): number {
    return this.#change(EPOLL_CTL_MOD, fd, tag, events);
  }

  unregister(fd: number): number {
    return this.#change(EPOLL_CTL_DEL, fd, 0, 0);
  }

  #change(operation: number, fd: number, tag: number, events: number): number {
    this.#words[this.#changeWord] = events === 0 ? 0 : events | this.#always;
    this.#words[this.#changeWord + DATA_WORD] = tag;
    // SAFETY: the event lies in memory of ours that outlives the call; the kernel copies it.
    return epoll_ctlAt(this.descriptor, operation, fd, this.#changeAddress);
  }

  wait(timeoutMs: number): number {
    // SAFETY: the events lie in memory of ours that outlives the call.
    const count = epoll_waitAt(this.descriptor, this.#memory.address, MAX_EVENTS_PER_WAIT, timeoutMs);
    const words = this.#words;
    for (let i = 0, at = 0; i < count; i++, at += EVENT_WORDS) {
      this.readyEvents[i] = words[at] as number;
      this.readyTags[i] = words[at + DATA_WORD] as number;
    }
    return count;
  }

  waitSet(): Int32Array {
    return new Int32Array([this.descriptor, POLLIN]);
  }

  close(): void {
    closeKept(this.descriptor);
    unmapRegion(this.#memory);
  }
}

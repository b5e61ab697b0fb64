/**
 * The two rings shared with the kernel, as typed arrays: submission entries are written and completions read with plain
 * stores and loads, and one system call a pass hands over the one and waits for the other.
 *
 * The kernel reads the submission tail inside io_uring_enter, on this thread, so plain stores suffice there; with
 * DEFER_TASKRUN completions too are posted only inside our own calls. The completion head is released with
 * `Atomics.store`, so that the kernel never sees an entry freed before it was read.
 */
import {
  ECANCELED,
  IO_CQRING_OFFSETS,
  IO_SQRING_OFFSETS,
  IO_URING_CQE,
  IO_URING_GETEVENTS_ARG,
  IO_URING_PARAMS,
  IO_URING_SQE,
  IORING_CQ_EVENTFD_DISABLED,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_OFF_SQES,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_UNREGISTER_RING_FDS,
  MAP_POPULATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/index.ts";
import {
  io_uring_enter,
  io_uring_register,
  io_uring_setup,
  mapRegion,
  mmap,
  munmap,
  unmapRegion,
  viewMemory,
} from "../../sys/index.ts";
import { closeKept, keepDescriptor } from "../descriptor.ts";
import { allowed } from "./refusal.ts";

const SUBMISSION_ENTRIES = 4096;
const COMPLETION_ENTRIES = 32_768;

const SETUP_FLAGS =
  IORING_SETUP_CQSIZE |
  IORING_SETUP_DEFER_TASKRUN |
  IORING_SETUP_NO_SQARRAY |
  IORING_SETUP_SINGLE_ISSUER |
  IORING_SETUP_SUBMIT_ALL;

const SQE_WORDS = IO_URING_SQE.size / 4;
const CQE_WORDS = IO_URING_CQE.size / 4;
const TWO_32 = 2 ** 32;
const NANOSECONDS_PER_MS = 1_000_000;

/** Words of a submission entry, by the first field that each holds. */
const W_OPCODE = 0;
const W_FD = IO_URING_SQE.fd / 4;
const W_OFF = IO_URING_SQE.off / 4;
const W_ADDR = IO_URING_SQE.addr / 4;
const W_LEN = IO_URING_SQE.len / 4;
const W_FLAGS = IO_URING_SQE.rw_flags / 4;
const W_USER = IO_URING_SQE.user_data / 4;
const W_GROUP = IO_URING_SQE.buf_group / 4;
/** `optlen` of newer headers, in the place of this one. */
const W_BOUND = IO_URING_SQE.file_index / 4;

/** Opcode, entry flags and I/O priority, which share the first word of an entry. */
export function firstWord(opcode: number, entryFlags = 0, ioPriority = 0): number {
  return opcode | (entryFlags << 8) | (ioPriority << 16);
}

export class Ring {
  readonly fd: number;
  readonly #enterFd: number;
  readonly #isRegistered: boolean;
  readonly #enterFlags: number;
  readonly #rings: Uint32Array;
  readonly #signed: Int32Array;
  readonly #entries: Int32Array;
  readonly #mappings: readonly { address: number; sizeBytes: number }[];
  readonly #submissionTailWord: number;
  readonly #submissionMask: number;
  readonly #submissionFlagsWord: number;
  readonly #headWord: number;
  readonly #tailWord: number;
  readonly #flagsWord: number;
  readonly #completionsWord: number;
  readonly #completionMask: number;
  #tail: number;
  /** Entries written and not yet handed over. */
  pending: number = 0;
  /** How often entries were handed over: an entry written at another count is the kernel's. */
  submissions: number = 0;
  /** struct io_uring_getevents_arg with its struct __kernel_timespec behind it. */
  readonly #wait = mapRegion(IO_URING_GETEVENTS_ARG.size + 16);
  readonly #waitWords = new BigInt64Array(this.#wait.bytes.buffer);

  /** @throws UringRefused that says why, where the kernel or a sandbox refuses. */
  constructor() {
    const params = new Uint32Array(IO_URING_PARAMS.size / 4);
    params[IO_URING_PARAMS.flags / 4] = SETUP_FLAGS;
    params[IO_URING_PARAMS.cq_entries / 4] = COMPLETION_ENTRIES;
    const fd = io_uring_setup(SUBMISSION_ENTRIES, params);
    if (fd < 0) unmapRegion(this.#wait);
    this.fd = keepDescriptor(allowed("io_uring_setup", fd));

    const sq = (field: number): number => params[(IO_URING_PARAMS.sq_off + field) / 4] as number;
    const cq = (field: number): number => params[(IO_URING_PARAMS.cq_off + field) / 4] as number;
    const ringBytes =
      cq(IO_CQRING_OFFSETS.cqes) + (params[IO_URING_PARAMS.cq_entries / 4] as number) * IO_URING_CQE.size;
    const entryBytes = (params[IO_URING_PARAMS.sq_entries / 4] as number) * IO_URING_SQE.size;
    const rings = this.#map(ringBytes, 0);
    const entries = this.#map(entryBytes, IORING_OFF_SQES);
    this.#mappings = [rings, entries];
    const ringView = viewMemory(rings.address, ringBytes);
    this.#rings = new Uint32Array(ringView);
    this.#signed = new Int32Array(ringView);
    this.#entries = new Int32Array(viewMemory(entries.address, entryBytes));
    this.#submissionTailWord = sq(IO_SQRING_OFFSETS.tail) / 4;
    this.#submissionMask = this.#rings[sq(IO_SQRING_OFFSETS.ring_mask) / 4] as number;
    this.#submissionFlagsWord = sq(IO_SQRING_OFFSETS.flags) / 4;
    this.#headWord = cq(IO_CQRING_OFFSETS.head) / 4;
    this.#tailWord = cq(IO_CQRING_OFFSETS.tail) / 4;
    this.#flagsWord = cq(IO_CQRING_OFFSETS.flags) / 4;
    this.#completionsWord = cq(IO_CQRING_OFFSETS.cqes) / 4;
    this.#completionMask = this.#rings[cq(IO_CQRING_OFFSETS.ring_mask) / 4] as number;
    this.#tail = this.#rings[this.#submissionTailWord] as number;

    // Entering by a registered number saves the kernel a look-up of the descriptor at every call.
    const registration = new Uint32Array([0xffffffff, 0, this.fd, 0]);
    const isRegistered = io_uring_register(this.fd, IORING_REGISTER_RING_FDS, registration, 1) === 1;
    this.#isRegistered = isRegistered;
    this.#enterFd = isRegistered ? (registration[0] as number) : this.fd;
    this.#enterFlags = IORING_ENTER_GETEVENTS | (isRegistered ? IORING_ENTER_REGISTERED_RING : 0);
    this.#waitWords[IO_URING_GETEVENTS_ARG.ts / 8] = BigInt(this.#wait.address + IO_URING_GETEVENTS_ARG.size);
  }

  /**
   * Writes a submission entry. `first` is from {@link firstWord}; `tag` and `operation` come back with the completion.
   * @returns the entry's place, for {@link extend}.
   */
  push(
    first: number,
    fd: number,
    off: number,
    address: number,
    length: number,
    flags: number,
    tag: number,
    operation: number,
    group = 0,
  ): number {
    if (this.pending === SUBMISSION_ENTRIES) this.submit();
    const entries = this.#entries;
    const at = (this.#tail & this.#submissionMask) * SQE_WORDS;
    this.#tail = (this.#tail + 1) | 0;
    this.pending++;
    entries[at + W_OPCODE] = first;
    entries[at + W_FD] = fd;
    entries[at + W_OFF] = off | 0;
    entries[at + W_OFF + 1] = off / TWO_32;
    entries[at + W_ADDR] = (address % TWO_32) | 0;
    entries[at + W_ADDR + 1] = address / TWO_32;
    entries[at + W_LEN] = length;
    entries[at + W_FLAGS] = flags;
    entries[at + W_USER] = tag;
    entries[at + W_USER + 1] = operation;
    entries[at + W_GROUP] = group;
    for (let word = W_GROUP + 1; word < SQE_WORDS; word++) entries[at + word] = 0;
    return at;
  }

  /** Makes an entry that is not handed over yet `more` bytes longer. */
  extend(at: number, more: number): void {
    this.#entries[at + W_LEN] = (this.#entries[at + W_LEN] as number) + more;
  }

  /** Bounds the bytes that a multishot receive takes in all, which ends it (Linux 6.17; EINVAL before). */
  bound(at: number, bytes: number): void {
    this.#entries[at + W_BOUND] = bytes;
  }

  /** Gives an entry that is not handed over yet other memory. */
  replace(at: number, address: number, length: number): void {
    this.#entries[at + W_ADDR] = (address % TWO_32) | 0;
    this.#entries[at + W_ADDR + 1] = address / TWO_32;
    this.#entries[at + W_LEN] = length;
  }

  /** Hands over what was written, and runs what the kernel has deferred, without waiting. `-errno` on failure. */
  submit(): number {
    return this.#enter(0, 0, 0);
  }

  /** Hands over what was written and waits for a completion, at most `timeoutMs` (-1: for ever). */
  submitAndWait(timeoutMs: number): number {
    if (timeoutMs < 0) return this.#enter(1, 0, 0);
    const timespec = IO_URING_GETEVENTS_ARG.size / 8;
    this.#waitWords[timespec] = BigInt(Math.floor(timeoutMs / 1000));
    this.#waitWords[timespec + 1] = BigInt(Math.floor((timeoutMs % 1000) * NANOSECONDS_PER_MS));
    // SAFETY: the argument lies in memory that lives as long as the ring.
    return this.#enter(1, IORING_ENTER_EXT_ARG, this.#wait.address);
  }

  #enter(minComplete: number, extraFlags: number, argument: number): number {
    this.#rings[this.#submissionTailWord] = this.#tail;
    const count = this.pending;
    this.pending = 0;
    this.submissions++;
    const size = argument === 0 ? 0 : IO_URING_GETEVENTS_ARG.size;
    return io_uring_enter(this.#enterFd, count, minComplete, this.#enterFlags | extraFlags, argument, size);
  }

  /** How many completions wait to be read. */
  get completions(): number {
    return ((this.#rings[this.#tailWord] as number) - (this.#rings[this.#headWord] as number)) >>> 0;
  }

  /** Whether there are completions for which the ring had no room: it gets them when the kernel is entered next. */
  get isOverflowing(): boolean {
    return ((this.#rings[this.#submissionFlagsWord] as number) & IORING_SQ_CQ_OVERFLOW) !== 0;
  }

  /**
   * Calls back for each completion there is now; those that arrive meanwhile wait for the next call, and so do the rest
   * after a throw.
   */
  drain(complete: (tag: number, operation: number, result: number, flags: number) => void): number {
    const signed = this.#signed;
    let head = this.#rings[this.#headWord] as number;
    const tail = this.#rings[this.#tailWord] as number;
    const count = (tail - head) >>> 0;
    try {
      while (head !== tail) {
        const at = this.#completionsWord + (head & this.#completionMask) * CQE_WORDS;
        head = (head + 1) >>> 0;
        complete(signed[at] as number, signed[at + 1] as number, signed[at + 2] as number, signed[at + 3] as number);
      }
    } finally {
      Atomics.store(this.#rings, this.#headWord, head);
    }
    return count;
  }

  /** Shows each completion that waits; one for which `take` returns true is void from then on. */
  takeWaiting(take: (tag: number, operation: number, result: number) => boolean): void {
    const signed = this.#signed;
    const tail = this.#rings[this.#tailWord] as number;
    for (let head = this.#rings[this.#headWord] as number; head !== tail; head = (head + 1) >>> 0) {
      const at = this.#completionsWord + (head & this.#completionMask) * CQE_WORDS;
      if (!take(signed[at] as number, signed[at + 1] as number, signed[at + 2] as number)) continue;
      signed[at] = 0;
      signed[at + 2] = -ECANCELED;
    }
  }

  /** Whether completions are signalled to the registered eventfd. */
  set eventfdEnabled(isEnabled: boolean) {
    Atomics.store(this.#rings, this.#flagsWord, isEnabled ? 0 : IORING_CQ_EVENTFD_DISABLED);
  }

  close(): void {
    // The registration holds the ring as the descriptor does, until the thread ends; and a thread has but few.
    if (this.#isRegistered) {
      io_uring_register(this.fd, IORING_UNREGISTER_RING_FDS, new Uint32Array([this.#enterFd, 0, 0, 0]), 1);
    }
    closeKept(this.fd);
    for (const { address, sizeBytes } of this.#mappings) munmap(address, sizeBytes);
    unmapRegion(this.#wait);
  }

  #map(sizeBytes: number, offset: number): { address: number; sizeBytes: number } {
    const address = mmap(0, sizeBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, this.fd, offset);
    if (address < 0) throw new Error(`mmap of an io_uring failed with errno ${-address}`);
    return { address, sizeBytes };
  }
}

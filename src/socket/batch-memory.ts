/** The memory of a batch: where headers, vectors, names, control data and buffers lie in one piece of memory. */
import {
  CMSG_LEN,
  CMSG_SPACE,
  CMSGHDR,
  IOVEC,
  MAX_SOCKADDR_BYTES,
  MMSGHDR,
  MSGHDR,
  SOL_UDP,
  UDP_SEGMENT,
} from "../abi/index.ts";
import { addressOf } from "../sys/index.ts";

/** The sizes of a batch; all of its memory is taken when it is made. */
export interface BatchOptions {
  /** Datagrams that one receive takes at most: 64 by default, at most {@link MAX_BATCH}. */
  readonly capacity?: number | undefined;
  /** Room for each received datagram: 2048 by default. Longer ones are cut. With UDP_GRO, 65535 is wanted. */
  readonly sizeBytes?: number | undefined;
  /** Room for the ancillary data of each received datagram; 0 by default. 64 is enough for UDP_GRO and one more. */
  readonly controlBytes?: number | undefined;
  /** Datagrams that may be queued: as many as `capacity` by default, at most {@link MAX_BATCH}. */
  readonly queueCapacity?: number | undefined;
  /** Room for queued bytes that are not received ones handed back: 256 KiB by default. */
  readonly arenaBytes?: number | undefined;
}

/** Datagrams in one system call: the kernel's UIO_MAXIOV. */
export const MAX_BATCH = 1024;
/** The longest datagram of UDP, headers included. */
export const MAX_DATAGRAM_BYTES = 65_535;
/** Control data of one send that is to be cut into segments. */
export const SEGMENT_CONTROL_BYTES: number = CMSG_SPACE(2);

const MAX_CONTROL_BYTES = 4096;
const MAX_ARENA_BYTES: number = 64 * 1024 * 1024;
const DEFAULT_ARENA_BYTES: number = 256 * 1024;
/** Buffers start this much further than a power of two, so that their first lines do not share a cache set. */
const STAGGER_BYTES = 192;
const MAX_ALLOCATIONS = 4;
const TWO_32 = 2 ** 32;

// What follows is counted in 32-bit words.
export const HEADER_WORDS: number = MMSGHDR.size / 4;
export const VECTOR_WORDS: number = IOVEC.size / 4;
export const NAME_WORD: number = MSGHDR.msg_name / 4;
export const NAME_LENGTH_WORD: number = MSGHDR.msg_namelen / 4;
export const CONTROL_LENGTH_WORD: number = MSGHDR.msg_controllen / 4;
export const FLAGS_WORD: number = MSGHDR.msg_flags / 4;
export const LENGTH_WORD: number = MMSGHDR.msg_len / 4;
export const SIZE_WORD: number = IOVEC.iov_len / 4;
const VECTORS_WORD = MSGHDR.msg_iov / 4;
const VECTOR_COUNT_WORD = MSGHDR.msg_iovlen / 4;
const CONTROL_WORD = MSGHDR.msg_control / 4;

export class BatchMemory {
  readonly capacity: number;
  readonly sizeBytes: number;
  readonly queueCapacity: number;
  readonly controlBytes: number;
  readonly arenaBytes: number;
  /** From one received datagram to the next. */
  readonly stride: number;
  readonly bytes: Uint8Array;
  /** Of the first byte. */
  readonly address: number;
  readonly words: Int32Array;

  /** Words before the first header of what is received, and of what is queued. */
  readonly inHeaders: number;
  readonly outHeaders: number;
  readonly outVectors: number;
  /** Bytes before the first of each. */
  readonly inNames: number;
  readonly outNames: number;
  readonly inControl: number;
  readonly outControl: number;
  readonly input: number;
  readonly arena: number;
  /** The address in two words, of which no offset makes the lower one overflow. */
  readonly #low: number;
  readonly #high: number;

  /** @throws RangeError for a size that cannot be. */
  constructor(options: BatchOptions) {
    this.capacity = checkSize("capacity", options.capacity ?? 64, 1, MAX_BATCH);
    this.sizeBytes = checkSize("sizeBytes", options.sizeBytes ?? 2048, 1, MAX_DATAGRAM_BYTES);
    this.queueCapacity = checkSize("queueCapacity", options.queueCapacity ?? this.capacity, 1, MAX_BATCH);
    this.controlBytes = align(checkSize("controlBytes", options.controlBytes ?? 0, 0, MAX_CONTROL_BYTES), 8);
    this.arenaBytes = checkSize("arenaBytes", options.arenaBytes ?? DEFAULT_ARENA_BYTES, 0, MAX_ARENA_BYTES);
    this.stride = align(this.sizeBytes, 64) + STAGGER_BYTES;

    let used = 0;
    const reserve = (sizeBytes: number): number => {
      const offset = used;
      used = align(used + sizeBytes, 64);
      return offset;
    };
    this.inHeaders = reserve(this.capacity * MMSGHDR.size) / 4;
    this.outHeaders = reserve(this.queueCapacity * MMSGHDR.size) / 4;
    const inVectors = reserve(this.capacity * IOVEC.size) / 4;
    this.outVectors = reserve(this.queueCapacity * IOVEC.size) / 4;
    this.inNames = reserve(this.capacity * MAX_SOCKADDR_BYTES);
    this.outNames = reserve(this.queueCapacity * MAX_SOCKADDR_BYTES);
    this.inControl = reserve(this.capacity * this.controlBytes);
    this.outControl = reserve(this.queueCapacity * SEGMENT_CONTROL_BYTES);
    this.input = reserve(this.capacity * this.stride);
    this.arena = reserve(this.arenaBytes);

    const { bytes, address } = allocateWithin32Bits(used);
    this.bytes = bytes;
    this.address = address;
    this.words = new Int32Array(bytes.buffer);
    this.#low = (address % TWO_32) | 0;
    this.#high = Math.floor(address / TWO_32);
    this.#prepareInput(inVectors);
    this.#prepareOutput();
  }

  /** Stores a pointer, little-endian, to an offset in the memory: whole 32-bit numbers, which need no memory. */
  storePointer(word: number, offset: number): void {
    this.words[word] = this.#low + offset;
    this.words[word + 1] = this.#high;
  }

  #prepareInput(vectors: number): void {
    for (let i = 0; i < this.capacity; i++) {
      const vector = vectors + i * VECTOR_WORDS;
      this.storePointer(vector, this.input + i * this.stride);
      this.words[vector + SIZE_WORD] = this.sizeBytes;
      const header = this.inHeaders + i * HEADER_WORDS;
      this.#prepareHeader(header, vector, this.inControl + i * this.controlBytes);
      this.storePointer(header + NAME_WORD, this.inNames + i * MAX_SOCKADDR_BYTES);
      this.words[header + NAME_LENGTH_WORD] = MAX_SOCKADDR_BYTES;
      this.words[header + CONTROL_LENGTH_WORD] = this.controlBytes;
    }
  }

  #prepareOutput(): void {
    for (let i = 0; i < this.queueCapacity; i++) {
      const control = this.outControl + i * SEGMENT_CONTROL_BYTES;
      this.#prepareHeader(this.outHeaders + i * HEADER_WORDS, this.outVectors + i * VECTOR_WORDS, control);
      this.words[control / 4] = CMSG_LEN(2);
      this.words[(control + CMSGHDR.cmsg_level) / 4] = SOL_UDP;
      this.words[(control + CMSGHDR.cmsg_type) / 4] = UDP_SEGMENT;
    }
  }

  #prepareHeader(header: number, vector: number, control: number): void {
    this.storePointer(header + VECTORS_WORD, vector * 4);
    this.words[header + VECTOR_COUNT_WORD] = 1;
    this.storePointer(header + CONTROL_WORD, control);
  }
}

/**
 * Memory that does not cross a multiple of 4 GiB, so that the upper halves of all addresses in it are the same.
 * SAFETY: a typed array's own memory, which does not move, and lives for as long as the array is reachable.
 */
function allocateWithin32Bits(sizeBytes: number): { readonly bytes: Uint8Array; readonly address: number } {
  // What was rejected is held until the end, so that the next is elsewhere.
  const rejected: Uint8Array[] = [];
  while (rejected.length < MAX_ALLOCATIONS) {
    const bytes = new Uint8Array(sizeBytes);
    const address = addressOf(bytes);
    if ((address % TWO_32) + sizeBytes <= TWO_32) return { bytes, address };
    rejected.push(bytes);
  }
  throw new RangeError(`no ${sizeBytes} bytes of memory without a boundary of 4 GiB in them`);
}

export function align(value: number, boundary: number): number {
  return Math.ceil(value / boundary) * boundary;
}

function checkSize(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} is an integer from ${min} to ${max}, not ${value}`);
}

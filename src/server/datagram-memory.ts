/** The memory of datagrams in batches: one region with headers, names, control data and buffers, mapped once. */
import { IOVEC, MMSGHDR, MSGHDR, SOCKADDR_STORAGE } from "../abi/index.ts";
import { mapRegion, type Region, unmapRegion } from "../sys/index.ts";
import { ASKED_BYTES, HEARD_BYTES } from "./asked-address.ts";
import { CUT_BYTES, JOINED_BYTES } from "./segments.ts";

/** Messages per system call: datagrams, or runs of them. */
export const BATCH = 64;
/** Pieces of answers that wait for one sendmmsg. */
export const MAX_PIECES = 256;
/** Answers that are not received bytes handed back. */
export const ARENA_BYTES: number = 256 * 1024;
/** What the kernel says of each received message, and what is said of each answer. */
export const IN_CONTROL_BYTES: number = JOINED_BYTES + HEARD_BYTES;
export const OUT_CONTROL_BYTES: number = CUT_BYTES + ASKED_BYTES;
/** Buffers start this much further than a power of two, so that their first lines do not share a cache set. */
const STAGGER_BYTES = 192;
const CACHE_LINE_BYTES = 64;

const NAME_BYTES = SOCKADDR_STORAGE.size;
const TWO_32 = 2 ** 32;

// Words of 4 bytes within a struct mmsghdr and a struct iovec.
export const HEADER_WORDS: number = MMSGHDR.size / 4;
export const NAME_WORD: number = MSGHDR.msg_name / 4;
export const NAMELEN_WORD: number = MSGHDR.msg_namelen / 4;
export const IOV_WORD: number = MSGHDR.msg_iov / 4;
export const IOVLEN_WORD: number = MSGHDR.msg_iovlen / 4;
export const CONTROL_WORD: number = MSGHDR.msg_control / 4;
export const CONTROLLEN_WORD: number = MSGHDR.msg_controllen / 4;
export const LENGTH_WORD: number = MMSGHDR.msg_len / 4;
export const SIZE_WORD: number = IOVEC.iov_len / 4;
const BASE_WORD = IOVEC.iov_base / 4;

/** Places are offsets in bytes; what is stored is a word of 4 bytes. */
export class DatagramMemory {
  readonly region: Region;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** From one received message to the next. */
  readonly stride: number;
  readonly inHeaders: number;
  readonly outHeaders: number;
  readonly outVectors: number;
  readonly inControl: number;
  readonly outControl: number;
  readonly input: number;
  readonly arena: number;
  readonly #names: number;

  /** @param capacity room for each received message */
  constructor(capacity: number) {
    this.stride = align(capacity) + STAGGER_BYTES;
    let used = 0;
    const reserve = (sizeBytes: number): number => {
      const offset = used;
      used = align(used + sizeBytes);
      return offset;
    };
    this.inHeaders = reserve(BATCH * MMSGHDR.size);
    // One more of each, for what has to be sent one by one.
    this.outHeaders = reserve((MAX_PIECES + 1) * MMSGHDR.size);
    const inVectors = reserve(BATCH * IOVEC.size);
    this.outVectors = reserve((MAX_PIECES + 1) * IOVEC.size);
    this.#names = reserve(BATCH * NAME_BYTES);
    this.inControl = reserve(BATCH * IN_CONTROL_BYTES);
    this.outControl = reserve((MAX_PIECES + 1) * OUT_CONTROL_BYTES);
    this.arena = reserve(ARENA_BYTES);
    this.input = reserve(BATCH * this.stride);
    this.region = mapRegion(used);
    this.bytes = this.region.bytes;
    this.words = new Uint32Array(this.bytes.buffer);

    for (let i = 0; i < BATCH; i++) {
      const vector = inVectors + i * IOVEC.size;
      this.storeVector(vector, this.input + i * this.stride, capacity);
      const header = this.inHeaders / 4 + i * HEADER_WORDS;
      this.storeAddress(header + NAME_WORD, this.nameOf(i));
      this.storeAddress(header + IOV_WORD, vector);
      this.words[header + IOVLEN_WORD] = 1;
    }
  }

  /** Has headers of received messages, from the first on, say what room there is; the kernel writes over that. */
  prepare(count: number, hasControl: boolean): void {
    for (let i = 0, header = this.inHeaders / 4; i < count; i++, header += HEADER_WORDS) {
      this.words[header + NAMELEN_WORD] = NAME_BYTES;
      if (!hasControl) continue;
      this.storeAddress(header + CONTROL_WORD, this.inControl + i * IN_CONTROL_BYTES);
      this.words[header + CONTROLLEN_WORD] = IN_CONTROL_BYTES;
    }
  }

  /** Where the name of a received message's sender is. */
  nameOf(message: number): number {
    return this.#names + message * NAME_BYTES;
  }

  nameLength(message: number): number {
    return this.words[this.inHeaders / 4 + message * HEADER_WORDS + NAMELEN_WORD] as number;
  }

  /** Whether two received messages have the same sender. */
  isSameName(one: number, other: number): boolean {
    const length = this.nameLength(one);
    if (length !== this.nameLength(other)) return false;
    const [first, second] = [this.nameOf(one) / 4, this.nameOf(other) / 4];
    for (let i = 0; i < length / 4; i++) if (this.words[first + i] !== this.words[second + i]) return false;
    return true;
  }

  storeVector(vector: number, offset: number, length: number): void {
    const at = vector / 4;
    this.storeAddress(at + BASE_WORD, offset);
    this.words[at + SIZE_WORD] = length;
  }

  /** Where the memory of a vector begins. */
  vectorStart(vector: number): number {
    return this.loadAddress(vector / 4 + BASE_WORD);
  }

  vectorLength(vector: number): number {
    return this.words[vector / 4 + SIZE_WORD] as number;
  }

  /** A pointer, little-endian, to an offset in the region. */
  storeAddress(word: number, offset: number): void {
    const address = this.region.address + offset;
    this.words[word] = address % TWO_32;
    this.words[word + 1] = address / TWO_32;
  }

  loadAddress(word: number): number {
    return (this.words[word] as number) + (this.words[word + 1] as number) * TWO_32 - this.region.address;
  }

  dispose(): void {
    unmapRegion(this.region);
  }
}

function align(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
}

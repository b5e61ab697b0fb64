/**
 * Datagrams in batches: one recvmmsg takes what waits, the protocol answers each, one sendmmsg sends the answers.
 *
 * All memory is mapped once. An answer that is (part of) the received datagram is sent from where it was received;
 * others are gathered in an arena. Message headers are filled in with plain stores.
 */
import { EAGAIN, EINTR, IOVEC, MMSGHDR, MSG_DONTWAIT, MSG_TRUNC, MSGHDR, SOCKADDR_STORAGE } from "../abi/index.ts";
import type { DatagramIntents, DatagramProtocol, PeerAddress } from "../protocol/index.ts";
import type { DeadlineHeap } from "../reactor/index.ts";
import { mapRegion, type Region, recvmmsgAt, sendmmsgAt, unmapRegion } from "../sys/index.ts";
import { ASKED_BYTES, answerFrom, asksForAddress } from "./asked-address.ts";
import { add, BYTES_IN, BYTES_OUT, DATAGRAMS_DROPPED, DATAGRAMS_IN, DATAGRAMS_OUT, ERRORS } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { localOf } from "./peer.ts";
import { PeerCache } from "./peer-cache.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

/** Datagrams per system call. */
export const BATCH = 64;
/** Answers that wait for one sendmmsg. */
const MAX_ANSWERS = 256;
/** Answers that are not received bytes handed back. */
const ARENA_BYTES = 256 * 1024;
/** Buffers start this much further than a power of two, so that their first lines do not share a cache set. */
const STAGGER_BYTES = 192;

const NAME_BYTES = SOCKADDR_STORAGE.size;
const HEADER_WORDS = MMSGHDR.size / 4;
const NAME_WORD = MSGHDR.msg_name / 4;
const NAMELEN_WORD = MSGHDR.msg_namelen / 4;
const IOV_WORD = MSGHDR.msg_iov / 4;
const IOVLEN_WORD = MSGHDR.msg_iovlen / 4;
const CONTROL_WORD = MSGHDR.msg_control / 4;
const CONTROLLEN_WORD = MSGHDR.msg_controllen / 4;
const LENGTH_WORD = MMSGHDR.msg_len / 4;
const IOVEC_WORDS = IOVEC.size / 4;
const BASE_WORD = IOVEC.iov_base / 4;
const SIZE_WORD = IOVEC.iov_len / 4;
const TWO_32 = 2 ** 32;

/** What of a task an exchange is concerned with. */
type ExchangeTask = Omit<RunningTask, "control">;

export class DatagramExchange implements DatagramIntents {
  readonly #task: ExchangeTask;
  readonly #protocol: DatagramProtocol;
  readonly #timers: ProtocolTimers;
  readonly #clock: () => number;
  readonly #admits: ((peer: PeerAddress) => boolean) | undefined;
  readonly #capacity: number;
  readonly #stride: number;

  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #peers: PeerCache;
  readonly #inHeaders: number;
  readonly #outHeaders: number;
  readonly #outVectors: number;
  readonly #names: number;
  /** Where the kernel says which address each datagram came to; undefined where there is one only. */
  readonly #asked: number | undefined;
  readonly #input: number;
  readonly #arena: number;
  #arenaUsed = 0;
  #answers = 0;
  /** The datagram in hand. */
  #current = 0;

  /**
   * @param clock the loop's `nowMs`.
   * @param admits whether a datagram may be answered; by default all may.
   */
  constructor(task: ExchangeTask, timers: DeadlineHeap, clock: () => number, admits?: (peer: PeerAddress) => boolean) {
    if (task.service.datagram === undefined) throw new TypeError(`${task.service.name} is not spoken over datagrams`);
    this.#task = task;
    this.#protocol = task.service.datagram(task.options, { memory: task.memory, localPort: localOf(task.fd).port })();
    this.#timers = new ProtocolTimers(timers, (id) => this.#guard(() => this.#protocol.timer?.(this, id)));
    this.#clock = clock;
    this.#admits = admits;
    this.#capacity = task.limits.maxDatagramBytes;
    this.#stride = Math.ceil(this.#capacity / 64) * 64 + STAGGER_BYTES;

    let used = 0;
    const reserve = (sizeBytes: number): number => {
      const offset = used;
      used = Math.ceil((used + sizeBytes) / 64) * 64;
      return offset;
    };
    this.#inHeaders = reserve(BATCH * MMSGHDR.size);
    this.#outHeaders = reserve(MAX_ANSWERS * MMSGHDR.size);
    const inVectors = reserve(BATCH * IOVEC.size);
    this.#outVectors = reserve(MAX_ANSWERS * IOVEC.size);
    this.#names = reserve(BATCH * NAME_BYTES);
    this.#asked = asksForAddress(task.fd) ? reserve(BATCH * ASKED_BYTES) : undefined;
    this.#arena = reserve(ARENA_BYTES);
    this.#input = reserve(BATCH * this.#stride);
    this.#region = mapRegion(used);
    this.#words = new Uint32Array(this.#region.bytes.buffer);
    this.#peers = new PeerCache(this.#region.bytes, this.#words);

    for (let i = 0; i < BATCH; i++) {
      const vector = inVectors + i * IOVEC.size;
      this.#storeVector(vector, this.#input + i * this.#stride, this.#capacity);
      this.#storeHeader(this.#inHeaders + i * MMSGHDR.size, this.#names + i * NAME_BYTES, vector);
    }
    for (let i = 0; i < MAX_ANSWERS; i++) {
      const vector = this.#outVectors + i * IOVEC.size;
      this.#storeHeader(this.#outHeaders + i * MMSGHDR.size, this.#names, vector);
    }
  }

  /**
   * Takes one batch and answers it.
   * @returns how many datagrams there were (less than {@link BATCH}: no more wait), or `-errno`.
   */
  serve(): number {
    const { fd, counters } = this.#task;
    const firstName = this.#inHeaders / 4 + NAMELEN_WORD;
    for (let i = 0, at = firstName; i < BATCH; i++, at += HEADER_WORDS) this.#words[at] = NAME_BYTES;
    if (this.#asked !== undefined) this.#askAgain(this.#asked);
    // SAFETY: headers, vectors, names and buffers lie in one region that lives until `dispose`.
    const received = recvmmsgAt(fd, this.#region.address + this.#inHeaders, BATCH, MSG_DONTWAIT | MSG_TRUNC, 0);
    if (received <= 0) return received;
    let bytesIn = 0;
    let refused = 0;
    for (let i = 0; i < received; i++) {
      const fullLength = this.#words[this.#inHeaders / 4 + i * HEADER_WORDS + LENGTH_WORD] as number;
      const start = this.#input + i * this.#stride;
      const length = Math.min(fullLength, this.#capacity);
      bytesIn += length;
      this.#current = i;
      if (this.#admits?.(this.peer) === false) {
        refused++;
        continue;
      }
      try {
        this.#protocol.datagram(this, this.#region.bytes, start, start + length, fullLength);
      } catch (error) {
        reportProtocol(this.#task, error);
      }
    }
    add(counters, DATAGRAMS_IN, received);
    add(counters, DATAGRAMS_DROPPED, refused);
    add(counters, BYTES_IN, bytesIn);
    this.#flush();
    return received;
  }

  dispose(): void {
    this.#timers.clearAll();
    unmapRegion(this.#region);
  }

  get nowMs(): number {
    return this.#clock();
  }

  get unixMs(): number {
    return Date.now();
  }

  get peer(): PeerAddress {
    return this.#peers.read(this.#names + this.#current * NAME_BYTES, this.#nameLength());
  }

  reply(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const length = end - start;
    let offset = start;
    if (bytes !== this.#region.bytes) {
      if (length > ARENA_BYTES) throw new RangeError(`an answer of ${length} bytes is no datagram`);
      if (this.#arenaUsed + length > ARENA_BYTES) this.#flush();
      offset = this.#arena + this.#arenaUsed;
      this.#region.bytes.set(bytes.subarray(start, end), offset);
      this.#arenaUsed += length;
    }
    if (this.#answers === MAX_ANSWERS) this.#flush();
    const answer = this.#answers++;
    this.#storeVector(this.#outVectors + answer * IOVEC.size, offset, length);
    const header = this.#outHeaders / 4 + answer * HEADER_WORDS;
    this.#storeAddress(header + NAME_WORD, this.#names + this.#current * NAME_BYTES);
    this.#words[header + NAMELEN_WORD] = this.#nameLength();
    if (this.#asked !== undefined) this.#answerFrom(this.#asked, header);
  }

  setTimer(id: number, atMs: number): void {
    this.#timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#timers.clear(id);
  }

  /** The kernel writes over the lengths of control messages with what it had to say. */
  #askAgain(asked: number): void {
    for (let i = 0, header = this.#inHeaders / 4; i < BATCH; i++, header += HEADER_WORDS) {
      this.#storeAddress(header + CONTROL_WORD, asked + i * ASKED_BYTES);
      this.#words[header + CONTROLLEN_WORD] = ASKED_BYTES;
    }
  }

  #answerFrom(asked: number, header: number): void {
    const control = asked + this.#current * ASKED_BYTES;
    const said = this.#words[this.#inHeaders / 4 + this.#current * HEADER_WORDS + CONTROLLEN_WORD] as number;
    this.#storeAddress(header + CONTROL_WORD, control);
    this.#words[header + CONTROLLEN_WORD] = answerFrom(this.#words, control / 4, said);
  }

  #nameLength(): number {
    return this.#words[this.#inHeaders / 4 + this.#current * HEADER_WORDS + NAMELEN_WORD] as number;
  }

  /** Sends what is gathered. A datagram that the kernel refuses is dropped and counted, as the network would. */
  #flush(): void {
    const { fd, counters } = this.#task;
    const address = this.#region.address + this.#outHeaders;
    let done = 0;
    let sent = 0;
    while (done < this.#answers) {
      // SAFETY: as for recvmmsg in `serve`.
      const count = sendmmsgAt(fd, address + done * MMSGHDR.size, this.#answers - done, MSG_DONTWAIT);
      if (count > 0) {
        done += count;
        sent += count;
      } else if (count !== -EINTR) {
        // The first of the rest was refused. A full buffer refuses the others too.
        done = count === -EAGAIN ? this.#answers : done + 1;
      }
    }
    let bytesOut = 0;
    const firstSize = this.#outVectors / 4 + SIZE_WORD;
    for (let i = 0; i < this.#answers; i++) bytesOut += this.#words[firstSize + i * IOVEC_WORDS] as number;
    add(counters, DATAGRAMS_OUT, sent);
    add(counters, DATAGRAMS_DROPPED, this.#answers - sent);
    add(counters, BYTES_OUT, bytesOut);
    this.#answers = 0;
    this.#arenaUsed = 0;
  }

  #storeHeader(header: number, name: number, vector: number): void {
    const at = header / 4;
    this.#storeAddress(at + NAME_WORD, name);
    this.#storeAddress(at + IOV_WORD, vector);
    this.#words[at + IOVLEN_WORD] = 1;
  }

  #storeVector(vector: number, offset: number, length: number): void {
    const at = vector / 4;
    this.#storeAddress(at + BASE_WORD, offset);
    this.#words[at + SIZE_WORD] = length;
  }

  /** A pointer, little-endian, to an offset in the region. */
  #storeAddress(word: number, offset: number): void {
    const address = this.#region.address + offset;
    this.#words[word] = address % TWO_32;
    this.#words[word + 1] = address / TWO_32;
  }

  #guard(run: () => void): void {
    try {
      run();
      if (this.#answers > 0) this.#flush();
    } catch (error) {
      reportProtocol(this.#task, error);
    }
  }

  /** Tells of a receive that failed. An ICMP error that came back for an earlier answer is no reason to stop. */
  complain(errno: number): void {
    add(this.#task.counters, ERRORS, 1);
    this.#task.report({ where: "recvmmsg", message: describe("recvmmsg", errno) });
  }
}

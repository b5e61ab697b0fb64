/**
 * Datagrams by the batch: one recvmmsg(2) takes what waits, one sendmmsg(2) sends what is queued. All memory is taken
 * once; headers are filled in with plain stores, and datagrams are read where they were received, so that nothing is
 * allocated for a packet.
 */
import {
  AF_UNIX,
  CMSGHDR,
  EAGAIN,
  EINTR,
  MAX_SOCKADDR_BYTES,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SOL_UDP,
  UDP_GRO,
} from "../abi/index.ts";
import { recvmmsgAt, sendmmsgAt } from "../sys/index.ts";
import { type Ancillary, decodeAncillary } from "./ancillary.ts";
import { BatchAddress } from "./batch-address.ts";
import { BatchDescriptors } from "./batch-descriptors.ts";
import {
  align,
  BatchMemory,
  type BatchOptions,
  CONTROL_LENGTH_WORD,
  FLAGS_WORD,
  HEADER_WORDS,
  LENGTH_WORD,
  MAX_DATAGRAM_BYTES,
  NAME_LENGTH_WORD,
  NAME_WORD,
  SEGMENT_CONTROL_BYTES,
  SIZE_WORD,
  VECTOR_WORDS,
} from "./batch-memory.ts";
import type { MessageSocket } from "./message-socket.ts";
import { type Direction, type Operation, READABLE, type WaitOptions, WRITABLE } from "./waits.ts";

type SyncLimits = Omit<WaitOptions, "signal">;

/** Segments that one send with a segment size may make on every kernel that has them: UDP_MAX_SEGMENTS. udp(7) */
export const MAX_SEGMENTS = 64;

/** Called for each datagram, or segment of one, with where it lies in `bytes`. */
export type DatagramVisitor = (bytes: Uint8Array, start: number, end: number, index: number) => void;

/**
 * A batch of datagrams: received ones, and a queue of those to be sent.
 *
 *     const batch = new DatagramBatch();
 *     for (;;) {
 *       const count = await batch.receive(socket);
 *       for (let i = 0; i < count; i++) batch.reply(i, batch.bytes, batch.start(i), batch.end(i)); // an echo
 *       await batch.send(socket);
 *     }
 *
 * What was received is good until the next receive. Any datagram socket will do, one after the other too, but one call at
 * a time.
 *
 * Descriptors come over unix sockets only where `controlBytes` has room for them. They are close-on-exec and belong to the
 * batch until {@link DatagramBatch.takeDescriptors}: the next receive, or disposing of the batch (`using`), closes them.
 */
export class DatagramBatch {
  readonly capacity: number;
  readonly sizeBytes: number;
  readonly queueCapacity: number;
  /** All the memory of the batch, in which received datagrams lie. */
  readonly bytes: Uint8Array;
  readonly #memory: BatchMemory;
  readonly #words: Int32Array;
  readonly #results: Int32Array;
  readonly #address: BatchAddress;
  readonly #receiving: Operation;
  readonly #sending: Operation;
  #length = 0;
  #queued = 0;
  #arenaUsed = 0;
  /** Of the queue, how many the kernel has taken or refused. */
  #done = 0;
  #failed = 0;
  /** Made for the first unix socket; no other brings descriptors. */
  #descriptors: BatchDescriptors | undefined;
  #isUnix = false;

  /** @throws RangeError for a size that cannot be. */
  constructor(options: BatchOptions = {}) {
    this.#memory = new BatchMemory(options);
    this.#words = this.#memory.words;
    this.capacity = this.#memory.capacity;
    this.sizeBytes = this.#memory.sizeBytes;
    this.queueCapacity = this.#memory.queueCapacity;
    this.bytes = this.#memory.bytes;
    this.#results = new Int32Array(this.queueCapacity);
    this.#address = new BatchAddress(this.bytes);
    this.#receiving = new BatchOperation("recvmmsg", READABLE, (fd) => this.#receiveOnce(fd));
    this.#sending = new BatchOperation("sendmmsg", WRITABLE, (fd) => this.#sendOnce(fd));
  }

  /** How many datagrams the last receive took. */
  get length(): number {
    return this.#length;
  }

  /** How many datagrams wait to be sent. */
  get queued(): number {
    return this.#queued - this.#done;
  }

  /** How many datagrams of the last send the kernel refused: see {@link DatagramBatch.errnoOf}. */
  get failed(): number {
    return this.#failed;
  }

  /**
   * Takes what waits, at least one datagram, and returns how many there are. recvmmsg(2)
   * @throws Error when something is still queued, since it may lie in the memory received into; SystemError ECONNREFUSED
   * (an earlier datagram of a connected socket was refused), ETIMEDOUT, ECANCELED …; the signal's reason.
   */
  async receive(socket: MessageSocket, options?: WaitOptions): Promise<number> {
    this.#checkReceive(socket);
    return socket.perform(this.#receiving, options);
  }

  /** {@link DatagramBatch.receive}, blocking the thread. */
  receiveSync(socket: MessageSocket, options?: SyncLimits): number {
    this.#checkReceive(socket);
    return socket.performSync(this.#receiving, options);
  }

  /** Takes what is there already; 0 when nothing is. */
  tryReceive(socket: MessageSocket): number {
    this.#checkReceive(socket);
    return socket.performNow(this.#receiving) ?? 0;
  }

  /** Where in `bytes` a received datagram starts. */
  start(index: number): number {
    this.#checkIndex(index);
    return this.#memory.input + index * this.#memory.stride;
  }

  /** Where in `bytes` a received datagram, or what fitted of it, ends. */
  end(index: number): number {
    const full = this.fullLengthBytes(index);
    return this.#memory.input + index * this.#memory.stride + Math.min(full, this.sizeBytes);
  }

  /** How long a received datagram was. */
  fullLengthBytes(index: number): number {
    this.#checkIndex(index);
    return this.#words[this.#memory.inHeaders + index * HEADER_WORDS + LENGTH_WORD] as number;
  }

  /** `msg_flags` of a received datagram: MSG_TRUNC, MSG_CTRUNC … */
  flags(index: number): number {
    this.#checkIndex(index);
    return this.#words[this.#memory.inHeaders + index * HEADER_WORDS + FLAGS_WORD] as number;
  }

  /** The sender of a received datagram: always the same object, which shows another address after the next call. */
  address(index: number): BatchAddress {
    this.#checkIndex(index);
    const length = this.#words[this.#memory.inHeaders + index * HEADER_WORDS + NAME_LENGTH_WORD] as number;
    return this.#address.move(this.#memory.inNames + index * MAX_SOCKADDR_BYTES, length);
  }

  /** What came along with a received datagram, as far as `controlBytes` had room. Makes new objects. */
  ancillary(index: number): Ancillary[] {
    this.#checkIndex(index);
    const length = this.#words[this.#memory.inHeaders + index * HEADER_WORDS + CONTROL_LENGTH_WORD] as number;
    const start = this.#memory.inControl + index * this.#memory.controlBytes;
    return decodeAncillary(this.bytes.subarray(start, start + length));
  }

  /**
   * Gives the descriptors that came with a received datagram to the caller, who closes them; a second call gives none.
   * There are none where MSG_CTRUNC is among its flags: those that came were closed, since others are missing.
   */
  takeDescriptors(index: number): number[] {
    this.#checkIndex(index);
    return this.#descriptors?.take(index) ?? [];
  }

  /** Closes the descriptors that nobody took. */
  [Symbol.dispose](): void {
    this.#descriptors?.close();
  }

  /**
   * The size of the segments that the kernel joined to this datagram (UDP_GRO); its whole length when it joined none.
   * Takes room in `controlBytes`. udp(7)
   */
  segmentBytes(index: number): number {
    this.#checkIndex(index);
    const words = this.#words;
    const length = words[this.#memory.inHeaders + index * HEADER_WORDS + CONTROL_LENGTH_WORD] as number;
    let at = (this.#memory.inControl + index * this.#memory.controlBytes) / 4;
    const end = at + length / 4;
    while (at + CMSGHDR.size / 4 <= end) {
      const size = words[at] as number;
      if (size < CMSGHDR.size) break;
      if (words[at + CMSGHDR.cmsg_level / 4] === SOL_UDP && words[at + CMSGHDR.cmsg_type / 4] === UDP_GRO) {
        const segment = words[at + CMSGHDR.size / 4] as number;
        if (segment > 0) return segment;
      }
      at += align(size, 8) / 4;
    }
    return this.fullLengthBytes(index);
  }

  /** Visits the received datagrams in order. */
  forEach(visit: DatagramVisitor): void {
    for (let i = 0; i < this.#length; i++) visit(this.bytes, this.start(i), this.end(i), i);
  }

  /** Visits the segments that the kernel joined to a datagram; the datagram itself when it joined none. */
  forEachSegment(index: number, visit: DatagramVisitor): void {
    const end = this.end(index);
    const size = Math.max(1, this.segmentBytes(index));
    for (let at = this.start(index); at < end; at += size) visit(this.bytes, at, Math.min(at + size, end), index);
  }

  /**
   * Queues an answer to the sender of a received datagram. Bytes of this batch's own memory are sent from where they are
   * and must stay until then; others are copied.
   * @param segmentBytes cut into datagrams of this size by the kernel (UDP_SEGMENT); 0: one datagram.
   * @returns false when the queue is full, or the arena has no room: send, and try again.
   */
  reply(index: number, bytes: Uint8Array, start = 0, end: number = bytes.length, segmentBytes = 0): boolean {
    this.#checkIndex(index);
    const header = this.#queue(bytes, start, end, segmentBytes);
    if (header < 0) return false;
    this.#memory.storePointer(header + NAME_WORD, this.#memory.inNames + index * MAX_SOCKADDR_BYTES);
    this.#words[header + NAME_LENGTH_WORD] = this.#words[
      this.#memory.inHeaders + index * HEADER_WORDS + NAME_LENGTH_WORD
    ] as number;
    return true;
  }

  /**
   * Queues a datagram, likewise.
   * @param to a struct sockaddr, as `encodeSockaddr` of `portolan/abi` makes it, copied; null on a connected socket.
   */
  queue(to: Uint8Array | null, bytes: Uint8Array, start = 0, end: number = bytes.length, segmentBytes = 0): boolean {
    if (to !== null && to.length > MAX_SOCKADDR_BYTES)
      throw new RangeError("an address of more than 128 bytes is none");
    const slot = this.#queued;
    const header = this.#queue(bytes, start, end, segmentBytes);
    if (header < 0) return false;
    const name = this.#memory.outNames + slot * MAX_SOCKADDR_BYTES;
    if (to !== null) this.bytes.set(to, name);
    this.#memory.storePointer(header + NAME_WORD, name);
    this.#words[header + NAME_LENGTH_WORD] = to === null ? 0 : to.length;
    return true;
  }

  /**
   * Sends what is queued, waiting while the socket's buffer is full, and returns how many datagrams the kernel took. One
   * that it refuses does not stop the others: `failed` counts them and `errnoOf` says why. sendmmsg(2)
   * @throws SystemError ETIMEDOUT, ECANCELED; the signal's reason. What was not sent stays queued then.
   */
  async send(socket: MessageSocket, options?: WaitOptions): Promise<number> {
    return this.#queued === 0 ? 0 : socket.perform(this.#sending, options);
  }

  /** {@link DatagramBatch.send}, blocking the thread. */
  sendSync(socket: MessageSocket, options?: SyncLimits): number {
    return this.#queued === 0 ? 0 : socket.performSync(this.#sending, options);
  }

  /** Sends what the kernel takes at once; the rest stays queued. Returns how many are still queued. */
  trySend(socket: MessageSocket): number {
    if (this.#queued > 0) socket.performNow(this.#sending);
    return this.queued;
  }

  /** Why a datagram of the last send was refused, as a negative error number, by its place in the queue; 0: it was not. */
  errnoOf(place: number): number {
    return this.#results[place] ?? 0;
  }

  /** Forgets what is queued. */
  clear(): void {
    this.#queued = 0;
    this.#done = 0;
    this.#arenaUsed = 0;
  }

  #receiveOnce(fd: number): number {
    const words = this.#words;
    // Only what the last receive used has to be set anew.
    for (let i = 0, header = this.#memory.inHeaders; i < this.#length; i++, header += HEADER_WORDS) {
      words[header + NAME_LENGTH_WORD] = MAX_SOCKADDR_BYTES;
      words[header + CONTROL_LENGTH_WORD] = this.#memory.controlBytes;
    }
    this.#length = 0;
    this.#descriptors?.close();
    const address = this.#memory.address + this.#memory.inHeaders * 4;
    let result: number;
    // SAFETY: headers, vectors, names, control data and buffers lie in the batch's memory, and the kernel has their
    // addresses only while the call runs.
    const flags = MSG_DONTWAIT | MSG_TRUNC | (this.#isUnix ? MSG_CMSG_CLOEXEC : 0);
    do result = recvmmsgAt(fd, address, this.capacity, flags, 0);
    while (result === -EINTR);
    if (result > 0) this.#length = result;
    if (this.#isUnix && this.#memory.controlBytes > 0) this.#ownDescriptors();
    return result;
  }

  #ownDescriptors(): void {
    this.#descriptors ??= new BatchDescriptors();
    for (let i = 0; i < this.#length; i++) this.#descriptors.add(i, this.ancillary(i), this.flags(i));
  }

  #sendOnce(fd: number): number {
    if (this.#done === 0) {
      this.#failed = 0;
      this.#results.fill(0);
    }
    while (this.#done < this.#queued) {
      const address = this.#memory.address + (this.#memory.outHeaders + this.#done * HEADER_WORDS) * 4;
      // SAFETY: as for receiving; the first `queued` headers are filled in.
      const result = sendmmsgAt(fd, address, this.#queued - this.#done, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (result === -EAGAIN) return result;
      if (result > 0) {
        this.#done += result;
      } else if (result !== -EINTR) {
        // It is the first of the rest that was refused.
        this.#results[this.#done++] = result;
        this.#failed++;
      }
    }
    const sent = this.#queued - this.#failed;
    this.clear();
    return sent;
  }

  /** Fills in a header but for its name. Returns where it is, or -1 where there is no room. */
  #queue(bytes: Uint8Array, start: number, end: number, segmentBytes: number): number {
    const length = end - start;
    if (!(start >= 0 && end >= start && end <= bytes.length)) throw new RangeError(`no bytes from ${start} to ${end}`);
    if (length > MAX_DATAGRAM_BYTES) throw new RangeError(`a datagram has no ${length} bytes`);
    if (!(segmentBytes >= 0 && segmentBytes <= 0xffff)) throw new RangeError(`no segments of ${segmentBytes} bytes`);
    const isOwn = bytes === this.bytes;
    if (this.#done > 0 || this.#queued === this.queueCapacity) return -1;
    if (!isOwn && this.#arenaUsed + length > this.#memory.arenaBytes) return -1;
    let offset = start;
    if (!isOwn) {
      offset = this.#memory.arena + this.#arenaUsed;
      copyBytes(bytes, start, end, this.bytes, offset);
      this.#arenaUsed += length;
    }
    const slot = this.#queued++;
    const vector = this.#memory.outVectors + slot * VECTOR_WORDS;
    this.#memory.storePointer(vector, offset);
    this.#words[vector + SIZE_WORD] = length;
    const header = this.#memory.outHeaders + slot * HEADER_WORDS;
    const control = (this.#memory.outControl + slot * SEGMENT_CONTROL_BYTES) / 4;
    this.#words[header + CONTROL_LENGTH_WORD] = segmentBytes === 0 ? 0 : SEGMENT_CONTROL_BYTES;
    this.#words[control + CMSGHDR.size / 4] = segmentBytes;
    return header;
  }

  #checkReceive(socket: MessageSocket): void {
    this.#isUnix = socket.family === AF_UNIX;
    if (this.queued > 0) throw new Error("send what is queued first, or clear it: it may lie where is received to");
  }

  #checkIndex(index: number): void {
    if (!(index >= 0 && index < this.#length)) throw new RangeError(`no datagram ${index} among ${this.#length}`);
  }
}

/** One for all receives, and one for all sends, of a batch. */
class BatchOperation implements Operation {
  readonly syscall: string;
  readonly direction: Direction;
  readonly attempt: (fd: number) => number;

  constructor(syscall: string, direction: Direction, attempt: (fd: number) => number) {
    this.syscall = syscall;
    this.direction = direction;
    this.attempt = attempt;
  }
}

/** Short copies are faster by hand than by a view for `set`, which would be an object for each packet besides. */
function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, offset: number): void {
  if (start === 0 && end === from.length) to.set(from, offset);
  else for (let i = start, at = offset; i < end; i++, at++) to[at] = from[i] as number;
}

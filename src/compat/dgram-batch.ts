/**
 * Datagrams in batches: one recvmmsg(2) takes what waits, one sendmmsg(2) sends what is queued. The memory is the
 * thread's and shared by its sockets: what is received is copied out at once, and what is sent is copied in.
 */
import type { RemoteInfo } from "node:dgram";
import { decodeSockaddr, IOVEC, MMSGHDR, MSG_DONTWAIT, MSG_NOSIGNAL, MSGHDR, SOCKADDR_STORAGE } from "../abi/index.ts";
import { mapRegion, type Region, recvmmsgAt, sendmmsgAt, unmapRegion } from "../sys/index.ts";
import { toAddressInfo } from "./names.ts";

/** Datagrams per system call. */
export const BATCH = 64;
/** The most that a UDP datagram can hold, headers included. RFC 768 */
const MAX_DATAGRAM_BYTES = 65_536;
/** Payloads of one sendmmsg; at least one datagram of any size. */
const ARENA_BYTES = 256 * 1024;
/** Buffers start this much further than a power of two, so that their first lines do not share a cache set. */
const STRIDE_BYTES = MAX_DATAGRAM_BYTES + 192;

const NAME_BYTES = SOCKADDR_STORAGE.size;
const HEADER_WORDS = MMSGHDR.size / 4;
const IOVEC_WORDS = IOVEC.size / 4;
const TWO_32 = 2 ** 32;

/** A datagram that has been received. */
export interface Received {
  readonly message: Buffer;
  readonly from: RemoteInfo;
}

/** A datagram that waits to be sent. */
export interface Outgoing {
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** struct sockaddr; undefined on a connected socket. */
  readonly to: Uint8Array | undefined;
}

class DatagramBatch {
  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #inHeaders: number;
  readonly #outHeaders: number;
  readonly #outVectors: number;
  readonly #inNames: number;
  readonly #outNames: number;
  readonly #arena: number;
  readonly #input: number;
  /** The text of the last IPv4 address: most datagrams come from whom the last one came from. */
  #lastAddress = 0;
  #lastText = "0.0.0.0";

  constructor() {
    let used = 0;
    const reserve = (sizeBytes: number): number => {
      const offset = used;
      used = Math.ceil((used + sizeBytes) / 64) * 64;
      return offset;
    };
    this.#inHeaders = reserve(BATCH * MMSGHDR.size);
    this.#outHeaders = reserve(BATCH * MMSGHDR.size);
    const inVectors = reserve(BATCH * IOVEC.size);
    this.#outVectors = reserve(BATCH * IOVEC.size);
    this.#inNames = reserve(BATCH * NAME_BYTES);
    this.#outNames = reserve(BATCH * NAME_BYTES);
    this.#arena = reserve(ARENA_BYTES);
    this.#input = reserve(BATCH * STRIDE_BYTES);
    this.#region = mapRegion(used);
    this.#words = new Uint32Array(this.#region.bytes.buffer);
    for (let i = 0; i < BATCH; i++) {
      const vector = inVectors + i * IOVEC.size;
      this.#storeVector(vector, this.#input + i * STRIDE_BYTES, MAX_DATAGRAM_BYTES);
      this.#storeHeader(this.#inHeaders + i * MMSGHDR.size, vector);
      this.#storeAddress(this.#inHeaders + i * MMSGHDR.size + MSGHDR.msg_name, this.#inNames + i * NAME_BYTES);
      this.#storeHeader(this.#outHeaders + i * MMSGHDR.size, this.#outVectors + i * IOVEC.size);
    }
  }

  dispose(): void {
    unmapRegion(this.#region);
  }

  /**
   * Takes what waits, at most {@link BATCH} datagrams, into `inbox`.
   * @returns how many there were, or `-errno`.
   */
  receive(fd: number, inbox: Received[]): number {
    const words = this.#words;
    const first = this.#inHeaders / 4;
    for (let i = 0; i < BATCH; i++) words[first + i * HEADER_WORDS + MSGHDR.msg_namelen / 4] = NAME_BYTES;
    // SAFETY: headers, vectors, names and buffers lie in one region that lives until `dispose`.
    const count = recvmmsgAt(fd, this.#region.address + this.#inHeaders, BATCH, MSG_DONTWAIT, 0);
    for (let i = 0; i < count; i++) {
      const header = first + i * HEADER_WORDS;
      const length = words[header + MMSGHDR.msg_len / 4] as number;
      const start = this.#input + i * STRIDE_BYTES;
      const message = Buffer.allocUnsafe(length);
      message.set(this.#region.bytes.subarray(start, start + length));
      const nameLength = words[header + MSGHDR.msg_namelen / 4] as number;
      inbox.push({ message, from: this.#sender(this.#inNames + i * NAME_BYTES, nameLength, length) });
    }
    return count;
  }

  /**
   * Sends datagrams from `queue[from]` on, as many as fit into one call.
   * @returns how many were sent, or the `-errno` of the first.
   */
  send(fd: number, queue: readonly Outgoing[], from: number): number {
    let count = 0;
    let used = 0;
    while (count < BATCH && from + count < queue.length) {
      const { chunks, sizeBytes, to } = queue[from + count] as Outgoing;
      if (used + sizeBytes > ARENA_BYTES) break;
      this.#storeVector(this.#outVectors + count * IOVEC.size, this.#arena + used, sizeBytes);
      for (const chunk of chunks) {
        this.#region.bytes.set(chunk, this.#arena + used);
        used += chunk.length;
      }
      this.#storeRecipient(count, to);
      count++;
    }
    // SAFETY: as for recvmmsg.
    return sendmmsgAt(fd, this.#region.address + this.#outHeaders, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  #storeRecipient(index: number, to: Uint8Array | undefined): void {
    const header = this.#outHeaders + index * MMSGHDR.size;
    const name = this.#outNames + index * NAME_BYTES;
    this.#words[(header + MSGHDR.msg_namelen) / 4] = to === undefined ? 0 : to.length;
    if (to === undefined) {
      this.#words[(header + MSGHDR.msg_name) / 4] = 0;
      this.#words[(header + MSGHDR.msg_name) / 4 + 1] = 0;
      return;
    }
    this.#region.bytes.set(to, name);
    this.#storeAddress(header + MSGHDR.msg_name, name);
  }

  #sender(offset: number, nameLength: number, size: number): RemoteInfo {
    const bytes = this.#region.bytes;
    // struct sockaddr_in: family, port and address. All else takes the general way.
    if (nameLength === 16) {
      const address = this.#words[offset / 4 + 1] as number;
      if (address !== this.#lastAddress) {
        this.#lastAddress = address;
        this.#lastText = `${bytes[offset + 4]}.${bytes[offset + 5]}.${bytes[offset + 6]}.${bytes[offset + 7]}`;
      }
      const port = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
      return { address: this.#lastText, family: "IPv4", port, size };
    }
    const info = toAddressInfo(decodeSockaddr(bytes, offset, nameLength)) ?? { address: "", family: "IPv6", port: 0 };
    return { address: info.address, family: info.family as RemoteInfo["family"], port: info.port, size };
  }

  #storeHeader(header: number, vector: number): void {
    this.#storeAddress(header + MSGHDR.msg_iov, vector);
    this.#words[(header + MSGHDR.msg_iovlen) / 4] = 1;
  }

  #storeVector(vector: number, offset: number, sizeBytes: number): void {
    this.#storeAddress(vector + IOVEC.iov_base, offset);
    this.#words[vector / 4 + IOVEC_WORDS / 2] = sizeBytes;
  }

  /** A pointer, little-endian, to an offset in the region. */
  #storeAddress(at: number, offset: number): void {
    const address = this.#region.address + offset;
    this.#words[at / 4] = address % TWO_32;
    this.#words[at / 4 + 1] = address / TWO_32;
  }
}

let shared: DatagramBatch | undefined;
let users = 0;

/** The thread's batch, for one more socket. */
export function borrowBatch(): DatagramBatch {
  users++;
  shared ??= new DatagramBatch();
  return shared;
}

/** Gives it back; the last one frees the memory. */
export function returnBatch(): void {
  users--;
  if (users > 0) return;
  shared?.dispose();
  shared = undefined;
}

export type { DatagramBatch };

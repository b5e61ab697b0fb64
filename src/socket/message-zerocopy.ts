/**
 * Sends that the kernel makes from the caller's memory: MSG_ZEROCOPY, and its completions from the error queue. See the
 * kernel's Documentation/networking/msg_zerocopy.rst.
 *
 * The kernel numbers the sends of a socket that took at least a byte, from 0, and reports ranges of numbers.
 */
import { ENOBUFS, MSG_ZEROCOPY } from "../abi/index.ts";
import { type AddressLike, addressDetails, toAddress, toSockaddr } from "./address.ts";
import { canceledError, type SystemErrorDetails } from "./errors.ts";
import type { Message } from "./message.ts";
import { sendMessageOnce } from "./message-header.ts";
import { toBuffers } from "./message-operations.ts";
import { type Direction, type Operation, WRITABLE } from "./waits.ts";

/** Sends of one socket that may be under way at once; then ENOBUFS, as when the kernel itself runs out. */
export const MAX_ZEROCOPY_SENDS = 1024;
/**
 * How long memory of sends is kept that were under way when their socket was closed: nobody can learn of their
 * completion any more. TCP gives a peer that does not answer up after about this time (tcp(7), tcp_retries2).
 */
const ORPHAN_MS = 16 * 60_000;

/** A send without a copy, in its two steps. */
export interface ZeroCopySend {
  /** How many bytes the kernel took: a stream may take a part. */
  readonly lengthBytes: number;
  /**
   * Settles when the kernel needs the memory no more: until then its bytes must not change. `copied` says that the
   * kernel had to copy after all, as it does on loopback; then plain `send` is cheaper. Rejected with ECANCELED when the
   * socket is closed before: the bytes must then never be changed, as the kernel may still send them.
   */
  readonly completion: Promise<{ readonly copied: boolean }>;
}

interface Pending {
  readonly buffers: readonly Uint8Array[];
  resolve(outcome: { readonly copied: boolean }): void;
  reject(reason: unknown): void;
}

/** Memory that the kernel may still send from, of sockets that are closed. */
const orphans = new Set<readonly Uint8Array[]>();

/** The sends of one socket that are under way. */
export class ZeroCopySends {
  /** SAFETY: an entry keeps the buffers reachable until the kernel has reported their send complete. */
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  /** Called when no send is under way any more, in the middle of whoever has read the last completion. */
  onSettled: (() => void) | undefined;

  get size(): number {
    return this.#pending.size;
  }

  /** Notes a send that the kernel has just taken. */
  add(buffers: readonly Uint8Array[]): Promise<{ readonly copied: boolean }> {
    const id = this.#next;
    this.#next = (id + 1) >>> 0;
    const completion = new Promise<{ readonly copied: boolean }>((resolve, reject) => {
      this.#pending.set(id, { buffers, resolve, reject });
    });
    // Who closes a socket under way need not look at each completion.
    completion.catch(() => {});
    return completion;
  }

  /** The kernel reports sends complete. False where none of them is known here. */
  complete(first: number, last: number, copied: boolean): boolean {
    const span = (last - first) >>> 0;
    let isKnown = false;
    for (const [id, { resolve }] of this.#pending) {
      if ((id - first) >>> 0 > span) continue;
      this.#pending.delete(id);
      resolve({ copied });
      isKnown = true;
    }
    if (isKnown && this.#pending.size === 0) this.onSettled?.();
    return isKnown;
  }

  /** The socket is closed: nobody will report any more. */
  abandon(): void {
    for (const { buffers, reject } of this.#pending.values()) {
      // SAFETY: the kernel may go on sending from this memory, so it stays reachable for as long as it could.
      orphans.add(buffers);
      setTimeout(() => orphans.delete(buffers), ORPHAN_MS).unref();
      reject(canceledError("sendmsg"));
    }
    this.#pending.clear();
  }
}

/** sendmsg(2) with MSG_ZEROCOPY */
export class SendZeroCopyOperation implements Operation {
  readonly syscall = "sendmsg";
  readonly direction: Direction = WRITABLE;
  completion: ZeroCopySend["completion"] | undefined;
  readonly #sends: ZeroCopySends;
  readonly #buffers: readonly Uint8Array[];
  readonly #to: Uint8Array | undefined;
  readonly #flags: number;

  readonly describe?: () => SystemErrorDetails;

  /** @throws TypeError or RangeError for what cannot be sent so. */
  constructor(sends: ZeroCopySends, data: Message["data"], to: AddressLike | undefined, flags: number) {
    this.#sends = sends;
    if (typeof data === "string") throw new TypeError("text has no memory to send from: give its bytes");
    this.#buffers = toBuffers(data);
    if (this.#buffers.every(({ length }) => length === 0))
      throw new RangeError("there is nothing to send without a copy");
    this.#to = to === undefined ? undefined : toSockaddr(to);
    if (to !== undefined) this.describe = () => addressDetails(toAddress(to));
    this.#flags = flags;
  }

  attempt(fd: number): number {
    if (this.#sends.size >= MAX_ZEROCOPY_SENDS) return -ENOBUFS;
    // SAFETY: the kernel keeps the buffers' pages beyond the call; `sends` keeps the buffers until it is done with them.
    const result = sendMessageOnce(fd, this.#buffers, this.#to, undefined, this.#flags | MSG_ZEROCOPY);
    if (result > 0) this.completion = this.#sends.add(this.#buffers);
    return result;
  }
}

/** Messages: what sendmsg(2) takes and what recvmsg(2) gives. */
import { MSG_CTRUNC, MSG_EOR, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, type SocketAddress } from "../abi/index.ts";
import { close } from "../sys/index.ts";
import type { AddressLike } from "./address.ts";
import type { Ancillary, AncillaryOf } from "./ancillary.ts";
import type { Bytes } from "./operations.ts";

/** A message to be sent. */
export interface Message {
  /** One buffer or several, which leave as one message, uncopied (gather). At most {@link MAX_BUFFERS}. */
  readonly data: Bytes | readonly Uint8Array[];
  /** Whom to; absent on a connected socket. */
  readonly to?: AddressLike | undefined;
  /**
   * What goes along. Descriptors in it stay the sender's: close them as soon as the call is over, if they are not needed
   * here any more. On a unix stream at least one byte has to go with them.
   */
  readonly control?: readonly Ancillary[] | undefined;
  /** MSG_ constants: MSG_MORE, MSG_OOB, MSG_EOR, MSG_CONFIRM … MSG_DONTWAIT and MSG_NOSIGNAL are always set. */
  readonly flags?: number | undefined;
}

/** How a message is to be received. */
export interface MessageRoom {
  /** Memory to receive into: one buffer, or several that are filled one after the other (scatter). */
  readonly buffers?: Uint8Array | readonly Uint8Array[] | undefined;
  /** Instead of `buffers`: at most so many bytes, in new memory. */
  readonly sizeBytes?: number | undefined;
  /**
   * Room for ancillary data, 0 for none. By default 512 bytes, which hold everything that IP tells of a packet, and the
   * descriptors that `maxDescriptors` allows.
   */
  readonly controlBytes?: number | undefined;
  /**
   * How many descriptors (SCM_RIGHTS) the caller takes over; 0 by default. See {@link ReceivedMessage} on who owns them.
   */
  readonly maxDescriptors?: number | undefined;
  /** Whether the sender's address is wanted: true by default. */
  readonly wantAddress?: boolean | undefined;
  /**
   * MSG_ constants: MSG_PEEK, MSG_OOB, MSG_ERRQUEUE, MSG_WAITALL … MSG_DONTWAIT is always set, and on unix sockets
   * MSG_CMSG_CLOEXEC.
   * With MSG_WAITALL on a stream the call waits until the buffers are full or the stream has ended.
   */
  readonly flags?: number | undefined;
}

/**
 * A received message.
 *
 * Descriptors that came with it are close-on-exec and belong to the message until {@link ReceivedMessage.takeDescriptors}
 * gives them to the caller; disposing of the message (`using`) closes those that nobody took. A message whose
 * descriptors are more than the caller allowed, or whose ancillary data was cut (so that some may be missing), comes
 * without any: they are closed and counted in `descriptorsClosed`. Peeking (MSG_PEEK) makes new descriptors each time.
 */
export class ReceivedMessage {
  /** The bytes that fitted, in the caller's buffers or in new memory: views, one for each buffer that has got some. */
  readonly parts: readonly Buffer[];
  /** How many bytes fitted. 0 is the end of a stream, or an empty datagram. */
  readonly lengthBytes: number;
  /** How long the message was; of a stream, how many bytes were received. */
  readonly fullLengthBytes: number;
  /** The sender; undefined where the transport does not tell. From the error queue: where the packet had been sent. */
  readonly address: SocketAddress | undefined;
  /** What came along, in the kernel's order. */
  readonly ancillary: readonly Ancillary[];
  /** `msg_flags`, MSG_ constants. */
  readonly flags: number;
  /** Descriptors that came, and were closed because they were not wanted or not complete. */
  readonly descriptorsClosed: number;
  #owned: number[];

  constructor(
    parts: readonly Buffer[],
    fullLengthBytes: number,
    address: SocketAddress | undefined,
    ancillary: readonly Ancillary[],
    flags: number,
    owned: number[],
    descriptorsClosed: number,
  ) {
    this.parts = parts;
    this.lengthBytes = parts.reduce((sum, { length }) => sum + length, 0);
    this.fullLengthBytes = fullLengthBytes;
    this.address = address;
    this.ancillary = ancillary;
    this.flags = flags;
    this.#owned = owned;
    this.descriptorsClosed = descriptorsClosed;
  }

  /** All bytes in one piece: the only part as it is, or a copy of several. */
  get bytes(): Buffer {
    return this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
  }

  /** Bytes of the message were lost for want of room: MSG_TRUNC. */
  get truncated(): boolean {
    return (this.flags & MSG_TRUNC) !== 0;
  }

  /** Ancillary data was lost for want of room: MSG_CTRUNC. */
  get controlTruncated(): boolean {
    return (this.flags & MSG_CTRUNC) !== 0;
  }

  /** The message ends a record: MSG_EOR. */
  get endOfRecord(): boolean {
    return (this.flags & MSG_EOR) !== 0;
  }

  /** The message is from the error queue: MSG_ERRQUEUE. */
  get fromErrorQueue(): boolean {
    return (this.flags & MSG_ERRQUEUE) !== 0;
  }

  /** The byte is urgent data: MSG_OOB. */
  get outOfBand(): boolean {
    return (this.flags & MSG_OOB) !== 0;
  }

  /** The first ancillary entry of a type: `message.find("IP_PKTINFO")?.interfaceIndex`. */
  find<Type extends Ancillary["type"]>(type: Type): AncillaryOf<Type> | undefined {
    return this.ancillary.find((entry): entry is AncillaryOf<Type> => entry.type === type);
  }

  /** Gives the descriptors of SCM_RIGHTS and SCM_PIDFD to the caller, who closes them; a second call gives none. */
  takeDescriptors(): number[] {
    const taken = this.#owned;
    this.#owned = [];
    return taken;
  }

  /** Closes the descriptors that nobody took. */
  [Symbol.dispose](): void {
    closeDescriptors(this.takeDescriptors());
  }
}

/** Closes descriptors that this process has just got. */
export function closeDescriptors(descriptors: readonly number[]): void {
  for (const fd of descriptors) close(fd);
}

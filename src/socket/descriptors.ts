/** The part of `Socket` that passes descriptors to other processes and takes theirs: SCM_RIGHTS. unix(7) */
import { AF_UNIX, EFAULT, SOCK_STREAM } from "../abi/index.ts";
import { type Ancillary, encodeAncillary } from "./ancillary.ts";
import { sendOnce } from "./calls.ts";
import { type Descriptor, descriptorNumber } from "./descriptors-state.ts";
import { isDetached } from "./detached.ts";
import { closeDescriptors, type ReceivedMessage } from "./message.ts";
import { sendMessageOnce } from "./message-header.ts";
import { MAX_DESCRIPTORS } from "./message-operations.ts";
import { type Bytes, toBytes } from "./operations.ts";
import { TransferSocket } from "./transfer-socket.ts";
import { type Direction, type Operation, type WaitOptions, WRITABLE } from "./waits.ts";

type SyncLimits = Omit<WaitOptions, "signal">;

/** How descriptors are to be received. */
export interface ReceiveDescriptorsOptions extends WaitOptions {
  /** The most descriptors that the caller takes over; those beyond are closed. 1 by default, {@link MAX_DESCRIPTORS} at most. */
  readonly max?: number | undefined;
  /** The most bytes that are received with them: 4096 by default. */
  readonly sizeBytes?: number | undefined;
  /** MSG_ constants. */
  readonly flags?: number | undefined;
}

/** Descriptors that came, and what came with them. */
export interface ReceivedDescriptors {
  /** The caller's from now on, close-on-exec, in the order in which they were sent. `Socket.from` makes sockets of them. */
  readonly descriptors: readonly number[];
  /** The bytes beside them; nothing at all is the end of a stream. */
  readonly bytes: Buffer;
  /** How many more came than were allowed, and were closed at once. */
  readonly closedCount: number;
  /**
   * Some were lost before they got here (MSG_CTRUNC), as when this process has no free number left; then the rest were
   * closed too, for nobody could tell which is which.
   */
  readonly truncated: boolean;
  /** The sender, of a datagram socket that has a name. */
  readonly address: ReceivedMessage["address"];
  /** Who sent them, as the kernel has checked, if SO_PASSCRED is set on this socket. */
  readonly credentials: { readonly pid: number; readonly uid: number; readonly gid: number } | undefined;
}

const DEFAULT_SIZE_BYTES = 4096;
/** On a stream, descriptors need a byte to travel with. */
const CARRIER = "\0";
const NONE: ReceiveDescriptorsOptions = Object.freeze({});

export abstract class DescriptorSocket extends TransferSocket {
  /**
   * Sends descriptors over a unix socket: the receiver gets descriptors of its own for the same open files. Those given
   * here stay open, and the caller's; they may be closed as soon as the promise has settled.
   *
   *     await socket.sendDescriptors([connection], "serve this one");
   *     connection.close();
   *
   * @param descriptors numbers, or what has one as its `fd`; {@link MAX_DESCRIPTORS} at most.
   * @param data what goes with them: one NUL byte by default, as a stream needs at least one. All of it is sent.
   * @throws TypeError for a socket that is not AF_UNIX or what is no descriptor; RangeError for too many, or no byte on a
   * stream; SystemError EBADF (one of them is not open), ETOOMANYREFS, EPIPE, ECONNRESET, ENOTCONN, ETIMEDOUT …
   */
  async sendDescriptors(
    descriptors: readonly Descriptor[],
    data: Bytes = CARRIER,
    options: WaitOptions = NONE,
  ): Promise<void> {
    await this.perform(this.#sendingDescriptors(descriptors, data), options);
  }

  /** {@link DescriptorSocket.sendDescriptors}, blocking the thread. */
  sendDescriptorsSync(descriptors: readonly Descriptor[], data: Bytes = CARRIER, options: SyncLimits = NONE): void {
    this.performSync(this.#sendingDescriptors(descriptors, data), options);
  }

  /**
   * Receives descriptors and the bytes that came with them. A message without any is received as well: its list is empty.
   *
   *     const { descriptors, bytes } = await socket.receiveDescriptors({ max: 2 });
   *     const connections = descriptors.map((fd) => Socket.from(fd));
   *
   * @throws TypeError for a socket that is not AF_UNIX; RangeError for room that cannot be; SystemError as `recv`.
   */
  async receiveDescriptors(options: ReceiveDescriptorsOptions = NONE): Promise<ReceivedDescriptors> {
    const room = this.#roomForDescriptors(options);
    return sortOut(await this.recvMessage(room, options), options.max);
  }

  /** {@link DescriptorSocket.receiveDescriptors}, blocking the thread. */
  receiveDescriptorsSync(options: Omit<ReceiveDescriptorsOptions, "signal"> = NONE): ReceivedDescriptors {
    const room = this.#roomForDescriptors(options);
    return sortOut(this.recvMessageSync(room, options), options.max);
  }

  #sendingDescriptors(descriptors: readonly Descriptor[], data: Bytes): SendDescriptorsOperation {
    this.#checkFamily();
    const bytes = toBytes(data);
    if (this.type === SOCK_STREAM && bytes.length === 0) {
      throw new RangeError("descriptors go with at least one byte of a stream");
    }
    return new SendDescriptorsOperation(descriptors.map(descriptorNumber), bytes, this.type === SOCK_STREAM);
  }

  #roomForDescriptors({ max = 1, sizeBytes = DEFAULT_SIZE_BYTES, flags }: ReceiveDescriptorsOptions) {
    this.#checkFamily();
    if (!Number.isInteger(max) || max < 0 || max > MAX_DESCRIPTORS) {
      throw new RangeError(`max is an integer from 0 to ${MAX_DESCRIPTORS}, not ${max}`);
    }
    // There is room for as many as a message can carry, so that those too many are counted and the others arrive.
    return { sizeBytes, flags, maxDescriptors: MAX_DESCRIPTORS };
  }

  #checkFamily(): void {
    if (this.family !== AF_UNIX) throw new TypeError("descriptors travel over sockets of AF_UNIX only");
  }
}

/** The descriptors go with the first byte; of a stream, the rest follows as the kernel has room. */
class SendDescriptorsOperation implements Operation {
  readonly syscall = "sendmsg";
  readonly direction: Direction = WRITABLE;
  readonly #bytes: Uint8Array;
  readonly #control: Uint8Array | undefined;
  readonly #isStream: boolean;
  #sent = 0;

  constructor(descriptors: readonly number[], bytes: Uint8Array, isStream: boolean) {
    if (descriptors.length > MAX_DESCRIPTORS) {
      throw new RangeError(`one message carries at most ${MAX_DESCRIPTORS} descriptors, not ${descriptors.length}`);
    }
    const control: Ancillary[] = [{ type: "SCM_RIGHTS", descriptors }];
    this.#control = descriptors.length === 0 ? undefined : encodeAncillary(control);
    this.#bytes = bytes;
    this.#isStream = isStream;
  }

  attempt(fd: number): number {
    for (;;) {
      if (isDetached(this.#bytes)) return -EFAULT;
      const result =
        this.#sent === 0
          ? sendMessageOnce(fd, [this.#bytes], undefined, this.#control, 0)
          : sendOnce(fd, this.#bytes.subarray(this.#sent), 0);
      if (result < 0) return result;
      this.#sent += result;
      if (!this.#isStream || this.#sent === this.#bytes.length) return this.#sent;
    }
  }
}

function sortOut(message: ReceivedMessage, max = 1): ReceivedDescriptors {
  const all = message.ancillary.flatMap((entry) => (entry.type === "SCM_RIGHTS" ? entry.descriptors : []));
  const descriptors = all.slice(0, max);
  // What is not handed out is closed, such as the pidfd that SO_PASSPIDFD adds.
  closeDescriptors(message.takeDescriptors().filter((fd) => !descriptors.includes(fd)));
  return {
    descriptors,
    bytes: message.bytes,
    closedCount: all.length - descriptors.length + message.descriptorsClosed,
    truncated: message.controlTruncated,
    address: message.address,
    credentials: credentialsOf(message),
  };
}

function credentialsOf(message: ReceivedMessage): ReceivedDescriptors["credentials"] {
  const found = message.find("SCM_CREDENTIALS");
  return found === undefined ? undefined : { pid: found.pid, uid: found.uid, gid: found.gid };
}

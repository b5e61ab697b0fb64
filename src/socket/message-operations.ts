/** Sending and receiving messages, as operations that may have to wait. */
import {
  AF_UNIX,
  CMSG_SPACE,
  EPERM,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_ZEROCOPY,
  SOCK_STREAM,
  type SocketAddress,
} from "../abi/index.ts";
import { addressDetails, toAddress, toSockaddr } from "./address.ts";
import { type Ancillary, decodeAncillary, encodeAncillary } from "./ancillary.ts";
import { attached } from "./detached.ts";
import type { SystemErrorDetails } from "./errors.ts";
import { closeDescriptors, type Message, type MessageRoom, ReceivedMessage } from "./message.ts";
import {
  lastControl,
  lastMessageAddress,
  lastMessageFlags,
  MAX_BUFFERS,
  MAX_CONTROL_BYTES,
  recvMessageOnce,
  sendMessageOnce,
} from "./message-header.ts";
import { MAX_RECEIVE_BYTES, nameKind, toBytes } from "./operations.ts";
import { explainCredentials } from "./permissions.ts";
import { type Direction, ERRORS, type Operation, PRIORITY, READABLE, WRITABLE } from "./waits.ts";

/** Room for ancillary data where the caller names none. */
const DEFAULT_CONTROL_BYTES = 512;
/** Descriptors in one message: the kernel's SCM_MAX_FD. unix(7) */
export const MAX_DESCRIPTORS = 253;

const SCRATCH_BYTES = 64 * 1024;
const NO_CONTROL: readonly Ancillary[] = Object.freeze([]);
let scratch: Uint8Array | undefined;

/** sendmsg(2) */
export class SendMessageOperation implements Operation {
  readonly syscall = "sendmsg";
  readonly direction: Direction = WRITABLE;
  readonly #buffers: readonly Uint8Array[];
  readonly #to: Uint8Array | undefined;
  readonly #control: Uint8Array | undefined;
  readonly #flags: number;

  readonly describe?: (result?: number) => SystemErrorDetails | undefined;

  /** @throws TypeError or RangeError for what cannot be sent. */
  constructor({ data, to, control = NO_CONTROL, flags = 0 }: Message) {
    if ((flags & MSG_ZEROCOPY) !== 0)
      throw new TypeError("sendZeroCopy sends with MSG_ZEROCOPY, and tells when it is done");
    this.#buffers = toBuffers(data);
    this.#to = to === undefined ? undefined : toSockaddr(to);
    if (to !== undefined || control.length > 0) this.describe = (result) => describeSend(to, control, result);
    this.#control = control.length === 0 ? undefined : encodeAncillary(control);
    if (this.#control !== undefined && this.#control.length > MAX_CONTROL_BYTES) {
      throw new RangeError(`control takes ${this.#control.length} bytes; ${MAX_CONTROL_BYTES} is the limit`);
    }
    this.#flags = flags;
  }

  get hasControl(): boolean {
    return this.#control !== undefined;
  }

  get isEmpty(): boolean {
    return this.#buffers.every(({ length }) => length === 0);
  }

  attempt(fd: number): number {
    return sendMessageOnce(fd, this.#buffers, this.#to, this.#control, this.#flags);
  }
}

/** What receiving depends on. */
export interface SocketKind {
  /** AF_UNIX … */
  readonly family: number;
  /** SOCK_STREAM … */
  readonly type: number;
}

/** recvmsg(2) */
export class RecvMessageOperation implements Operation {
  readonly syscall = "recvmsg";
  readonly direction: Direction;
  message: ReceivedMessage | undefined;
  readonly #buffers: readonly Uint8Array[] | undefined;
  readonly #sizeBytes: number;
  readonly #controlBytes: number;
  readonly #maxDescriptors: number;
  readonly #wantAddress: boolean;
  readonly #flags: number;
  /** Whether to go on until the buffers are full. */
  readonly #isWhole: boolean;
  /** Of a TCP stream, MSG_TRUNC takes bytes and writes none: the memory must not hold somebody else's. tcp(7) */
  readonly #isDiscard: boolean;
  /** What earlier attempts of a whole receive have got. */
  #received = 0;
  #room: readonly Uint8Array[] | undefined;
  readonly #ancillary: Ancillary[] = [];
  readonly #owned: number[] = [];
  #closed = 0;
  #messageFlags = 0;

  /** @throws TypeError or RangeError for room that cannot be. */
  constructor(room: MessageRoom, socket: SocketKind) {
    const { buffers, sizeBytes, maxDescriptors = 0, wantAddress = true, flags = 0 } = room;
    if ((buffers === undefined) === (sizeBytes === undefined)) {
      throw new TypeError("a message is received into `buffers` or into new memory of `sizeBytes`: give one of them");
    }
    this.#buffers = buffers === undefined ? undefined : checkBuffers(buffers);
    this.#sizeBytes = this.#buffers?.reduce((sum, { length }) => sum + length, 0) ?? (sizeBytes as number);
    checkWhole("sizeBytes", this.#sizeBytes, MAX_RECEIVE_BYTES);
    this.#maxDescriptors = checkWhole("maxDescriptors", maxDescriptors, MAX_DESCRIPTORS);
    const rightsBytes = maxDescriptors === 0 ? 0 : CMSG_SPACE(4 * maxDescriptors);
    this.#controlBytes = checkWhole(
      "controlBytes",
      room.controlBytes ?? DEFAULT_CONTROL_BYTES + rightsBytes,
      MAX_CONTROL_BYTES,
    );
    this.#wantAddress = wantAddress;
    const isStream = socket.type === SOCK_STREAM;
    this.#isDiscard = isStream && (flags & MSG_TRUNC) !== 0;
    // Who does not wait gets what is there, as from the kernel.
    this.#isWhole = isStream && (flags & (MSG_WAITALL | MSG_DONTWAIT)) === MSG_WAITALL;
    if (this.#isWhole && (flags & MSG_PEEK) !== 0) {
      throw new TypeError(
        "MSG_WAITALL cannot be waited for with MSG_PEEK: what was peeked at keeps the socket readable",
      );
    }
    // Where messages are kept apart, MSG_TRUNC makes the kernel tell the full length.
    const lengthFlag = isStream || (flags & MSG_ERRQUEUE) !== 0 ? 0 : MSG_TRUNC;
    // Descriptors come over unix sockets only, and packet sockets refuse the flag.
    this.#flags = flags | lengthFlag | (socket.family === AF_UNIX ? MSG_CMSG_CLOEXEC : 0);
    this.direction = directionOf(flags);
  }

  attempt(fd: number): number {
    for (;;) {
      const room = this.#roomNow();
      const result = recvMessageOnce(
        fd,
        room,
        this.#received,
        this.#wantAddress,
        this.#controlBytes,
        this.#flags & ~MSG_WAITALL,
      );
      // A failure in the middle is told, for the kernel tells it once: what follows would look like the stream's end.
      if (result < 0) return result;
      this.#keepControl();
      const isEnd = result === 0;
      this.#received += result;
      if (this.#isWhole && !isEnd && this.#received < this.#sizeBytes) continue;
      return this.#finish();
    }
  }

  /** Closes what came with a part of a message whose rest nobody waits for any more. */
  discard(): void {
    closeDescriptors(this.#owned.splice(0));
  }

  /** New memory that a second attempt has to find again cannot be the scratch memory of all. */
  #roomNow(): readonly Uint8Array[] {
    if (this.#buffers !== undefined) return this.#buffers;
    if (this.#isWhole || this.#isDiscard || this.#sizeBytes > SCRATCH_BYTES) {
      this.#room ??= [this.#isDiscard ? Buffer.alloc(this.#sizeBytes) : Buffer.allocUnsafeSlow(this.#sizeBytes)];
      return this.#room;
    }
    scratch ??= new Uint8Array(SCRATCH_BYTES);
    return [this.#sizeBytes === SCRATCH_BYTES ? scratch : scratch.subarray(0, this.#sizeBytes)];
  }

  /** Takes over what came along, before anything else can fail: descriptors among it are this process's by now. */
  #keepControl(): void {
    const flags = lastMessageFlags();
    this.#messageFlags |= flags;
    const entries = this.#controlBytes === 0 ? NO_CONTROL : decodeAncillary(lastControl());
    let left = (flags & MSG_CTRUNC) !== 0 ? -1 : this.#maxDescriptors;
    for (const entry of entries) {
      if (entry.type === "SCM_PIDFD" && entry.pidfd >= 0) this.#owned.push(entry.pidfd);
      if (entry.type !== "SCM_RIGHTS") {
        this.#ancillary.push(entry);
      } else if (entry.descriptors.length > left) {
        closeDescriptors(entry.descriptors);
        this.#closed += entry.descriptors.length;
      } else {
        left -= entry.descriptors.length;
        this.#owned.push(...entry.descriptors);
        this.#ancillary.push(entry);
      }
    }
  }

  #finish(): number {
    const lengthBytes = Math.min(this.#received, this.#sizeBytes);
    const parts = this.#parts(lengthBytes);
    const address = this.#wantAddress ? sender(lastMessageAddress()) : undefined;
    this.message = new ReceivedMessage(
      parts,
      this.#received,
      address,
      this.#ancillary,
      this.#messageFlags,
      this.#owned,
      this.#closed,
    );
    return lengthBytes;
  }

  #parts(lengthBytes: number): Buffer[] {
    const room = this.#roomNow();
    // Scratch memory is everybody's: copy. So is a large room that is mostly empty.
    const [first] = room as [Uint8Array];
    const isOwn = this.#buffers !== undefined || (this.#room !== undefined && lengthBytes > first.length / 2);
    if (!isOwn) return [Buffer.from(first.subarray(0, lengthBytes))];
    const parts: Buffer[] = [];
    let left = lengthBytes;
    for (const buffer of room) {
      if (left === 0) break;
      const length = Math.min(left, buffer.length);
      if (length > 0) parts.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      left -= length;
    }
    return parts;
  }
}

/** A message's data as buffers. @throws TypeError or RangeError */
export function toBuffers(data: Message["data"]): readonly Uint8Array[] {
  return Array.isArray(data) ? checkBuffers(data) : [toBytes(data as Uint8Array)];
}

function checkBuffers(buffers: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  const list = Array.isArray(buffers) ? (buffers as readonly Uint8Array[]) : [buffers as Uint8Array];
  if (list.length > MAX_BUFFERS)
    throw new RangeError(`a message has at most ${MAX_BUFFERS} buffers, not ${list.length}`);
  for (const buffer of list) {
    if (!(buffer instanceof Uint8Array)) throw new TypeError(`a buffer is a Uint8Array, not ${nameKind(buffer)}`);
    attached(buffer);
  }
  return list;
}

function describeSend(
  to: Message["to"],
  control: readonly Ancillary[],
  result: number | undefined,
): SystemErrorDetails | undefined {
  const cause = result === -EPERM ? explainCredentials(control) : undefined;
  const reason = cause === undefined ? undefined : { cause };
  return to === undefined ? reason : { ...addressDetails(toAddress(to)), ...reason };
}

function checkWhole(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${name} is an integer from 0 to ${max}, not ${value}`);
}

function directionOf(flags: number): Direction {
  if ((flags & MSG_ERRQUEUE) !== 0) return ERRORS;
  return (flags & MSG_OOB) !== 0 ? PRIORITY : READABLE;
}

function sender(address: SocketAddress | undefined): SocketAddress | undefined {
  return address?.family === "unix" && address.kind === "unnamed" ? undefined : address;
}

/** One class per kind of call that may have to wait: its arguments, how it is tried, and what it has found. */
import {
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  EFAULT,
  EINPROGRESS,
  EINTR,
  EISCONN,
  MSG_TRUNC,
  POLLOUT,
  SO_ERROR,
  type SocketAddress,
} from "../abi/index.ts";
import { connect } from "../sys/index.ts";
import {
  acceptOnce,
  lastAddress,
  lastSockaddr,
  pollNow,
  recvFromOnce,
  recvOnce,
  sendOnce,
  sendToOnce,
  socketInt,
} from "./calls.ts";
import { attached, isDetached } from "./detached.ts";
import type { SystemErrorDetails } from "./errors.ts";
import { type Direction, EVENTS, type Operation, READABLE, WRITABLE } from "./waits.ts";

/** The most that one call receives into new memory. */
export const MAX_RECEIVE_BYTES: number = 1 << 30;

/** Received here first, so that a call that waits holds no memory and a short message costs what it is long. */
const SCRATCH_BYTES = 64 * 1024;
let scratch: Uint8Array | undefined;

/** What `send` takes: bytes, in whichever view of them, or a string that is sent as UTF-8. */
export type Bytes = ArrayBufferView | string;

/** A datagram and where it is from. */
export interface Datagram {
  /** What fitted: a view of the caller's buffer, or new memory. */
  readonly bytes: Buffer;
  /** The sender; undefined where the transport does not tell, as a stream, or a unix socket without a name. */
  readonly address: SocketAddress | undefined;
  /** How long the datagram was. */
  readonly fullLengthBytes: number;
  /** Whether bytes were lost for want of room. */
  readonly truncated: boolean;
}

export class AcceptOperation implements Operation {
  readonly syscall = "accept";
  readonly direction: Direction = READABLE;
  /** The peer's struct sockaddr. */
  peer: Uint8Array | undefined;

  attempt(fd: number): number {
    const result = acceptOnce(fd);
    if (result === -ECONNABORTED) return -EAGAIN;
    if (result >= 0) this.peer = lastSockaddr();
    return result;
  }

  describe(): SystemErrorDetails {
    return {};
  }
}

/** Starts with {@link ConnectOperation.start}; then an attempt asks for the outcome. connect(2), EINPROGRESS */
export class ConnectOperation implements Operation {
  readonly syscall = "connect";
  readonly direction: Direction = WRITABLE;
  readonly #sockaddr: Uint8Array;
  readonly #details: SystemErrorDetails;

  constructor(sockaddr: Uint8Array, details: SystemErrorDetails) {
    this.#sockaddr = sockaddr;
    this.#details = details;
  }

  /** 0, `-errno`, or `-EINPROGRESS`: to be waited for. */
  start(fd: number): number {
    const result = connect(fd, this.#sockaddr, this.#sockaddr.length);
    return result === -EINTR ? -EINPROGRESS : result;
  }

  attempt(fd: number): number {
    if (pollNow(fd, POLLOUT) === 0) return -EAGAIN;
    const errno = socketInt(fd, SO_ERROR);
    if (errno !== 0) return -Math.abs(errno);
    // Linux counts the socket as connecting until connect is called once more; only then is a further one EISCONN.
    const result = this.start(fd);
    if (result === -EISCONN) return 0;
    return result === -EALREADY || result === -EINPROGRESS ? -EAGAIN : result;
  }

  describe(): SystemErrorDetails {
    return this.#details;
  }
}

/** Receives into the caller's memory. */
export class RecvIntoOperation implements Operation {
  readonly syscall = "recv";
  readonly direction: Direction = READABLE;
  readonly #bytes: Uint8Array;
  readonly #flags: number;

  constructor(bytes: Uint8Array, flags: number) {
    this.#bytes = bytes;
    this.#flags = flags;
  }

  attempt(fd: number): number {
    return recvOnce(fd, this.#bytes, this.#bytes.length, this.#flags);
  }
}

/** Receives into new memory, just large enough. */
export class RecvNewOperation implements Operation {
  readonly syscall = "recv";
  readonly direction: Direction = READABLE;
  bytes: Buffer | undefined;
  readonly #sizeBytes: number;
  readonly #flags: number;

  constructor(sizeBytes: number, flags: number) {
    this.#sizeBytes = checkSize(sizeBytes);
    this.#flags = flags;
  }

  attempt(fd: number): number {
    // Of a TCP stream, MSG_TRUNC takes bytes and writes none: the memory must not hold somebody else's. tcp(7)
    const isDiscard = (this.#flags & MSG_TRUNC) !== 0;
    const room = isDiscard ? Buffer.alloc(this.#sizeBytes) : roomFor(this.#sizeBytes);
    const result = recvOnce(fd, room, this.#sizeBytes, this.#flags);
    if (result >= 0) this.bytes = taken(room, Math.min(result, this.#sizeBytes));
    return result;
  }
}

/** Receives a datagram and its sender. */
export class RecvFromOperation implements Operation {
  readonly syscall = "recvfrom";
  readonly direction: Direction = READABLE;
  datagram: Datagram | undefined;
  readonly #into: Uint8Array | undefined;
  readonly #sizeBytes: number;
  readonly #flags: number;

  /** @param isMessage whether the socket keeps messages apart: then MSG_TRUNC makes the kernel tell the full length. */
  constructor(target: Uint8Array | number, flags: number, isMessage: boolean) {
    this.#into = typeof target === "number" ? undefined : target;
    this.#sizeBytes = typeof target === "number" ? checkSize(target) : target.length;
    this.#flags = isMessage ? flags | MSG_TRUNC : flags;
  }

  attempt(fd: number): number {
    const sizeBytes = this.#sizeBytes;
    const room = this.#into ?? roomFor(sizeBytes);
    const fullLengthBytes = recvFromOnce(fd, room, sizeBytes, this.#flags);
    if (fullLengthBytes < 0) return fullLengthBytes;
    const length = Math.min(fullLengthBytes, sizeBytes);
    const bytes = this.#into === undefined ? taken(room, length) : Buffer.from(room.buffer, room.byteOffset, length);
    this.datagram = { bytes, address: sender(), fullLengthBytes, truncated: fullLengthBytes > length };
    return fullLengthBytes;
  }
}

/** Sends once: a stream may take a part. */
export class SendOperation implements Operation {
  readonly syscall = "send";
  readonly direction: Direction = WRITABLE;
  readonly #bytes: Uint8Array;
  readonly #flags: number;

  constructor(bytes: Uint8Array, flags: number) {
    this.#bytes = bytes;
    this.#flags = flags;
  }

  attempt(fd: number): number {
    return sendOnce(fd, this.#bytes, this.#flags);
  }
}

/** Sends until everything has left. Nobody else's bytes come between, since it keeps its place in the queue. */
export class SendAllOperation implements Operation {
  readonly syscall = "send";
  readonly direction: Direction = WRITABLE;
  readonly #bytes: Uint8Array;
  readonly #flags: number;
  #sent = 0;

  constructor(bytes: Uint8Array, flags: number) {
    this.#bytes = bytes;
    this.#flags = flags;
  }

  attempt(fd: number): number {
    // At least one call, so that an empty datagram is sent too.
    do {
      if (isDetached(this.#bytes)) return -EFAULT;
      const rest = this.#sent === 0 ? this.#bytes : this.#bytes.subarray(this.#sent);
      const result = sendOnce(fd, rest, this.#flags);
      if (result < 0) return result;
      this.#sent += result;
    } while (this.#sent < this.#bytes.length);
    return this.#sent;
  }
}

export class SendToOperation implements Operation {
  readonly syscall = "sendto";
  readonly direction: Direction = WRITABLE;
  readonly #bytes: Uint8Array;
  readonly #flags: number;
  readonly #to: Uint8Array;
  readonly #details: SystemErrorDetails;

  constructor(bytes: Uint8Array, flags: number, to: Uint8Array, details: SystemErrorDetails) {
    this.#bytes = bytes;
    this.#flags = flags;
    this.#to = to;
    this.#details = details;
  }

  attempt(fd: number): number {
    return sendToOnce(fd, this.#bytes, this.#flags, this.#to);
  }

  describe(): SystemErrorDetails {
    return this.#details;
  }
}

/** Waits for a condition, and makes no other call. */
export class PollOperation implements Operation {
  readonly syscall = "poll";
  readonly direction: Direction;

  constructor(direction: Direction) {
    this.direction = direction;
  }

  attempt(fd: number): number {
    return pollNow(fd, EVENTS[this.direction]) === 0 ? -EAGAIN : 0;
  }
}

/** @throws TypeError for anything but bytes and strings, and for bytes that were transferred */
export function toBytes(bytes: Bytes): Uint8Array {
  if (typeof bytes === "string") return Buffer.from(bytes);
  if (bytes instanceof Uint8Array) return attached(bytes);
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError(`a Uint8Array or a string can be sent, not ${nameKind(bytes)}`);
}

/** A value as a message shows it, however large it is. */
export function nameKind(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return value instanceof ArrayBuffer ? "an ArrayBuffer: give a view of it" : `an object (${value.constructor?.name})`;
}

function checkSize(sizeBytes: number): number {
  if (Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= MAX_RECEIVE_BYTES) return sizeBytes;
  throw new RangeError(`sizeBytes is an integer from 0 to ${MAX_RECEIVE_BYTES}, not ${sizeBytes}`);
}

function roomFor(sizeBytes: number): Uint8Array {
  if (sizeBytes > SCRATCH_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
  scratch ??= new Uint8Array(SCRATCH_BYTES);
  return scratch;
}

/** The received bytes in memory of their own. Large rooms are given away unless most of them is empty. */
function taken(room: Uint8Array, length: number): Buffer {
  if (room !== scratch && length > room.length / 2) return Buffer.from(room.buffer, room.byteOffset, length);
  return Buffer.from(room.subarray(0, length));
}

function sender(): SocketAddress | undefined {
  const address = lastAddress();
  return address?.family === "unix" && address.kind === "unnamed" ? undefined : address;
}

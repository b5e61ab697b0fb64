/** The loops that streams need, as operations that may have to wait; and moving bytes that never come to this process. */
import { EAGAIN, EFAULT, MSG_PEEK, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK } from "../abi/index.ts";
import { sendfile, splice } from "../sys/index.ts";
import { recvOnce } from "./calls.ts";
import { isDetached } from "./detached.ts";
import { FilePieces, fallback } from "./transfer-copy.ts";
import { type Direction, type Operation, READABLE, WRITABLE } from "./waits.ts";

/** Bytes that one attempt moves before others get their turn; then the call waits for the next. */
const MAX_BYTES_PER_ATTEMPT = 4 * 1024 * 1024;
/** Bytes looked at together for a delimiter. */
const PEEK_BYTES = 16 * 1024;

let scratch: Buffer | undefined;

/** A read ended before it had what was asked for: the stream ended in the middle, or the limit was reached. */
export class IncompleteReadError extends Error {
  readonly code = "ERR_INCOMPLETE_READ";
  /** `"end"`: the peer ended the stream. `"limit"`: `maxBytes` came without the delimiter. */
  readonly reason: "end" | "limit";
  /** What had come. */
  readonly partial: Buffer;

  constructor(message: string, reason: "end" | "limit", partial: Buffer) {
    super(message);
    this.name = "IncompleteReadError";
    this.reason = reason;
    this.partial = partial;
  }
}

/** Receives until the memory is full or the stream has ended. */
export class ReadExactlyOperation implements Operation {
  readonly syscall = "recv";
  readonly direction: Direction = READABLE;
  received = 0;
  readonly #into: Uint8Array;

  constructor(into: Uint8Array) {
    this.#into = into;
  }

  attempt(fd: number): number {
    if (isDetached(this.#into)) return -EFAULT;
    while (this.received < this.#into.length) {
      const rest = this.received === 0 ? this.#into : this.#into.subarray(this.received);
      const result = recvOnce(fd, rest, rest.length, 0);
      if (result < 0) return result;
      if (result === 0) break;
      this.received += result;
    }
    return this.received;
  }
}

/**
 * Receives up to and with a delimiter, and not a byte more: what waits is looked at first (MSG_PEEK), and only the part
 * that belongs to the answer is taken.
 */
export class ReadUntilOperation implements Operation {
  readonly syscall = "recv";
  readonly direction: Direction = READABLE;
  /** Why it ended; undefined while it has not. */
  outcome: "found" | "end" | "limit" | undefined;
  readonly #delimiter: Uint8Array;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(delimiter: Uint8Array, maxBytes: number) {
    this.#delimiter = delimiter;
    this.#maxBytes = maxBytes;
  }

  get bytes(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }

  attempt(fd: number): number {
    scratch ??= Buffer.allocUnsafeSlow(PEEK_BYTES);
    while (this.outcome === undefined) {
      const room = Math.min(PEEK_BYTES, this.#maxBytes - this.#length);
      if (room === 0) {
        this.outcome = "limit";
        break;
      }
      const peeked = recvOnce(fd, scratch, room, MSG_PEEK);
      if (peeked < 0) return peeked;
      const end = this.#findEnd(scratch.subarray(0, peeked));
      const taken = recvOnce(fd, scratch, end ?? peeked, 0);
      if (taken < 0) return taken;
      if (taken === 0) this.outcome = "end";
      // Another holder of the socket may have taken some in between.
      else if (taken === end) this.outcome = "found";
      this.#chunks.push(Buffer.from(scratch.subarray(0, taken)));
      this.#length += taken;
    }
    return this.#length;
  }

  /** Where in the new bytes the delimiter ends, which may have begun in the bytes before. */
  #findEnd(fresh: Buffer): number | undefined {
    const overlap = Math.min(this.#delimiter.length - 1, this.#length);
    const tail = overlap === 0 ? Buffer.alloc(0) : this.#tail(overlap);
    const at = (overlap === 0 ? fresh : Buffer.concat([tail, fresh])).indexOf(this.#delimiter);
    return at < 0 ? undefined : at + this.#delimiter.length - overlap;
  }

  #tail(length: number): Buffer {
    const last = this.#chunks[this.#chunks.length - 1] as Buffer;
    return last.length >= length ? last.subarray(last.length - length) : this.bytes.subarray(this.#length - length);
  }
}

/** sendfile(2), until so much is sent or the file ends; where the kernel refuses it, pieces. */
export class SendFileOperation implements Operation {
  readonly syscall = "sendfile";
  readonly direction: Direction = WRITABLE;
  readonly #file: number;
  readonly #offset: BigUint64Array;
  readonly #length: number;
  #pieces: FilePieces | undefined;
  sent = 0;
  /** Set where nothing was sent, since what is open there has no offsets and may have to be waited for. */
  isStream = false;

  constructor(file: number, offset: number, length: number) {
    this.#file = file;
    this.#offset = BigUint64Array.of(BigInt(offset));
    this.#length = length;
  }

  attempt(fd: number): number {
    let left = MAX_BYTES_PER_ATTEMPT;
    while (this.sent < this.#length && !this.isStream) {
      if (left <= 0) return -EAGAIN;
      const wanted = Math.min(left, this.#length - this.sent);
      const result = this.#pieces?.sendSome(fd, wanted) ?? sendfile(fd, this.#file, this.#offset, wanted);
      if (result < 0 && this.sent === 0 && this.#fallBack(result)) continue;
      if (result < 0) return result;
      if (result === 0) break;
      this.sent += result;
      left -= result;
    }
    return 0;
  }
  #fallBack(result: number): boolean {
    if (this.#pieces !== undefined) return false;
    const offset = Number(this.#offset[0]);
    const way = fallback(result, this.#file, offset);
    if (way === "pieces") this.#pieces = new FilePieces(this.#file, offset);
    this.isStream = way === "stream";
    return way !== undefined;
  }
}

/** splice(2) from a socket into an empty pipe; 0 is the end of the stream. */
export class SpliceInOperation implements Operation {
  readonly syscall = "splice";
  readonly direction: Direction = READABLE;
  readonly #pipe: number;
  readonly #length: number;

  constructor(pipe: number, length: number) {
    this.#pipe = pipe;
    this.#length = length;
  }

  attempt(fd: number): number {
    return splice(fd, null, this.#pipe, null, this.#length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  }
}

/** splice(2) out of a pipe into a socket, until the pipe is empty. */
export class SpliceOutOperation implements Operation {
  readonly syscall = "splice";
  readonly direction: Direction = WRITABLE;
  readonly #pipe: number;
  readonly #hasMore: boolean;
  #left: number;

  constructor(pipe: number, length: number, hasMore: boolean) {
    this.#pipe = pipe;
    this.#left = length;
    this.#hasMore = hasMore;
  }

  attempt(fd: number): number {
    const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (this.#hasMore ? SPLICE_F_MORE : 0);
    while (this.#left > 0) {
      const result = splice(this.#pipe, null, fd, null, this.#left, flags);
      if (result < 0) return result;
      this.#left -= result;
    }
    return 0;
  }
}

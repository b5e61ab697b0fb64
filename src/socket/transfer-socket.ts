/** The part of `Socket` that reads whole things from a stream, and moves bytes without touching them. */
import { EAGAIN, F_DUPFD_CLOEXEC, F_SETPIPE_SZ, O_CLOEXEC, O_NONBLOCK } from "../abi/index.ts";
import { close, fcntl, pipe2 } from "../sys/index.ts";
import { waitSync } from "./calls.ts";
import { attached } from "./detached.ts";
import { checked } from "./errors.ts";
import { MessageSocket } from "./message-socket.ts";
import { type Bytes, MAX_RECEIVE_BYTES, SendAllOperation, toBytes } from "./operations.ts";
import {
  IncompleteReadError,
  ReadExactlyOperation,
  ReadUntilOperation,
  SendFileOperation,
  SpliceInOperation,
  SpliceOutOperation,
} from "./transfer.ts";
import { PIECE_BYTES, ReadOperation } from "./transfer-copy.ts";
import { type ReaderOptions, SocketReader } from "./transfer-reader.ts";
import { deadlineOf, type WaitOptions, Waits } from "./waits.ts";

type SyncLimits = Omit<WaitOptions, "signal">;

/** An open file: its descriptor, or what has one, such as the FileHandle of `node:fs/promises`. */
export type FileLike = number | { readonly fd: number };

/** Where a read up to a delimiter gives up. */
export interface UntilOptions extends WaitOptions {
  /** The most that is read, delimiter included: 64 KiB by default. */
  readonly maxBytes?: number | undefined;
}

/** Bytes of a line or a header before its delimiter has to come, where the caller names no limit. */
export const DEFAULT_UNTIL_BYTES: number = 64 * 1024;
/** What the pipe between two sockets holds, if the kernel allows it (fs.pipe-max-size of proc(5)). */
const PIPE_BYTES = 256 * 1024;

const NONE: WaitOptions = Object.freeze({});

export abstract class TransferSocket extends MessageSocket {
  /**
   * Receives exactly as much as a buffer holds, or so many bytes into new memory: the loop that TCP needs, since what is
   * sent at once may come in parts. Nothing beyond is taken.
   *
   * Whoever gives up (a deadline, a signal) loses what had come; a {@link TransferSocket.reader} keeps it.
   * @returns the bytes; undefined when the stream had ended before the first of them.
   * @throws IncompleteReadError, with what came, when the stream ends in the middle; SystemError as `recv`.
   */
  async readExactly(target: Uint8Array | number, options: WaitOptions = NONE): Promise<Buffer | undefined> {
    const into = toRoom(target);
    const operation = new ReadExactlyOperation(into);
    await this.perform(operation, options);
    return exactly(into, operation);
  }

  /** {@link TransferSocket.readExactly}, blocking the thread. */
  readExactlySync(target: Uint8Array | number, options: SyncLimits = NONE): Buffer | undefined {
    const into = toRoom(target);
    const operation = new ReadExactlyOperation(into);
    this.performSync(operation, options);
    return exactly(into, operation);
  }

  /**
   * Receives up to and with a delimiter. Nothing beyond it is taken from the socket, so any other call may go on after
   * it; that takes two system calls for each piece that comes. To read many lines, a {@link TransferSocket.reader} is
   * faster, which also keeps what had come when the caller gives up.
   *
   *     const line = await socket.readUntil("\r\n", { maxBytes: 1024, timeoutMs: 5000 });
   *
   * @returns the bytes, delimiter included; undefined when the stream had ended before the first of them.
   * @throws IncompleteReadError, with what came, when the stream ends before the delimiter or `maxBytes` come without
   * it; SystemError as `recv`.
   */
  async readUntil(delimiter: Bytes, options: UntilOptions = NONE): Promise<Buffer | undefined> {
    const operation = untilOperation(delimiter, options);
    await this.perform(operation, options);
    return until(operation);
  }

  /** {@link TransferSocket.readUntil}, blocking the thread. */
  readUntilSync(delimiter: Bytes, options: Omit<UntilOptions, "signal"> = NONE): Buffer | undefined {
    const operation = untilOperation(delimiter, options);
    this.performSync(operation, options);
    return until(operation);
  }

  /**
   * A reader of this stream with a buffer of its own: for many small reads. While it is in use, nothing else should
   * receive from the socket.
   */
  reader(options: ReaderOptions = {}): SocketReader {
    return new SocketReader(this, options);
  }

  /**
   * Sends a part of a file, from the kernel's cache to the socket without passing through this process. The file's own
   * position stays where it is. What is not in the cache is read while the thread waits: for slow disks use a worker.
   * sendfile(2)
   *
   * What sendfile refuses is read and sent in pieces: files without pages, such as some of /proc; and, from offset 0,
   * what has no offsets (a pipe, a terminal, a socket), up to its end. Of the latter, another call's bytes may come
   * between the pieces, and a piece that was read when the call failed is lost.
   * @param file must stay open until the promise settles.
   * @param offset where to begin; a whole number of bytes.
   * @param length how much to send; by default everything up to the file's end.
   * @returns how many bytes were sent: less than `length` when the file is shorter.
   * @throws SystemError ESPIPE (an offset into what has none), EINVAL or EISDIR (what is open there cannot be read), EPIPE …
   */
  async sendFile(
    file: FileLike,
    offset = 0,
    length: number = Number.POSITIVE_INFINITY,
    options: WaitOptions = NONE,
  ): Promise<number> {
    // sendfile has no flag for one call alone.
    this.nonBlockingDescriptor("sendfile");
    const operation = sendFileOperation(file, offset, length);
    const limits = { signal: options.signal, deadlineMs: deadlineOf(options, performance.now()) };
    await this.perform(operation, options);
    return operation.isStream ? this.#sendStream(file, length, limits) : operation.sent;
  }

  /** {@link TransferSocket.sendFile}, blocking the thread. */
  sendFileSync(
    file: FileLike,
    offset = 0,
    length: number = Number.POSITIVE_INFINITY,
    options: SyncLimits = NONE,
  ): number {
    this.nonBlockingDescriptor("sendfile");
    const operation = sendFileOperation(file, offset, length);
    const limits = { deadlineMs: deadlineOf(options, performance.now()) };
    this.performSync(operation, options);
    return operation.isStream ? this.#sendStreamSync(file, length, limits) : operation.sent;
  }

  /**
   * Moves what this stream receives to another one, without passing through this process: what a proxy does. splice(2)
   * @param length how much to move; by default everything up to the end of the stream.
   * @returns how many bytes were moved: less than `length` when the stream ended. The other's direction is not shut down.
   * @throws SystemError as `recv` and `send`. Bytes that were on their way when it failed, timed out or was aborted are
   * lost: both streams are then good for closing only.
   */
  async spliceTo(
    other: TransferSocket,
    length: number = Number.POSITIVE_INFINITY,
    options: WaitOptions = NONE,
  ): Promise<number> {
    checkLength(length);
    const limits = { signal: options.signal, deadlineMs: deadlineOf(options, performance.now()) };
    const pipe = this.#openPipe(other);
    try {
      let moved = 0;
      while (moved < length) {
        const count = await this.perform(
          new SpliceInOperation(pipe.input, Math.min(PIPE_BYTES, length - moved)),
          limits,
        );
        if (count === 0) break;
        moved += count;
        await other.perform(new SpliceOutOperation(pipe.output, count, moved < length), limits);
      }
      return moved;
    } finally {
      pipe.close();
    }
  }

  /** {@link TransferSocket.spliceTo}, blocking the thread. */
  spliceToSync(other: TransferSocket, length: number = Number.POSITIVE_INFINITY, options: SyncLimits = NONE): number {
    checkLength(length);
    const limits = { deadlineMs: deadlineOf(options, performance.now()) };
    const pipe = this.#openPipe(other);
    try {
      let moved = 0;
      while (moved < length) {
        const count = this.performSync(new SpliceInOperation(pipe.input, Math.min(PIPE_BYTES, length - moved)), limits);
        if (count === 0) break;
        moved += count;
        other.performSync(new SpliceOutOperation(pipe.output, count, moved < length), limits);
      }
      return moved;
    } finally {
      pipe.close();
    }
  }

  /** The file is watched by a number of its own: its owner may be watching it, and may close it. */
  async #sendStream(file: FileLike, length: number, limits: WaitOptions): Promise<number> {
    const fd = duplicate(file);
    const source = new Waits(fd, false, () => ({}));
    const { leaving } = this;
    const leave = (): void => source.cancel();
    leaving.addEventListener("abort", leave);
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    try {
      let sent = 0;
      while (sent < length) {
        const reading = new ReadOperation(piece, Math.min(PIECE_BYTES, length - sent));
        let count = reading.attempt(fd);
        if (count === -EAGAIN) count = await source.wait(reading, limits);
        if (checked("read", count) === 0) break;
        await this.perform(new SendAllOperation(piece.subarray(0, count), 0), limits);
        sent += count;
      }
      return sent;
    } finally {
      leaving.removeEventListener("abort", leave);
      source.cancel();
      close(fd);
    }
  }

  #sendStreamSync(file: FileLike, length: number, limits: SyncLimits): number {
    const fd = fileNumber(file);
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let sent = 0;
    while (sent < length) {
      const reading = new ReadOperation(piece, Math.min(PIECE_BYTES, length - sent));
      const count = checked(
        "read",
        waitSync(fd, reading, limits, false, () => ({})),
      );
      if (count === 0) break;
      this.performSync(new SendAllOperation(piece.subarray(0, count), 0), limits);
      sent += count;
    }
    return sent;
  }

  /** splice(2) needs a pipe at one of its ends. Its flag not to block is for the pipe: the sockets need to be so. */
  #openPipe(other: TransferSocket): { readonly output: number; readonly input: number; close(): void } {
    this.nonBlockingDescriptor("splice");
    other.nonBlockingDescriptor("splice");
    const ends = new Int32Array(2);
    checked("pipe2", pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    const [output, input] = ends as unknown as [number, number];
    // A smaller pipe moves less at a time, and that is all.
    fcntl(input, F_SETPIPE_SZ, PIPE_BYTES);
    return {
      output,
      input,
      close: () => {
        close(output);
        close(input);
      },
    };
  }
}

function toRoom(target: Uint8Array | number): Buffer {
  if (target instanceof Uint8Array) {
    const { buffer, byteOffset, length } = attached(target);
    return Buffer.from(buffer, byteOffset, length);
  }
  if (Number.isInteger(target) && target >= 0 && target <= MAX_RECEIVE_BYTES) return Buffer.allocUnsafeSlow(target);
  throw new RangeError(`a Uint8Array or a size from 0 to ${MAX_RECEIVE_BYTES} is wanted, not ${String(target)}`);
}

function exactly(into: Buffer, { received }: ReadExactlyOperation): Buffer | undefined {
  if (received === into.length) return into;
  if (received === 0) return undefined;
  const message = `the stream ended after ${received} of ${into.length} bytes`;
  throw new IncompleteReadError(message, "end", into.subarray(0, received));
}

function untilOperation(delimiter: Bytes, { maxBytes = DEFAULT_UNTIL_BYTES }: UntilOptions): ReadUntilOperation {
  const bytes = toBytes(delimiter);
  if (bytes.length === 0) throw new RangeError("a delimiter has at least one byte");
  if (!Number.isInteger(maxBytes) || maxBytes < bytes.length || maxBytes > MAX_RECEIVE_BYTES) {
    throw new RangeError(`maxBytes is an integer from ${bytes.length} to ${MAX_RECEIVE_BYTES}, not ${maxBytes}`);
  }
  return new ReadUntilOperation(bytes, maxBytes);
}

function until({ outcome, bytes }: ReadUntilOperation): Buffer | undefined {
  if (outcome === "found") return bytes;
  if (outcome === "end" && bytes.length === 0) return undefined;
  if (outcome === "end") throw new IncompleteReadError("the stream ended before the delimiter", "end", bytes);
  throw new IncompleteReadError(`no delimiter within ${bytes.length} bytes`, "limit", bytes);
}

function sendFileOperation(file: FileLike, offset: number, length: number): SendFileOperation {
  const fd = fileNumber(file);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new RangeError(`offset is a whole number from 0 up, not ${offset}`);
  checkLength(length);
  return new SendFileOperation(fd, offset, length);
}

function fileNumber(file: FileLike): number {
  const fd = typeof file === "number" ? file : file?.fd;
  if (Number.isInteger(fd) && fd >= 0) return fd;
  throw new TypeError("a file is an open descriptor, or an object that has one as fd");
}

function duplicate(file: FileLike): number {
  return checked("fcntl", fcntl(fileNumber(file), F_DUPFD_CLOEXEC), { subject: "F_DUPFD_CLOEXEC" });
}

function checkLength(length: number): void {
  if (length === Number.POSITIVE_INFINITY || (Number.isSafeInteger(length) && length >= 0)) return;
  throw new RangeError(`length is a whole number from 0 up, or Infinity, not ${length}`);
}

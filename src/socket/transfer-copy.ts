/**
 * What sendfile(2) refuses, read and sent in pieces: a file of /proc has no pages that could be sent, and a pipe has no
 * offsets. A file is read where it is, in the attempt that sends it; of anything else a piece may have to be waited for.
 */
import { fstatSync, readSync } from "node:fs";
import { EAGAIN, EINTR, EINVAL, ENOSYS, ESPIPE, POLLIN } from "../abi/index.ts";
import { read } from "../sys/index.ts";
import { pollNow, sendOnce } from "./calls.ts";
import { type Direction, type Operation, READABLE } from "./waits.ts";

/** Bytes that are read at once, and kept until they are sent. */
export const PIECE_BYTES: number = 64 * 1024;

/** How sendfile(2) says that it cannot, and not that something has failed. */
const REFUSALS: ReadonlySet<number> = new Set([-EINVAL, -ENOSYS, -ESPIPE]);

/**
 * What to do after sendfile(2) has returned `result`, before anything was sent: `"pieces"` of a file, a `"stream"` that has
 * no offsets; undefined to take the result for what it is.
 */
export function fallback(result: number, file: number, offset: number): "pieces" | "stream" | undefined {
  if (!REFUSALS.has(result)) return undefined;
  if (result !== -ESPIPE && fstatSync(file).isFile()) return "pieces";
  return offset === 0 && !fstatSync(file).isDirectory() ? "stream" : undefined;
}

/** Pieces of a file, from an offset on; its own position stays where it is. pread(2) */
export class FilePieces {
  readonly #file: number;
  readonly #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #offset: number;
  #start = 0;
  #end = 0;

  constructor(file: number, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  /** Sends some of at most `length` bytes. @returns how many, 0 at the file's end, or `-errno`. */
  sendSome(fd: number, length: number): number {
    if (this.#start === this.#end) {
      const count = this.#read(Math.min(PIECE_BYTES, length));
      if (count <= 0) return count;
      this.#start = 0;
      this.#end = count;
    }
    const result = sendOnce(fd, this.#piece.subarray(this.#start, Math.min(this.#end, this.#start + length)), 0);
    if (result > 0) this.#start += result;
    return result;
  }

  #read(length: number): number {
    try {
      const count = readSync(this.#file, this.#piece, 0, length, this.#offset);
      this.#offset += count;
      return count;
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException;
      // A socket that could take more is no reason to try again a file that has nothing to give.
      if (errno === undefined) throw error;
      return errno === -EAGAIN ? -EINVAL : errno;
    }
  }
}

/** read(2), once there is something to read or the end has come. */
export class ReadOperation implements Operation {
  readonly syscall = "read";
  readonly direction: Direction = READABLE;
  readonly #into: Uint8Array;
  readonly #length: number;

  constructor(into: Uint8Array, length: number) {
    this.#into = into;
    this.#length = length;
  }

  attempt(fd: number): number {
    if (pollNow(fd, POLLIN) === 0) return -EAGAIN;
    const result = read(fd, this.#into, this.#length);
    return result === -EINTR ? -EAGAIN : result;
  }
}

/** Reading a stream piece by piece, from a buffer that takes what comes in large pieces. */
import { recvOnce } from "./calls.ts";
import { type Bytes, MAX_RECEIVE_BYTES, toBytes } from "./operations.ts";
import { IncompleteReadError } from "./transfer.ts";
import { type Direction, type Operation, READABLE, type WaitOptions } from "./waits.ts";

type SyncLimits = Omit<WaitOptions, "signal">;

/** How a reader reads. */
export interface ReaderOptions {
  /** The most that it holds, and so the most that one read can give: 64 KiB by default. */
  readonly maxBytes?: number | undefined;
}

/** Where a read up to a delimiter gives up. */
export interface ReaderUntilOptions extends WaitOptions {
  /** The most that is read, delimiter included: by default what the reader can hold. */
  readonly maxBytes?: number | undefined;
}

/** What a reader needs of a socket. */
interface Source {
  perform(operation: Operation, options?: WaitOptions): Promise<number>;
  performSync(operation: Operation, options?: SyncLimits): number;
}

const DEFAULT_MAX_BYTES = 64 * 1024;
const FIRST_BYTES = 4096;
const NONE: WaitOptions = Object.freeze({});

/**
 * Reads from a stream through a buffer: one system call may bring many lines.
 *
 * What a read did not use stays in the buffer for the next one (`buffered` shows it, `takeBuffered` gives it away, to
 * whoever reads from the socket itself afterwards). A read that fails, by a deadline, a signal or the end of the stream,
 * loses nothing: what had come is there for the next read. One read at a time.
 *
 *     const reader = socket.reader({ maxBytes: 8192 });
 *     for (let line = await reader.readUntil("\n"); line !== undefined; line = await reader.readUntil("\n")) console.log(String(line));
 */
export class SocketReader {
  readonly maxBytes: number;
  readonly #source: Source;
  #memory: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #ended = false;
  #isReading = false;

  /** @throws RangeError for a size that cannot be. */
  constructor(source: Source, options: ReaderOptions = {}) {
    const { maxBytes = DEFAULT_MAX_BYTES } = options;
    this.#source = source;
    this.maxBytes = checkSize("maxBytes", maxBytes, 1, MAX_RECEIVE_BYTES);
  }

  /** What has been received and not read: a view, good until the next read. */
  get buffered(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Gives what has been received and not read to the caller; the reader is then empty. */
  takeBuffered(): Buffer {
    const taken = Buffer.from(this.buffered);
    this.#start = this.#end;
    return taken;
  }

  /** Whatever is there, at least a byte of it; undefined at the end of the stream. @throws SystemError as `recv`. */
  async read(options: WaitOptions = NONE): Promise<Buffer | undefined> {
    await this.#fill(1, undefined, options);
    return this.#ended && this.#length === 0 ? undefined : this.takeBuffered();
  }

  /** {@link SocketReader.read}, blocking the thread. */
  readSync(options: SyncLimits = NONE): Buffer | undefined {
    this.#fillSync(1, undefined, options);
    return this.#ended && this.#length === 0 ? undefined : this.takeBuffered();
  }

  /**
   * Exactly so many bytes; undefined when the stream has ended and nothing is left.
   * @throws RangeError for more than `maxBytes`; IncompleteReadError when the stream ends before; SystemError as `recv`.
   */
  async readExactly(sizeBytes: number, options: WaitOptions = NONE): Promise<Buffer | undefined> {
    checkSize("sizeBytes", sizeBytes, 0, this.maxBytes);
    await this.#fill(sizeBytes, undefined, options);
    return this.#exactly(sizeBytes);
  }

  /** {@link SocketReader.readExactly}, blocking the thread. */
  readExactlySync(sizeBytes: number, options: SyncLimits = NONE): Buffer | undefined {
    checkSize("sizeBytes", sizeBytes, 0, this.maxBytes);
    this.#fillSync(sizeBytes, undefined, options);
    return this.#exactly(sizeBytes);
  }

  /**
   * Up to and with a delimiter; undefined when the stream has ended and nothing is left.
   * @throws IncompleteReadError when the stream ends before the delimiter, or `maxBytes` come without it; RangeError for
   * an empty delimiter; SystemError as `recv`.
   */
  async readUntil(delimiter: Bytes, options: ReaderUntilOptions = NONE): Promise<Buffer | undefined> {
    const { needle, maxBytes } = this.#until(delimiter, options);
    await this.#fill(maxBytes, needle, options);
    return this.#takeUntil(needle, maxBytes);
  }

  /** {@link SocketReader.readUntil}, blocking the thread. */
  readUntilSync(delimiter: Bytes, options: Omit<ReaderUntilOptions, "signal"> = NONE): Buffer | undefined {
    const { needle, maxBytes } = this.#until(delimiter, options);
    this.#fillSync(maxBytes, needle, options);
    return this.#takeUntil(needle, maxBytes);
  }

  get #length(): number {
    return this.#end - this.#start;
  }

  /** Receives until so much is there, or the delimiter is, or the stream ends. */
  async #fill(sizeBytes: number, needle: Uint8Array | undefined, options: WaitOptions): Promise<void> {
    const operation = this.#operation(sizeBytes, needle);
    try {
      await this.#source.perform(operation, options);
    } finally {
      this.#isReading = false;
    }
  }

  #fillSync(sizeBytes: number, needle: Uint8Array | undefined, options: SyncLimits): void {
    const operation = this.#operation(sizeBytes, needle);
    try {
      this.#source.performSync(operation, options);
    } finally {
      this.#isReading = false;
    }
  }

  #operation(sizeBytes: number, needle: Uint8Array | undefined): FillOperation {
    if (this.#isReading) throw new Error("another read of this reader is under way: one at a time");
    this.#isReading = true;
    let searched = 0;
    const isEnough = (): boolean => {
      if (this.#ended || this.#length >= sizeBytes) return true;
      if (needle === undefined) return false;
      const from = searched;
      // The delimiter may have begun in what was searched before.
      searched = Math.max(0, this.#length - needle.length + 1);
      return this.buffered.indexOf(needle, from) >= 0;
    };
    return new FillOperation(isEnough, (fd) => this.#receive(fd));
  }

  #receive(fd: number): number {
    this.#makeRoom();
    const room = this.#memory.subarray(this.#end);
    const result = recvOnce(fd, room, room.length, 0);
    if (result > 0) this.#end += result;
    if (result === 0) this.#ended = true;
    return result;
  }

  /** Room at the end for at least a byte: by moving what is left to the start, or by doubling. */
  #makeRoom(): void {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
    if (this.#end < this.#memory.length) return;
    const sizeBytes = Math.min(Math.max(FIRST_BYTES, 2 * this.#length), this.maxBytes);
    const memory = this.#start > 0 && this.#length < sizeBytes ? this.#memory : Buffer.allocUnsafeSlow(sizeBytes);
    this.#memory.copy(memory, 0, this.#start, this.#end);
    this.#memory = memory;
    this.#end -= this.#start;
    this.#start = 0;
  }

  #take(length: number): Buffer {
    const taken = Buffer.from(this.#memory.subarray(this.#start, this.#start + length));
    this.#start += length;
    return taken;
  }

  #exactly(sizeBytes: number): Buffer | undefined {
    if (this.#length >= sizeBytes) return this.#take(sizeBytes);
    if (this.#length === 0) return undefined;
    throw new IncompleteReadError(
      `the stream ended after ${this.#length} of ${sizeBytes} bytes`,
      "end",
      Buffer.from(this.buffered),
    );
  }

  #until(delimiter: Bytes, { maxBytes = this.maxBytes }: ReaderUntilOptions): { needle: Uint8Array; maxBytes: number } {
    const needle = toBytes(delimiter);
    if (needle.length === 0) throw new RangeError("a delimiter has at least one byte");
    return { needle, maxBytes: checkSize("maxBytes", maxBytes, needle.length, this.maxBytes) };
  }

  #takeUntil(needle: Uint8Array, maxBytes: number): Buffer | undefined {
    const at = this.buffered.indexOf(needle);
    if (at >= 0 && at + needle.length <= maxBytes) return this.#take(at + needle.length);
    const partial = Buffer.from(this.buffered.subarray(0, maxBytes));
    if (this.#length >= maxBytes) {
      throw new IncompleteReadError(`no delimiter within ${maxBytes} bytes`, "limit", partial);
    }
    if (this.#length === 0) return undefined;
    throw new IncompleteReadError("the stream ended before the delimiter", "end", partial);
  }
}

/** Receives until enough is there. */
class FillOperation implements Operation {
  readonly syscall = "recv";
  readonly direction: Direction = READABLE;
  readonly #isEnough: () => boolean;
  readonly #receive: (fd: number) => number;

  constructor(isEnough: () => boolean, receive: (fd: number) => number) {
    this.#isEnough = isEnough;
    this.#receive = receive;
  }

  attempt(fd: number): number {
    while (!this.#isEnough()) {
      const result = this.#receive(fd);
      if (result < 0) return result;
    }
    return 0;
  }
}

function checkSize(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} is an integer from ${min} to ${max}, not ${value}`);
}

/** An output stream of the process that outlives its reader. */
import type { WriteStream } from "node:tty";
import { POLLERR, POLLFD, POLLHUP } from "../abi/index.ts";
import { poll } from "../sys/index.ts";

/** Writable, and perhaps a terminal. */
type Stream = NodeJS.WriteStream & { readonly fd: number } & Partial<Pick<WriteStream, "isTTY" | "columns" | "rows">>;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
/** Where struct pollfd has `revents`, in 16-bit words. */
const REVENTS = POLLFD.revents / 2;

export class Output {
  readonly #stream: Stream;
  readonly #broken = new AbortController();
  #failure: string | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    // Without a listener the end of `portolan … | head -1` would be a stack trace.
    stream.on("error", (error: NodeJS.ErrnoException) => this.#fail(error.code ?? "EIO"));
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    // A terminal that was never told its size says 0.
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#stream.rows || DEFAULT_ROWS;
  }

  /** The code of the error that ended this output; undefined while it works. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Aborted when nobody reads any more: a reason to stop for what runs on. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /** Writes text as it is. */
  write(text: string): void {
    if (this.#failure === undefined) this.#stream.write(text);
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  /** One JSON object on a line of its own. */
  json(value: object): void {
    this.line(JSON.stringify(value));
  }

  /** Writes bytes, and resolves when more may be written, at once if nobody reads any more. */
  bytes(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      // The caller may use the memory again once this resolves, so wait for the write itself.
      this.#stream.write(bytes, () => resolve());
    });
  }

  /** Resolves when all that was written so far has left, or nobody takes it: only then is `failure` all there is to tell. */
  flushed(): Promise<void> {
    if (this.#failure !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      // The stream tells of an error one turn after it has called back.
      this.#stream.write("", () => setImmediate(resolve));
    });
  }

  /** Whether this is a terminal that has been closed. */
  get isHungUp(): boolean {
    return this.isTerminal && this.#isBroken();
  }

  /** Looks whether anybody still reads, for who has nothing to write now; else `broken` is aborted. */
  checkReader(): void {
    if (this.#isBroken()) this.#fail("EPIPE");
  }

  #isBroken(): boolean {
    // struct pollfd, poll(2): a descriptor, the events asked for (none: what is looked for is always told), the events.
    const pollfd = new Int32Array([this.#stream.fd, 0]);
    const events = new Int16Array(pollfd.buffer);
    return poll(pollfd, 1, 0) > 0 && ((events[REVENTS] as number) & (POLLERR | POLLHUP)) !== 0;
  }

  #fail(code: string): void {
    this.#failure ??= code;
    this.#broken.abort();
  }
}

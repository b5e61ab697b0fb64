/** The server's end of the socketpair to a worker: a stream inside Node's loop. */
import type { Duplex } from "node:stream";
import { encodeLine, LineSplitter } from "./channel-lines.ts";
import type { Json } from "./service.ts";

/** Bytes that may wait for a worker that does not read; beyond, it is taken for dead. */
export const MAX_WAITING_BYTES: number = 16 * 1024 * 1024;

export class ParentChannel {
  readonly #stream: Duplex;

  /**
   * @param take called with each message
   * @param failed called once where the worker's end cannot be spoken with: it sent no message of ours, or does not read
   */
  constructor(stream: Duplex, take: (message: Json) => void, failed: (error: Error) => void) {
    this.#stream = stream;
    const splitter = new LineSplitter();
    stream.on("data", (bytes: Uint8Array) => {
      try {
        splitter.push(bytes, take);
      } catch (error) {
        stream.destroy();
        failed(error as Error);
      }
    });
    // A worker that ends leaves with ECONNRESET or EPIPE at most; its end is told otherwise.
    stream.on("error", () => {});
    this.#overflow = () => failed(new Error(`a worker has not read ${MAX_WAITING_BYTES} bytes that it was told`));
  }

  readonly #overflow: () => void;

  send(message: Json): void {
    if (this.#stream.destroyed) return;
    this.#stream.write(encodeLine(message));
    if (this.#stream.writableLength <= MAX_WAITING_BYTES) return;
    this.#stream.destroy();
    this.#overflow();
  }

  close(): void {
    this.#stream.destroy();
  }
}

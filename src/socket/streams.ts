/** Sockets as Node's streams and as WHATWG's. Both take the socket over: use one of them, and no longer the socket. */
import { Duplex } from "node:stream";
import { type ReadableByteStreamController, ReadableStream, WritableStream } from "node:stream/web";
import { isSystemError } from "./errors.ts";
import type { Socket } from "./socket.ts";

/** One receive of a stream takes at most this much. */
const CHUNK_BYTES = 64 * 1024;
/** Small writes are joined up to this size, so that they leave in one system call. */
const MAX_JOINED_BYTES = 64 * 1024;

/** How a Duplex behaves. */
export interface DuplexOptions {
  /** Whether writing goes on after the peer has ended its side. False by default, as with `net.Socket`. */
  readonly allowHalfOpen?: boolean | undefined;
  /** Bytes received ahead of the reader. Node's own default if absent. */
  readonly readableHighWaterMark?: number | undefined;
  /** Bytes taken from the writer ahead of the kernel, above which `write` returns false. Node's default if absent. */
  readonly writableHighWaterMark?: number | undefined;
}

/**
 * A Duplex over a connected socket. Nothing is received that nobody asks for; `end` half-closes; the socket is closed
 * when both sides have ended, or by `destroy`.
 *
 *     import { pipeline } from "node:stream/promises";
 *     import { createGzip } from "node:zlib";
 *
 *     await pipeline(toDuplex(peer), createGzip(), toDuplex(other));
 */
export function toDuplex(socket: Socket, options: DuplexOptions = {}): Duplex {
  return new SocketDuplex(socket, options);
}

/** What @types/node leaves out of WritableStreamDefaultController. */
interface Abortable {
  readonly signal: AbortSignal;
}

/** The two sides of a connected socket as WHATWG streams. */
export interface WebStreams {
  /** A byte stream: `getReader({ mode: "byob" })` receives into the reader's own memory. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array | string>;
}

/**
 * WHATWG streams over a connected socket. Nothing is received that nobody asks for; closing `writable` half-closes;
 * cancelling `readable` ends receiving; aborting `writable` closes the socket, and so does the end of both.
 *
 *     const { readable, writable } = toWeb(peer);
 *     await readable.pipeTo(writable);
 */
export function toWeb(socket: Socket): WebStreams {
  const open = { read: true, write: true };
  const ended = (side: "read" | "write"): void => {
    open[side] = false;
    if (!open.read && !open.write) socket.close();
  };
  const readable = new ReadableStream(
    {
      type: "bytes",
      async pull(controller: ReadableByteStreamController): Promise<void> {
        try {
          if (await pullOnce(socket, controller, open)) ended("read");
        } catch (error) {
          socket.close();
          throw error;
        }
      },
      cancel(): void {
        open.read = false;
        shutdownQuietly(socket, "read");
        ended("read");
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Uint8Array | string>({
    async write(chunk, controller): Promise<void> {
      try {
        // Aborting waits for the write that is under way, and that might wait for ever for a peer that does not read.
        await socket.sendAll(chunk, { signal: (controller as unknown as Abortable).signal });
      } catch (error) {
        // What the peer sent before can still be read.
        ended("write");
        throw error;
      }
    },
    close(): void {
      shutdownQuietly(socket, "write");
      ended("write");
    },
    abort: () => socket.close(),
  });
  return { readable, writable };
}

/** Receives once for a reader, into its own memory if it has brought some. True at the end of the stream. */
async function pullOnce(
  socket: Socket,
  controller: ReadableByteStreamController,
  open: { readonly read: boolean },
): Promise<boolean> {
  const request = controller.byobRequest;
  if (request === null) {
    const bytes = await socket.recv(CHUNK_BYTES);
    // Cancelling meanwhile ends the receive, and nobody is left to tell.
    if (!open.read) return false;
    // The stream takes the memory over, so it must not be a part of Buffer's shared pool.
    if (bytes.length > 0) controller.enqueue(new Uint8Array(bytes));
    else controller.close();
    return bytes.length === 0;
  }
  const length = await socket.recv(request.view as Uint8Array);
  if (!open.read) return false;
  if (length === 0) controller.close();
  request.respond(length);
  return length === 0;
}

class SocketDuplex extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, options: DuplexOptions) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      ...(options.readableHighWaterMark === undefined ? {} : { readableHighWaterMark: options.readableHighWaterMark }),
      ...(options.writableHighWaterMark === undefined ? {} : { writableHighWaterMark: options.writableHighWaterMark }),
    });
    this.#socket = socket;
  }

  override _read(): void {
    this.#socket.recv(CHUNK_BYTES).then(
      (bytes) => {
        this.push(bytes.length === 0 ? null : bytes);
        // The end of a stream that nobody reads is noticed too, as `net.Socket` does.
        if (bytes.length === 0 && this.readableLength === 0) this.read(0);
      },
      (error: Error) => this.#fail(error),
    );
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    this.#socket.sendAll(bytes).then(() => callback(), callback);
  }

  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#sendEach(chunks).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    shutdownQuietly(this.#socket, "write");
    callback();
    // A stream that only writes still has to notice that the peer ends, or it would never be closed.
    this.read(0);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.close();
    callback(error);
  }

  async #sendEach(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[]): Promise<void> {
    let joined: Buffer[] = [];
    let joinedBytes = 0;
    for (const { chunk, encoding } of chunks) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
      if (joinedBytes > 0 && joinedBytes + bytes.length > MAX_JOINED_BYTES) {
        await this.#socket.sendAll(Buffer.concat(joined));
        joined = [];
        joinedBytes = 0;
      }
      joined.push(bytes);
      joinedBytes += bytes.length;
    }
    await this.#socket.sendAll(joined.length === 1 ? (joined[0] as Buffer) : Buffer.concat(joined));
  }

  /** The receive that was under way when the stream was destroyed has nothing to report. */
  #fail(error: Error): void {
    if (!this.destroyed) this.destroy(error);
  }
}

/** A connection that the peer has already reset, or a side that was closed before, needs no further end. */
function shutdownQuietly(socket: Socket, direction: "read" | "write"): void {
  try {
    socket.shutdown(direction);
  } catch (error) {
    if (!isSystemError(error, "ENOTCONN") && !isSystemError(error, "EBADF")) throw error;
  }
}

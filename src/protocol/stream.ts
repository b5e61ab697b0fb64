/**
 * The contract of a conversation over a byte stream (TCP, unix stream).
 *
 * A protocol does no I/O. It is a state machine: bytes and time come in through the methods of
 * {@link StreamProtocol}, bytes and intents go out through {@link StreamIntents}. Whatever drives it (a blocking
 * loop, a thread, epoll, a test with an array) is a driver. So every protocol runs under every server design, and
 * its test opens no socket.
 *
 * Two rules about memory:
 *
 * - Received bytes are a window `[start, end)` of a buffer that the driver reuses. They are valid until the method
 *   returns; what is needed later must be copied.
 * - Written bytes are borrowed until the method that wrote them returns. What the kernel does not take at once, the
 *   driver copies. Handing received bytes straight back to {@link StreamIntents.write} is the fast path: no copy.
 *
 * Back-pressure: once more than `highWaterBytes` wait to leave, the driver stops reading from that peer and calls
 * {@link StreamProtocol.writable} when they have left. A protocol that answers each input with a bounded output
 * needs to do nothing about it; one that produces on its own must look at what {@link StreamIntents.write} returns.
 */

/** Who is at the other end, as text. The getters decode on demand: a protocol that never looks pays nothing. */
export interface PeerAddress {
  readonly family: "inet" | "inet6" | "unix";
  /** Numeric address text, or the path of a unix socket (empty where the peer has no name). */
  readonly address: string;
  /** Port in host byte order; 0 for unix sockets. */
  readonly port: number;
}

/** What a stream protocol can ask of its driver. */
export interface StreamIntents {
  /** Milliseconds on a clock that never goes back; the one that timers are set against. */
  readonly nowMs: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly unixMs: number;
  readonly peer: PeerAddress;
  readonly local: PeerAddress;

  /**
   * Sends `bytes[start, end)` after everything written before.
   * @returns false once more than `highWaterBytes` wait: stop producing until `writable`.
   */
  write(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** Half-closes: the peer sees the end of the stream once all that was written has left. */
  end(): void;
  /** Gives the conversation up at once: unsent bytes are dropped and the peer sees a reset. */
  abort(reason: string): void;
  /** Stops reading, until `resume`. */
  pause(): void;
  resume(): void;
  /** Asks for `timer(id)` at `atMs` on the clock of `nowMs`. Setting an id again moves it. */
  setTimer(id: number, atMs: number): void;
  clearTimer(id: number): void;
}

/** One conversation. A fresh object per connection, or one shared object if it keeps no state. */
export interface StreamProtocol {
  /** The connection stands. */
  open?(out: StreamIntents): void;
  /** Bytes arrived: `bytes[start, end)`, never empty. */
  data(out: StreamIntents, bytes: Uint8Array, start: number, end: number): void;
  /** The peer half-closed. Without this method the driver half-closes too. */
  end?(out: StreamIntents): void;
  /** All that waited has left, after `write` returned false. */
  writable?(out: StreamIntents): void;
  /** The timer `id` is due. */
  timer?(out: StreamIntents, id: number): void;
  /** The conversation is over; nothing can be written any more. `reason` is absent after an orderly end. */
  close?(reason?: string): void;
}

/** Makes the protocol object of one new connection. */
export type StreamProtocolFactory = () => StreamProtocol;

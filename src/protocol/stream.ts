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
 *
 * A conversation that shares something with others (a board, a room, a store) speaks the extended contract,
 * {@link SharedStreamProtocol}. It holds nothing shared itself: what is shared belongs to a {@link Resource} with one
 * owner, wherever that lives, and is asked for by message. So sharing works the same under threads and processes.
 */
import type { ResourceValue } from "./resource.ts";

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
  /** Reads again. */
  resume(): void;
  /** Asks for `timer(id)` at `atMs` on the clock of `nowMs`. Setting an id again moves it. */
  setTimer(id: number, atMs: number): void;
  /** Takes a timer back; one that is not set is no error. */
  clearTimer(id: number): void;
}

/** What a conversation is told, whatever it may ask of its driver. */
interface StreamEvents<Intents extends StreamIntents> {
  /**
   * Whether the first complete request has yet to come: true from the start, false for good once it is there. The driver
   * looks at it when the peer has had its time for that (`headerMs`). Absent where a conversation knows no requests.
   */
  readonly awaitsRequest?: boolean;
  /** The connection stands. */
  open?(out: Intents): void;
  /** Bytes arrived: `bytes[start, end)`, never empty. */
  data(out: Intents, bytes: Uint8Array, start: number, end: number): void;
  /** The peer half-closed. Without this method the driver half-closes too. */
  end?(out: Intents): void;
  /** All that waited has left, after `write` returned false. */
  writable?(out: Intents): void;
  /** The timer `id` is due. */
  timer?(out: Intents, id: number): void;
  /** The conversation is over; nothing can be written any more. `reason` is absent after an orderly end. */
  close?(reason?: string): void;
}

/** One conversation. A fresh object per connection, or one shared object if it keeps no state. */
export interface StreamProtocol extends StreamEvents<StreamIntents> {
  /** Never true here: a driver that offers no {@link SharedStreamIntents} thus refuses what needs them, when compiled. */
  readonly shared?: false;
}

/** Makes the protocol object of one new connection. */
export type StreamProtocolFactory = () => StreamProtocol;

/** Requests of one connection that may wait for their responses. */
export const MAX_OUTSTANDING_REQUESTS = 64;
/** Topics that one connection may be subscribed to. */
export const MAX_SUBSCRIPTIONS = 16;
/** The longest message of a topic. */
export const MAX_MESSAGE_BYTES: number = 64 * 1024;

/** What a conversation that shares something can ask of its driver besides. */
export interface SharedStreamIntents extends StreamIntents {
  /**
   * Sends `bytes` to every subscriber of `topic` on this server, in whichever thread or process; the publisher too, if
   * it is subscribed. Subscribers see the messages of one publisher in the order in which it published them.
   * @throws RangeError beyond {@link MAX_MESSAGE_BYTES}.
   */
  publish(topic: string, bytes: Uint8Array): void;
  /**
   * From now on `message` is called for `topic`. Twice is once.
   * @throws RangeError beyond {@link MAX_SUBSCRIPTIONS} topics.
   */
  subscribe(topic: string): void;
  /** Gets no more of a topic's messages; one that was not subscribed to is no error. */
  unsubscribe(topic: string): void;
  /**
   * Asks the owner of `resource`. The answer comes through `response`, later and never from within this call. The
   * requests of one connection are handled and answered in the order in which they were made, and a subscription made
   * before a request holds when the request is handled.
   * @returns what `response` will be given as `id`; unique in this connection.
   * @throws RangeError beyond {@link MAX_OUTSTANDING_REQUESTS} without a response.
   */
  request(resource: string, body: ResourceValue): number;
}

/** One conversation that shares something with others. A fresh object per connection. */
export interface SharedStreamProtocol extends StreamEvents<SharedStreamIntents> {
  readonly shared: true;
  /**
   * A message of a topic that this connection is subscribed to. `bytes` are valid until the method returns. Messages
   * that a resource published while it handled a request of this connection come before that request's response.
   */
  message?(out: SharedStreamIntents, topic: string, bytes: Uint8Array): void;
  /** The resource's answer to the request `id`. */
  response?(out: SharedStreamIntents, id: number, value: ResourceValue): void;
}

/** Makes the protocol object of one new connection. */
export type SharedStreamProtocolFactory = () => SharedStreamProtocol;

/**
 * Random stream: the client says how much and how fast, the server sends that many random bytes and ends. Made for
 * watching flow control: a client that reads slowly closes its window, one that leaves early resets.
 *
 * A request is eight bytes, most significant first: the number of bytes wanted in the upper 48 bits, the delay in
 * milliseconds in the lower 16. The answer comes in pieces of 1 KiB (the last one may be shorter), each after the delay.
 * There is one request to a connection; what follows it is thrown away. A client may half-close after its request.
 */
import type { StreamIntents, StreamProtocol, StreamProtocolFactory } from "./stream.ts";

/** The size of a request. */
export const RANDOM_REQUEST_BYTES = 8;
/** The size of a piece of the answer. */
export const RANDOM_CHUNK_BYTES = 1024;
/** What 48 bits hold. */
export const RANDOM_MAX_LENGTH: number = 2 ** 48 - 1;
/** What 16 bits hold. */
export const RANDOM_MAX_DELAY_MS: number = 2 ** 16 - 1;

/** Pieces written before the driver gets its turn, where there is no delay. */
const CHUNKS_PER_TURN = 32;
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

const NEXT_CHUNK = 0;
const REQUEST_DUE = 1;

/** What a client asks for. */
export interface RandomRequest {
  /** Bytes wanted, 0 to {@link RANDOM_MAX_LENGTH}. */
  readonly length: number;
  /** Before each piece, 0 to {@link RANDOM_MAX_DELAY_MS}. */
  readonly delayMs: number;
}

/** Where the random bytes come from, and what a client may ask for. */
export interface RandomStreamOptions {
  /** Fills the whole array with random bytes, such as `crypto.getRandomValues`. */
  readonly fill: (bytes: Uint8Array) => void;
  /** A request for more is refused: the connection is aborted. */
  readonly maxLength?: number;
  /** How long a client may take for its request. */
  readonly requestTimeoutMs?: number;
}

/**
 * A server of random bytes: as many as the request says, with a delay before each piece.
 * @throws RangeError for a `maxLength` that is no whole number of 48 bits.
 */
export function randomStream(options: RandomStreamOptions): StreamProtocolFactory {
  const { fill, maxLength = RANDOM_MAX_LENGTH, requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
  checkNumber("maxLength", maxLength, RANDOM_MAX_LENGTH);
  return () => new RandomConversation({ fill, maxLength, requestTimeoutMs });
}

/**
 * The eight bytes of a request.
 * @throws RangeError for numbers that do not fit.
 */
export function encodeRandomRequest({ length, delayMs }: RandomRequest): Uint8Array {
  checkNumber("length", length, RANDOM_MAX_LENGTH);
  checkNumber("delayMs", delayMs, RANDOM_MAX_DELAY_MS);
  const bytes = new Uint8Array(RANDOM_REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(length / 2 ** 16));
  view.setUint16(4, length % 2 ** 16);
  view.setUint16(6, delayMs);
  return bytes;
}

/** Reads the first {@link RANDOM_REQUEST_BYTES} bytes; undefined where there are fewer. Any eight bytes are a request. */
export function decodeRandomRequest(bytes: Uint8Array): RandomRequest | undefined {
  if (bytes.length < RANDOM_REQUEST_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, RANDOM_REQUEST_BYTES);
  return { length: view.getUint32(0) * 2 ** 16 + view.getUint16(4), delayMs: view.getUint16(6) };
}

class RandomConversation implements StreamProtocol {
  readonly #options: Required<RandomStreamOptions>;
  readonly #request = new Uint8Array(RANDOM_REQUEST_BYTES);
  #requestBytes = 0;
  #left = 0;
  #delayMs = 0;
  #chunks = new Uint8Array(0);

  constructor(options: Required<RandomStreamOptions>) {
    this.#options = options;
  }

  open(out: StreamIntents): void {
    out.setTimer(REQUEST_DUE, out.nowMs + this.#options.requestTimeoutMs);
  }

  data(out: StreamIntents, bytes: Uint8Array, start: number, end: number): void {
    const missing = RANDOM_REQUEST_BYTES - this.#requestBytes;
    if (missing === 0) return;
    const taken = bytes.subarray(start, Math.min(end, start + missing));
    this.#request.set(taken, this.#requestBytes);
    this.#requestBytes += taken.length;
    if (taken.length === missing) this.#begin(out);
  }

  end(out: StreamIntents): void {
    if (this.#requestBytes < RANDOM_REQUEST_BYTES) out.end();
  }

  writable(out: StreamIntents): void {
    this.#schedule(out);
  }

  timer(out: StreamIntents, id: number): void {
    if (id === REQUEST_DUE) out.abort("no request came in time");
    else this.#produce(out);
  }

  #begin(out: StreamIntents): void {
    out.clearTimer(REQUEST_DUE);
    const { length, delayMs } = decodeRandomRequest(this.#request) as RandomRequest;
    const { maxLength } = this.#options;
    if (length > maxLength) {
      out.abort(`${length} bytes were asked for, of at most ${maxLength}`);
      return;
    }
    this.#left = length;
    this.#delayMs = delayMs;
    this.#chunks = new Uint8Array(RANDOM_CHUNK_BYTES * (delayMs === 0 ? CHUNKS_PER_TURN : 1));
    if (length === 0) out.end();
    else this.#schedule(out);
  }

  #schedule(out: StreamIntents): void {
    if (this.#left > 0) out.setTimer(NEXT_CHUNK, out.nowMs + this.#delayMs);
  }

  /** Each piece has its own place in the buffer, because what is written is lent until this turn is over. */
  #produce(out: StreamIntents): void {
    for (let at = 0; at < this.#chunks.length && this.#left > 0; at += RANDOM_CHUNK_BYTES) {
      const chunk = this.#chunks.subarray(at, at + Math.min(RANDOM_CHUNK_BYTES, this.#left));
      this.#options.fill(chunk);
      this.#left -= chunk.length;
      const mayGoOn = out.write(chunk);
      if (!mayGoOn && this.#left > 0) return;
    }
    if (this.#left === 0) out.end();
    else this.#schedule(out);
  }
}

function checkNumber(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${name} must be a whole number from 0 to ${most}, not ${value}`);
  }
}

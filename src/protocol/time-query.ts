/**
 * Time query: a datagram asks, a datagram answers with the time. Both measure exactly 13 bytes:
 *
 * | offset | size | field                                                                     |
 * | -----: | ---: | ------------------------------------------------------------------------- |
 * |      0 |    1 | type: 1 request, 2 response                                               |
 * |      1 |    4 | sequence: chosen by who asks, copied into the response                    |
 * |      5 |    8 | milliseconds since 1970: the client's in a request, the server's in a response |
 *
 * Numbers are most significant byte first. A server answers requests only, so two servers cannot be made to talk to
 * each other, and an answer is as long as its question.
 */
import type { DatagramIntents, DatagramProtocol } from "./datagram.ts";

/** The size of a packet, request or response. */
export const TIME_QUERY_BYTES = 13;

/** The first byte of a packet. */
export const TIME_QUERY_TYPE = { request: 1, response: 2 } as const;

const SEQUENCE_AT = 1;
const TIME_AT = 5;
const MAX_SEQUENCE = 2 ** 32 - 1;

/** A packet's fields. */
export interface TimeQueryPacket {
  readonly type: "request" | "response";
  /** 32 bits. */
  readonly sequence: number;
  /** A safe integer of at least 0. */
  readonly unixMs: number;
}

/** Answers requests; one object serves a socket. */
export class TimeQueryServer implements DatagramProtocol {
  /** Requests that were answered. */
  answered = 0;
  /** Datagrams that were no requests, and were ignored. */
  ignored = 0;
  readonly #answer = new Uint8Array(TIME_QUERY_BYTES);

  datagram(out: DatagramIntents, bytes: Uint8Array, start: number, end: number, fullLength: number): void {
    const isWhole = end - start === TIME_QUERY_BYTES && fullLength === TIME_QUERY_BYTES;
    if (!isWhole || bytes[start] !== TIME_QUERY_TYPE.request) {
      this.ignored++;
      return;
    }
    this.answered++;
    this.#answer.set(bytes.subarray(start, end));
    this.#answer[0] = TIME_QUERY_TYPE.response;
    storeTime(this.#answer, out.unixMs);
    out.reply(this.#answer);
  }
}

/**
 * The bytes of a packet.
 * @throws RangeError for numbers that do not fit.
 */
export function encodeTimeQuery({ type, sequence, unixMs }: TimeQueryPacket): Uint8Array {
  if (!Number.isInteger(sequence) || sequence < 0 || sequence > MAX_SEQUENCE) {
    throw new RangeError(`a sequence has 32 bits, unlike ${sequence}`);
  }
  if (!Number.isSafeInteger(unixMs) || unixMs < 0) throw new RangeError(`${unixMs} is no time in whole milliseconds`);
  const bytes = new Uint8Array(TIME_QUERY_BYTES);
  bytes[0] = TIME_QUERY_TYPE[type];
  viewOf(bytes).setUint32(SEQUENCE_AT, sequence);
  storeTime(bytes, unixMs);
  return bytes;
}

/**
 * Reads a packet.
 * @returns undefined for another size, an unknown type, or a time beyond what a number holds exactly.
 */
export function decodeTimeQuery(bytes: Uint8Array, start = 0, end: number = bytes.length): TimeQueryPacket | undefined {
  if (end - start !== TIME_QUERY_BYTES) return undefined;
  const code = bytes[start];
  if (code !== TIME_QUERY_TYPE.request && code !== TIME_QUERY_TYPE.response) return undefined;
  const view = viewOf(bytes, start);
  const unixMs = view.getUint32(TIME_AT) * 2 ** 32 + view.getUint32(TIME_AT + 4);
  if (!Number.isSafeInteger(unixMs)) return undefined;
  const type = code === TIME_QUERY_TYPE.request ? "request" : "response";
  return { type, sequence: view.getUint32(SEQUENCE_AT), unixMs };
}

function storeTime(bytes: Uint8Array, unixMs: number): void {
  const view = viewOf(bytes);
  view.setUint32(TIME_AT, Math.floor(unixMs / 2 ** 32));
  view.setUint32(TIME_AT + 4, unixMs % 2 ** 32);
}

function viewOf(bytes: Uint8Array, start = 0): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + start, TIME_QUERY_BYTES);
}

/**
 * The contract of a protocol over datagrams (UDP, unix datagram). The memory rules are those of the stream contract:
 * a received window is valid until the method returns, written bytes are borrowed until then.
 */
import type { PeerAddress } from "./stream.ts";

/** What a datagram protocol can ask of its driver. */
export interface DatagramIntents {
  /** Milliseconds on a clock that never goes back; the one that timers are set against. */
  readonly nowMs: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly unixMs: number;
  /** The sender of the datagram in hand. A flyweight: read it before the method returns, or copy it. */
  readonly peer: PeerAddress;

  /** Answers the sender of the datagram in hand, with one datagram. */
  reply(bytes: Uint8Array, start?: number, end?: number): void;
  /** Asks for `timer(id)` at `atMs` on the clock of `nowMs`. Setting an id again moves it. */
  setTimer(id: number, atMs: number): void;
  /** Takes a timer back; one that is not set is no error. */
  clearTimer(id: number): void;
}

/** One object serves every peer of a socket: what belongs to a peer is the protocol's to keep, and to bound. */
export interface DatagramProtocol {
  /**
   * A datagram arrived: `bytes[start, end)`, possibly empty.
   * @param fullLength what the datagram measured on the wire; more than `end - start` where the buffer was too
   * small for it (MSG_TRUNC).
   */
  datagram(out: DatagramIntents, bytes: Uint8Array, start: number, end: number, fullLength: number): void;
  /** The timer `id` is due. */
  timer?(out: DatagramIntents, id: number): void;
  /**
   * Decides whom it answers. A server that starts a worker for each datagram asks it beforehand, since a worker of one
   * datagram remembers none before; elsewhere the protocol asks it by itself.
   */
  readonly guard?: DatagramGate;
}

/** Whom to answer. */
export interface DatagramGate {
  /**
   * Counts a datagram of `peer`.
   * @param nowMs on a clock that never goes back.
   * @returns why not to answer it, or undefined.
   */
  admit(peer: PeerAddress, nowMs: number): string | undefined;
}

/** Makes the protocol object of one socket. */
export type DatagramProtocolFactory = () => DatagramProtocol;

/**
 * Peers of datagrams, decoded once and not for each datagram: a guarded service looks at every sender, and text costs
 * more than all else that is done for a small datagram.
 */
import { decodeSockaddr, SOCKADDR_IN, SOCKADDR_IN6 } from "../abi/index.ts";
import type { PeerAddress } from "../protocol/index.ts";
import { toPeerAddress } from "./peer.ts";

/** Peers that are remembered, a power of two; each has one place, and whoever comes last has it. */
const PLACES = 1024;
const MAX_WORDS = SOCKADDR_IN6.size / 4;
/** Spreads neighbouring ports and addresses over the places (Knuth's multiplicative hashing). */
const MULTIPLIER = 2_654_435_761;
const HASH_SHIFT = 22;

export class PeerCache {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #keys = new Uint32Array(PLACES * MAX_WORDS);
  readonly #lengths = new Uint8Array(PLACES);
  readonly #peers: PeerAddress[] = [];

  /** Both are views of the memory in which the names are. */
  constructor(bytes: Uint8Array, words: Uint32Array) {
    this.#bytes = bytes;
    this.#words = words;
  }

  /**
   * The peer whose sockaddr is at `offset`, a multiple of 4. The object is kept, and is not the caller's to change.
   * @param length what the kernel said of the sockaddr's length.
   */
  read(offset: number, length: number): PeerAddress {
    // Unix names have other lengths, and nothing is decoded for them that could be spared.
    if (length !== SOCKADDR_IN.size && length !== SOCKADDR_IN6.size) return this.#decode(offset, length);
    const first = offset / 4;
    // Family and port, and the word that tells most IPv4 and many IPv6 peers apart.
    const place = this.#placeOf(first, length);
    if (this.#lengths[place] === length && this.#isSame(place * MAX_WORDS, first, length / 4)) {
      return this.#peers[place] as PeerAddress;
    }
    const peer = this.#decode(offset, length);
    this.#keys.set(this.#words.subarray(first, first + length / 4), place * MAX_WORDS);
    this.#lengths[place] = length;
    this.#peers[place] = peer;
    return peer;
  }

  #placeOf(first: number, length: number): number {
    const words = this.#words;
    const last = length === SOCKADDR_IN.size ? 1 : 5;
    return Math.imul((words[first] as number) ^ (words[first + last] as number), MULTIPLIER) >>> HASH_SHIFT;
  }

  #isSame(key: number, first: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#keys[key + i] !== this.#words[first + i]) return false;
    return true;
  }

  #decode(offset: number, length: number): PeerAddress {
    return toPeerAddress(decodeSockaddr(this.#bytes, offset, length));
  }
}

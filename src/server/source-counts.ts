/**
 * How many connections each source has, in memory that all threads or processes of a server share.
 *
 * Each worker has a table of its own, the only one it adds sources to; what a source has in all is the sum over the tables.
 * A worker adds first and looks then, so that two at once may refuse one too many but never admit one. There is no lock that
 * a worker could take to its grave: when it dies, its table is cleared by who outlives it.
 *
 * A table is a hash of buckets. A source lies in its bucket or nowhere, so nothing ever has to be moved, and a reader in
 * another process finds it without asking. The hash has a secret seed: nobody can choose addresses to fill one bucket.
 */
import { randomInt } from "node:crypto";
import { AF_INET, AF_INET6, AF_UNIX, SO_PEERCRED, SOL_SOCKET } from "../abi/index.ts";
import { getpeername, getsockopt } from "../sys/index.ts";

/** Words: a source's two halves, and how many connections it has. */
const ENTRY_WORDS = 3;
const COUNT = 2;
const BUCKET_ENTRIES = 16;
const BUCKET_WORDS: number = BUCKET_ENTRIES * ENTRY_WORDS;
/** Entries per connection: with so much room, a full bucket is a matter of one in millions. */
const ROOM = 4;
/** In front: the seed of the hash. */
const HEADER_WORDS = 16;

/** Where a connection is counted that is not: there is no limit, or it was not admitted. */
export const NOWHERE = -1;

const SOCKADDR_STORAGE_BYTES = 128;
const name = new Uint8Array(SOCKADDR_STORAGE_BYTES);
const nameView = new DataView(name.buffer);
const nameLength = new Uint32Array(1);
const credentials = new Uint32Array(3);

/** How large the tables are. */
export interface SourceShape {
  /** Workers that count. */
  readonly columns: number;
  /** A power of two; each is for one worker. */
  readonly buckets: number;
}

/** @param connections that each worker may have at a time */
export function sourceShape(columns: number, connections: number): SourceShape {
  const wanted = Math.ceil((connections * ROOM) / BUCKET_ENTRIES);
  return { columns, buckets: 2 ** Math.ceil(Math.log2(Math.max(1, wanted))) };
}

export function sourceBytes({ columns, buckets }: SourceShape): number {
  return (HEADER_WORDS + columns * buckets * BUCKET_WORDS) * Int32Array.BYTES_PER_ELEMENT;
}

export class SourceCounts {
  readonly #words: Int32Array;
  readonly #shape: SourceShape;

  /** @param words of the size that {@link sourceBytes} says, zeroed by whoever made them, seeded by {@link seed} */
  constructor(words: Int32Array, shape: SourceShape) {
    this.#words = words;
    this.#shape = shape;
  }

  /** Of one's own: nobody else counts. */
  static alone(connections: number): SourceCounts {
    const shape = sourceShape(1, connections);
    const counts = new SourceCounts(new Int32Array(sourceBytes(shape) / Int32Array.BYTES_PER_ELEMENT), shape);
    counts.seed();
    return counts;
  }

  /** Once, before anybody counts. */
  seed(): void {
    this.#words[0] = randomInt(1, 2 ** 31);
  }

  /**
   * Counts a connection for a worker.
   * @param most what its source may have in all
   * @returns where it is counted, to be given back; {@link NOWHERE} where the source has as many already
   */
  admit(column: number, fd: number, most: number): number {
    const [high, low] = sourceOf(fd);
    const bucket = this.#bucket(high, low);
    const place = this.#ownPlace(column, bucket, high, low);
    if (place === NOWHERE) return NOWHERE;
    Atomics.add(this.#words, place + COUNT, 1);
    if (this.#sum(bucket, high, low) <= most) return place;
    this.release(place);
    return NOWHERE;
  }

  /** A connection has ended. */
  release(place: number): void {
    if (place !== NOWHERE) Atomics.sub(this.#words, place + COUNT, 1);
  }

  /** Another worker has taken over a connection: it is counted there from now on. @returns where */
  move(place: number, column: number): number {
    if (place === NOWHERE) return NOWHERE;
    const high = this.#words[place] as number;
    const low = this.#words[place + 1] as number;
    const own = this.#ownPlace(column, this.#bucket(high, low), high, low);
    if (own !== NOWHERE) Atomics.add(this.#words, own + COUNT, 1);
    this.release(place);
    return own;
  }

  /** The worker is gone, and its connections with it. */
  clear(column: number): void {
    const size = this.#shape.buckets * BUCKET_WORDS;
    this.#words.fill(0, HEADER_WORDS + column * size, HEADER_WORDS + (column + 1) * size);
  }

  #bucket(high: number, low: number): number {
    let hash = Math.imul(high ^ (this.#words[0] as number), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ low, 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d);
    return (hash ^ (hash >>> 16)) & (this.#shape.buckets - 1);
  }

  #start(column: number, bucket: number): number {
    return HEADER_WORDS + (column * this.#shape.buckets + bucket) * BUCKET_WORDS;
  }

  /** Where a worker counts a source; an entry that counts nothing is anybody's. */
  #ownPlace(column: number, bucket: number, high: number, low: number): number {
    const start = this.#start(column, bucket);
    const found = this.#find(start, high, low);
    if (found !== NOWHERE) return found;
    for (let place = start; place < start + BUCKET_WORDS; place += ENTRY_WORDS) {
      if (Atomics.load(this.#words, place + COUNT) !== 0) continue;
      this.#words[place] = high;
      this.#words[place + 1] = low;
      return place;
    }
    return NOWHERE;
  }

  #find(start: number, high: number, low: number): number {
    for (let place = start; place < start + BUCKET_WORDS; place += ENTRY_WORDS) {
      if (this.#words[place] === high && this.#words[place + 1] === low) return place;
    }
    return NOWHERE;
  }

  #sum(bucket: number, high: number, low: number): number {
    let sum = 0;
    for (let column = 0; column < this.#shape.columns; column++) {
      const place = this.#find(this.#start(column, bucket), high, low);
      if (place !== NOWHERE) sum += Atomics.load(this.#words, place + COUNT);
    }
    return sum;
  }
}

/** In place of the upper half: IPv4 addresses and users lie where no IPv6 address does (::/8 is reserved, RFC 4291). */
const V4_HIGH = 0xffff;
const USER_HIGH = 1;
/** Whoever is gone already. */
const UNKNOWN = [2, 0] as const;

/** Whom to hold to account for a connection, in 64 bits; by the rules of `protocol/source-address.ts`. */
function sourceOf(fd: number): readonly [high: number, low: number] {
  nameLength[0] = SOCKADDR_STORAGE_BYTES;
  if (getpeername(fd, name, nameLength) < 0) return UNKNOWN;
  const family = new Uint16Array(name.buffer, 0, 1)[0];
  if (family === AF_INET) return [V4_HIGH, nameView.getInt32(4)];
  if (family === AF_INET6) return sourceOfV6();
  if (family !== AF_UNIX) return UNKNOWN;
  // struct ucred: process, user, group.
  const outcome = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, new Uint32Array([credentials.byteLength]));
  return outcome < 0 ? UNKNOWN : [USER_HIGH, (credentials[1] as number) | 0];
}

function sourceOfV6(): readonly [number, number] {
  const [first, second, third, fourth] = [8, 12, 16, 20].map((offset) => nameView.getInt32(offset)) as [
    number,
    number,
    number,
    number,
  ];
  if (first === 0 && second === 0 && third === V4_HIGH) return [V4_HIGH, fourth];
  // All neighbours share the /64 of link-local addresses, and are told apart by the other half.
  return (first & 0xffc00000) === (0xfe800000 | 0) ? [third ^ 0xfe800000, fourth] : [first, second];
}

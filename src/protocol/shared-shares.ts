/**
 * How much of its share each source of datagrams has used, in memory that all workers of a server see, threads or processes.
 *
 * A share is kept as one time, as in the generic cell rate algorithm (ITU-T I.371): when it will be whole again. Each datagram
 * moves it on by one interval of the rate, by one compare-and-exchange, and a source whose time is a burst ahead of now has used
 * it up. So no worker holds a lock that it could take to its grave.
 *
 * Times are 32 bits of a unit that fits the rate, and wrap: one that cannot be is one that nobody has touched for so long that
 * the share is whole. The table is a hash of buckets, bounded, and keeps who was heard last; its seed is secret, so that nobody
 * can choose addresses that share a bucket.
 */

/** Words of an entry: a source by its hash, when its share is whole, and until when it is not answered. */
const ENTRY_WORDS = 3;
const WHOLE = 1;
const QUIET = 2;
const FREE = 0;
const BUCKET_ENTRIES = 8;
const BUCKET_WORDS = BUCKET_ENTRIES * ENTRY_WORDS;
const BUCKETS = 2048;
/** In front: the seed. */
const HEADER_WORDS = 16;

/** How much memory it takes: 16,384 sources are remembered. */
export const SHARES_WORDS: number = HEADER_WORDS + BUCKETS * BUCKET_WORDS;

/** Of an interval; finer would wrap sooner. */
const UNITS_PER_INTERVAL = 16;
const MOST_UNITS = 2 ** 30;
const MS_PER_SECOND = 1000;
/** After so many others were faster, it is refused: all of them had tokens of the same source. */
const TRIES = 16;

/** Memory of {@link SHARES_WORDS} words, zeroed and given a seed before anybody uses it, and a clock for it. */
export interface SharesMemory {
  readonly words: Int32Array;
  /** What makes a loop's milliseconds those of a clock that all workers have in common. */
  readonly clockOffsetMs: number;
}

/** Before anybody uses the memory. @param seed that nobody can guess */
export function seedShares(words: Int32Array, seed: number): void {
  words[0] = seed;
}

/** What a source may have. */
export interface Share {
  readonly burst: number;
  readonly quietMs: number;
  readonly ratePerSecond: number;
}

export class SharedShares {
  readonly #words: Int32Array;
  readonly #offsetMs: number;
  readonly #unitMs: number;
  readonly #burstUnits: number;
  readonly #quietUnits: number;
  /** The source that asked last, and its hash: the next datagram is often from the same. */
  #group = "";
  #bucket = 0;
  #tag = 0;

  constructor({ words, clockOffsetMs }: SharesMemory, { burst, quietMs, ratePerSecond }: Share) {
    this.#words = words;
    this.#offsetMs = clockOffsetMs;
    this.#unitMs = MS_PER_SECOND / ratePerSecond / UNITS_PER_INTERVAL;
    this.#burstUnits = Math.min(Math.floor(burst) * UNITS_PER_INTERVAL, MOST_UNITS);
    this.#quietUnits = Math.min(Math.ceil(quietMs / this.#unitMs), MOST_UNITS);
  }

  /** Whether such a share can be kept here: not where time would not pass, or none would ever be left. */
  static canKeep({ ratePerSecond }: Share): boolean {
    return ratePerSecond > 0 && ratePerSecond !== Number.POSITIVE_INFINITY;
  }

  /** Takes one datagram of a source's share. @returns whether there was one, and the source is to be answered */
  take(group: string, nowMs: number): boolean {
    const words = this.#words;
    const now = ((nowMs + this.#offsetMs) / this.#unitMs) | 0;
    const place = this.#placeOf(group, now);
    const quiet = (Atomics.load(words, place + QUIET) - now) | 0;
    if (quiet > 0 && quiet <= this.#quietUnits) return false;
    for (let tries = 0; tries < TRIES; tries++) {
      const whole = Atomics.load(words, place + WHOLE);
      const ahead = this.#aheadOf(whole, now);
      if (ahead > this.#burstUnits - UNITS_PER_INTERVAL) {
        Atomics.store(words, place + QUIET, (now + this.#quietUnits) | 0);
        return false;
      }
      const next = (now + ahead + UNITS_PER_INTERVAL) | 0;
      if (Atomics.compareExchange(words, place + WHOLE, whole, next) === whole) return true;
    }
    return false;
  }

  /** How much of the share is used, in units. */
  #aheadOf(whole: number, now: number): number {
    const ahead = (whole - now) | 0;
    return ahead < 0 || ahead > this.#burstUnits ? 0 : ahead;
  }

  /** Where a source is, or is from now on. */
  #placeOf(group: string, now: number): number {
    if (group !== this.#group) this.#hash(group);
    const start = HEADER_WORDS + this.#bucket * BUCKET_WORDS;
    for (let tries = 0; ; tries++) {
      const place = this.#find(start, now);
      const words = this.#words;
      const owner = words[place] as number;
      if (owner === this.#tag) return place;
      const whole = Atomics.load(words, place + WHOLE);
      const quiet = Atomics.load(words, place + QUIET);
      // Where another worker was faster, it may have been for the same source: that is found then.
      if (Atomics.compareExchange(words, place, owner, this.#tag) !== owner && tries < TRIES) continue;
      // And what another has counted since is kept.
      Atomics.compareExchange(words, place + WHOLE, whole, now);
      Atomics.compareExchange(words, place + QUIET, quiet, now);
      return place;
    }
  }

  /** The place of the source, or that of its bucket whose share has been whole for longest. */
  #find(start: number, now: number): number {
    const words = this.#words;
    let oldest = start;
    let oldestAhead = Number.POSITIVE_INFINITY;
    for (let place = start; place < start + BUCKET_WORDS; place += ENTRY_WORDS) {
      const tag = words[place];
      if (tag === this.#tag) return place;
      const ahead = tag === FREE ? Number.NEGATIVE_INFINITY : ((words[place + WHOLE] as number) - now) | 0;
      if (ahead >= oldestAhead) continue;
      oldest = place;
      oldestAhead = ahead;
    }
    return oldest;
  }

  /** Which bucket, and who in it, by two sums that differ in all (FNV-1a, and one in the manner of MurmurHash3). */
  #hash(group: string): void {
    this.#group = group;
    const seed = this.#words[0] as number;
    let first = seed ^ 0x9e3779b9;
    let second = Math.imul(seed, 0x85ebca6b) ^ group.length;
    for (let at = 0; at < group.length; at++) {
      const code = group.charCodeAt(at);
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ code, 0xcc9e2d51);
      second = (second << 13) | (second >>> 19);
    }
    this.#bucket = mixed(first ^ (second >>> 7)) & (BUCKETS - 1);
    this.#tag = mixed(second ^ (first >>> 9)) || 1;
  }
}

function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

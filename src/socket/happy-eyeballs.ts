/**
 * Happy Eyeballs version 2, RFC 8305: when to try which address of a host. Pure: addresses, failures and the time come
 * in, and what to try comes out. What looks up and connects is in `race.ts`.
 *
 * Section 3: where IPv4 and IPv6 addresses are looked up separately and IPv4's come first, IPv6's have 50 ms to follow.
 * One getaddrinfo(3) gives both at once, and then nothing is waited for.
 * Section 4: the families take turns, beginning with that of the address that RFC 6724 prefers; within a family the
 * order is getaddrinfo's.
 * Section 5: attempts begin 250 ms apart, at once after a failure, and go on side by side until one succeeds.
 */

/** The shortest and the usual time between two attempts. RFC 8305 section 8 */
const MIN_ATTEMPT_DELAY_MS = 10;
const DEFAULT_ATTEMPT_DELAY_MS = 250;
/** How long IPv4 waits for IPv6. RFC 8305 section 8 */
const DEFAULT_RESOLUTION_DELAY_MS = 50;
/** Addresses of one host that are tried; what comes after is left out. */
export const MAX_RACED_ADDRESSES = 64;

/** The times and preferences of RFC 8305. */
export interface HappyEyeballsOptions {
  /** Time between the beginnings of two attempts, 250 by default, at least 10; Infinity tries one after the other. */
  readonly attemptDelayMs?: number | undefined;
  /** How long other families wait for the preferred one, 50 by default. */
  readonly resolutionDelayMs?: number | undefined;
  /** How many addresses of the first family are tried before the other's turn, 1 by default. */
  readonly firstFamilyCount?: number | undefined;
  /** The family to begin with; by default that of the first address. */
  readonly preferredFamily?: string | undefined;
}

export class HappyEyeballs<Address extends { readonly family: string }> {
  readonly #attemptDelayMs: number;
  readonly #resolutionDelayMs: number;
  readonly #firstFamilyCount: number;
  readonly #preferredFamily: string | undefined;
  /** What has not been tried, by family; families in the order in which they were met. */
  readonly #untried = new Map<string, Address[]>();
  #added = 0;
  #begun = 0;
  #underWay = 0;
  #resolved = false;
  #lastFamily: string | undefined;
  /** Nothing is tried before: Infinity while there is nothing to try. */
  #startAtMs = Number.POSITIVE_INFINITY;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  /** @throws RangeError for a time or count out of its range. */
  constructor(options: HappyEyeballsOptions = {}) {
    this.#attemptDelayMs = options.attemptDelayMs ?? DEFAULT_ATTEMPT_DELAY_MS;
    this.#resolutionDelayMs = options.resolutionDelayMs ?? DEFAULT_RESOLUTION_DELAY_MS;
    this.#firstFamilyCount = options.firstFamilyCount ?? 1;
    this.#preferredFamily = options.preferredFamily;
    if (!(this.#attemptDelayMs >= MIN_ATTEMPT_DELAY_MS)) {
      throw new RangeError(
        `attemptDelayMs is at least ${MIN_ATTEMPT_DELAY_MS} (RFC 8305), not ${this.#attemptDelayMs}`,
      );
    }
    if (!(this.#resolutionDelayMs >= 0)) {
      throw new RangeError(`resolutionDelayMs is a time from 0 up, not ${this.#resolutionDelayMs}`);
    }
    if (!Number.isInteger(this.#firstFamilyCount) || this.#firstFamilyCount < 1) {
      throw new RangeError(`firstFamilyCount is a whole number from 1 up, not ${this.#firstFamilyCount}`);
    }
  }

  /** A look-up has given addresses, in its order of preference. More may follow until {@link HappyEyeballs.end}. */
  add(addresses: readonly Address[], nowMs: number): void {
    for (const address of addresses.slice(0, MAX_RACED_ADDRESSES - this.#added)) {
      this.#added++;
      const queue = this.#untried.get(address.family);
      if (queue === undefined) this.#untried.set(address.family, [address]);
      else queue.push(address);
    }
    if (this.#added === 0) return;
    const preferred = this.#preferredFamily;
    const mayStart = preferred === undefined || this.#resolved || this.#untried.has(preferred);
    this.#startAtMs = Math.min(this.#startAtMs, mayStart ? nowMs : nowMs + this.#resolutionDelayMs);
  }

  /** All look-ups have ended: there is nothing left to wait for. */
  end(nowMs: number): void {
    this.#resolved = true;
    if (this.#added > 0) this.#startAtMs = Math.min(this.#startAtMs, nowMs);
  }

  /** The address whose attempt begins now; undefined where it is not time, or nothing is left. */
  next(nowMs: number): Address | undefined {
    if (nowMs < this.wakeAtMs) return undefined;
    const address = this.#pick();
    if (address === undefined) return undefined;
    this.#begun++;
    this.#underWay++;
    this.#lastFamily = address.family;
    this.#nextAtMs = nowMs + this.#attemptDelayMs;
    return address;
  }

  /** An attempt has failed: the next address need not wait. */
  failed(nowMs: number): void {
    this.#underWay--;
    this.#nextAtMs = Math.min(this.#nextAtMs, nowMs);
  }

  /** When {@link HappyEyeballs.next} has something again; Infinity when only an answer or a failure can bring it. */
  get wakeAtMs(): number {
    for (const queue of this.#untried.values()) {
      if (queue.length > 0) return Math.max(this.#startAtMs, this.#nextAtMs);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Whether nothing is left: every address of every look-up has failed, or there was none. */
  get isExhausted(): boolean {
    return this.#resolved && this.#underWay === 0 && [...this.#untried.values()].every((queue) => queue.length === 0);
  }

  /** How many attempts have begun. */
  get begun(): number {
    return this.#begun;
  }

  #pick(): Address | undefined {
    for (const family of this.#turns()) {
      const address = this.#untried.get(family)?.shift();
      if (address !== undefined) return address;
    }
    return undefined;
  }

  /** The families, those whose turn it is first. */
  #turns(): string[] {
    const families = [...this.#untried.keys()];
    const preferred = this.#preferredFamily ?? families[0];
    if (this.#begun < this.#firstFamilyCount) {
      return families.sort((a, b) => Number(b === preferred) - Number(a === preferred));
    }
    return families.sort((a, b) => Number(a === this.#lastFamily) - Number(b === this.#lastFamily));
  }
}

/**
 * Small answers of a pass, which leave together.
 *
 * Each send runs through the whole of TCP, on loopback through the receiver's part too: far more code than a processor keeps
 * at hand. Whoever receives and sends by turns has the way in and the way out drive each other from its cache; several
 * receives, then several sends, do not. It saves some 3 % of the CPU of a request, in C as well as here. What is parked is
 * little and few, so that nobody's answer waits long for somebody else's.
 */

/** So many leave together at most. */
const MAX_PARKED = 16;
/** Longer ones leave at once: there the copying counts, not the code. */
const MAX_PARKED_BYTES = 4096;

export class ParkedSends {
  count = 0;
  readonly #fds = new Int32Array(MAX_PARKED);
  readonly #addresses = new Float64Array(MAX_PARKED);
  readonly #lengths = new Int32Array(MAX_PARKED);
  /** Per descriptor: whether it has one here. */
  #isParked = new Uint8Array(0);

  /** Makes room for descriptors below `size`. */
  reserve(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.#isParked);
    this.#isParked = grown;
  }

  has(fd: number): boolean {
    return this.#isParked[fd] === 1;
  }

  takes(length: number): boolean {
    return length <= MAX_PARKED_BYTES;
  }

  /** Adds one, of a descriptor that has none. @returns whether no other has room */
  add(fd: number, address: number, length: number): boolean {
    const place = this.count++;
    this.#fds[place] = fd;
    this.#addresses[place] = address;
    this.#lengths[place] = length;
    this.#isParked[fd] = 1;
    return this.count === MAX_PARKED;
  }

  /** Gives all to `send`, in their order, and has none then. */
  release(send: (fd: number, address: number, length: number) => void): void {
    const { count } = this;
    this.count = 0;
    for (let place = 0; place < count; place++) {
      const fd = this.#fds[place] as number;
      this.#isParked[fd] = 0;
      send(fd, this.#addresses[place] as number, this.#lengths[place] as number);
    }
  }
}

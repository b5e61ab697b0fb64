/**
 * What a slow peer has not taken yet: bytes in blocks of our own, in order. Small writes share a block, so that ten
 * thousand little answers to a peer that does not read cost their bytes and not an object each.
 */

/**
 * The memory of many queues, summed: whole blocks, for a byte that waits holds one. A queue exists only while the kernel has
 * not taken everything, so whoever keeps pace costs nothing.
 */
export class OutputTally {
  bytes: number = 0;
  readonly maxBytes: number;
  readonly #passed: () => void;

  /** @param passed called when the sum has grown beyond `maxBytes`, in the midst of a send: it may only take note */
  constructor(maxBytes: number, passed: () => void) {
    this.maxBytes = maxBytes;
    this.#passed = passed;
  }

  /** Counts `count` bytes that wait from now on; negative: that no longer do. */
  add(count: number): void {
    const before = this.bytes;
    this.bytes = before + count;
    if (before <= this.maxBytes && this.bytes > this.maxBytes) this.#passed();
  }
}

/** The smallest block. A connection that never blocks has none. */
const BLOCK_BYTES = 16 * 1024;

export class OutputQueue {
  readonly #blocks: Uint8Array[] = [];
  /** Where the first block's unsent bytes begin, and where the last block's room begins. */
  #head = 0;
  #tail = 0;
  bytes: number = 0;
  readonly #tally: OutputTally | undefined;

  /** @param tally where its memory is counted with that of other queues */
  constructor(tally?: OutputTally) {
    this.#tally = tally;
  }

  /** Copies bytes `[start, end)` to the end of the queue. */
  push(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    let from = start;
    const last = this.#blocks.at(-1);
    if (last !== undefined) {
      const room = Math.min(last.length - this.#tail, end - from);
      last.set(bytes.subarray(from, from + room), this.#tail);
      this.#tail += room;
      from += room;
    }
    if (from === end) return;
    const block = new Uint8Array(Math.max(BLOCK_BYTES, end - from));
    block.set(bytes.subarray(from, end));
    this.#blocks.push(block);
    this.#tally?.add(block.length);
    this.#tail = end - from;
  }

  /** The unsent bytes of the first block; the queue must not be empty. */
  first(): Uint8Array {
    const block = this.#blocks[0] as Uint8Array;
    return block.subarray(this.#head, this.#blocks.length === 1 ? this.#tail : block.length);
  }

  /** Drops `count` bytes from the front, no more than {@link first} showed. */
  drop(count: number): void {
    this.bytes -= count;
    this.#head += count;
    const block = this.#blocks[0] as Uint8Array;
    if (this.#head < (this.#blocks.length === 1 ? this.#tail : block.length)) return;
    this.#blocks.shift();
    this.#head = 0;
    this.#tally?.add(-block.length);
  }

  /** The queue is given up, with all that is in it. */
  discard(): void {
    for (const block of this.#blocks) this.#tally?.add(-block.length);
    this.#blocks.length = 0;
    this.bytes = 0;
  }
}

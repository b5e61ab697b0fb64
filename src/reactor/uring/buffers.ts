/**
 * Provided buffers: a ring of buffers that the kernel takes from when bytes arrive, so that ten thousand idle
 * connections hold none (io_uring_register_buf_ring(3)).
 */
import { IO_URING_BUF, IO_URING_BUF_REG, IO_URING_BUF_RING, IORING_REGISTER_PBUF_RING } from "../../abi/index.ts";
import { io_uring_register, mapRegion, type Region, unmapRegion } from "../../sys/index.ts";
import { allowed } from "./refusal.ts";
import type { Ring } from "./ring.ts";

/** 16 KB rather than 4 KB pays for large messages; 256 of them serve thousands of connections between two passes. */
export const BUFFER_BYTES: number = 16 * 1024;
const BUFFERS = 256;

const ENTRY_WORDS = IO_URING_BUF.size / 4;
const TWO_32 = 2 ** 32;

export class ProvidedBuffers {
  readonly region: Region = mapRegion(BUFFERS * BUFFER_BYTES);
  readonly #entries: Region = mapRegion(BUFFERS * IO_URING_BUF.size);
  readonly #words = new Uint32Array(this.#entries.bytes.buffer);
  readonly #halves = new Uint16Array(this.#entries.bytes.buffer);
  #tail = 0;
  /** Buffers in our hands: those of the pass before, then those of this one. */
  readonly #used = new Uint16Array(BUFFERS);
  #usedNow = 0;
  #usedBefore = 0;

  /** @throws UringRefused where the kernel or a sandbox refuses; the ring is closed then, for it is of no use. */
  constructor(ring: Ring) {
    const registration = new Uint32Array(IO_URING_BUF_REG.size / 4);
    registration[0] = this.#entries.address % TWO_32;
    registration[1] = this.#entries.address / TWO_32;
    registration[IO_URING_BUF_REG.ring_entries / 4] = BUFFERS;
    const registered = io_uring_register(ring.fd, IORING_REGISTER_PBUF_RING, registration, 1);
    if (registered < 0) {
      ring.close();
      this.dispose();
    }
    allowed("io_uring_register", registered);
    for (let buffer = 0; buffer < BUFFERS; buffer++) this.#offer(buffer);
    this.#publish();
  }

  /** Notes that a buffer came with a completion; it stays ours until the second {@link recycle} from now. */
  take(buffer: number): void {
    this.#used[this.#usedNow++] = buffer;
  }

  /**
   * Gives back what was taken before the last call. Called once a pass, after its completions were read: answers that
   * are sent straight from a buffer have left with the submission in between.
   */
  recycle(): void {
    const before = this.#usedBefore;
    if (before > 0) {
      for (let i = 0; i < before; i++) this.#offer(this.#used[i] as number);
      this.#used.copyWithin(0, before, this.#usedNow);
      this.#usedNow -= before;
      this.#publish();
    }
    this.#usedBefore = this.#usedNow;
  }

  dispose(): void {
    unmapRegion(this.region);
    unmapRegion(this.#entries);
  }

  #offer(buffer: number): void {
    const place = this.#tail & (BUFFERS - 1);
    const address = this.region.address + buffer * BUFFER_BYTES;
    this.#words[place * ENTRY_WORDS] = address % TWO_32;
    this.#words[place * ENTRY_WORDS + 1] = address / TWO_32;
    this.#words[place * ENTRY_WORDS + IO_URING_BUF.len / 4] = BUFFER_BYTES;
    this.#halves[place * ENTRY_WORDS * 2 + IO_URING_BUF.bid / 2] = buffer;
    this.#tail = (this.#tail + 1) & 0xffff;
  }

  #publish(): void {
    Atomics.store(this.#halves, IO_URING_BUF_RING.tail / 2, this.#tail);
  }
}

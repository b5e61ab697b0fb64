/**
 * Connections whose reset a multishot receive may have missed.
 *
 * A reset that arrives behind bytes, before the kernel has handed those over, wakes the receive once for both. The kernel
 * hands over the bytes, sees no more of them, and waits for the next wake-up, which does not come (Linux 6.18; a FIN
 * counts as a byte, a reset does not). So whoever received bytes and has sent none since, which would tell as well, is
 * looked at once, all of a pass by one poll(2). A reset that comes later wakes the receive as it should.
 */
import { POLLERR, SO_ERROR, SOL_SOCKET } from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import type { Slot } from "../contract.ts";

/** Looked at with one call; whoever adds settles when it is full. */
const MAX_AT_ONCE = 256;
/** A pollfd is two words: the descriptor, and `events` (low half) with `revents` (high half). */
const WORDS = 2;
const REVENTS_SHIFT = 16;

export class Doubts {
  readonly #pollfds = new Int32Array(MAX_AT_ONCE * WORDS);
  readonly #slots: Slot[] = [];
  readonly #value = new Int32Array(1);

  /** Has the slot looked at. */
  add(fd: number, slot: Slot): void {
    const count = this.#slots.length;
    // No events are asked for: errors are reported always.
    this.#pollfds[count * WORDS] = fd;
    this.#pollfds[count * WORDS + 1] = 0;
    this.#slots.push(slot);
  }

  get isFull(): boolean {
    return this.#slots.length === MAX_AT_ONCE;
  }

  get isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /**
   * Looks at all, and forgets them; if `fail` throws, those that it was not told of are looked at next time.
   * @param isStill whether the slot is still that descriptor's
   * @param fail told of each that has failed
   * @returns of how many it was told
   */
  settle(isStill: (fd: number, slot: Slot) => boolean, fail: (fd: number, slot: Slot, errno: number) => void): number {
    const slots = this.#slots.splice(0);
    if (sys.poll(this.#pollfds, slots.length, 0) <= 0) return 0;
    let at = 0;
    let failed = 0;
    try {
      for (; at < slots.length; at += 1) {
        const fd = this.#pollfds[at * WORDS] as number;
        const revents = (this.#pollfds[at * WORDS + 1] as number) >>> REVENTS_SHIFT;
        if ((revents & POLLERR) === 0 || !isStill(fd, slots[at] as Slot)) continue;
        const errno = this.#errorOf(fd);
        if (errno === 0) continue;
        failed += 1;
        fail(fd, slots[at] as Slot, errno);
      }
    } finally {
      for (at += 1; at < slots.length; at += 1) this.add(this.#pollfds[at * WORDS] as number, slots[at] as Slot);
    }
    return failed;
  }

  /** The error that waits for the next call, taken: 0 where there is none. */
  #errorOf(fd: number): number {
    this.#value[0] = 0;
    const outcome = sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#value, new Uint32Array([4]));
    return outcome < 0 ? 0 : (this.#value[0] as number);
  }
}

/**
 * The slots of a reactor: a descriptor's number is the index of its state, in typed arrays that grow with the highest
 * number seen. The kernel gives out the lowest free numbers, so the arrays stay dense.
 */
import { MAX_DESCRIPTORS, type Slot, type SlotHandler } from "./contract.ts";

const FD_BITS = 20;
const FD_MASK = MAX_DESCRIPTORS - 1;
const MAX_GENERATION = (1 << 10) - 1;
const FIRST_CAPACITY = 1024;

/** What a slot is doing. */
const FREE = 0;
export const IDLE = 1;
export const ACCEPTING = 2;
export const CONNECTING = 3;
export const RECEIVING = 4;
export const ARMED = 5;
/** Was armed, and has reported. */
export const DISARMED = 6;
export const FAILED = 7;

/** The descriptor in a slot's number. */
export function descriptorOf(slot: Slot): number {
  return slot & FD_MASK;
}

export class SlotTable {
  /** Per descriptor: its slot (0: none), … */
  slots: Int32Array = new Int32Array(0);
  /** … what it is doing, … */
  states: Uint8Array = new Uint8Array(0);
  /** … and its owner. */
  readonly handlers: (SlotHandler | undefined)[] = [];
  #generation = 0;
  readonly #onGrow: (capacity: number) => void;

  /** @param onGrow called with the new capacity, for arrays that lie beside these. */
  constructor(onGrow: (capacity: number) => void) {
    this.#onGrow = onGrow;
  }

  /** @throws RangeError as {@link Reactor.attach} does. */
  attach(fd: number, handler: SlotHandler): Slot {
    if (!Number.isInteger(fd) || fd < 0 || fd >= MAX_DESCRIPTORS) {
      throw new RangeError(`${fd} is no descriptor below ${MAX_DESCRIPTORS}`);
    }
    this.reserve(fd);
    if (this.states[fd] !== FREE) {
      throw new RangeError(`descriptor ${fd} has a slot already; duplicate it to watch it twice`);
    }
    this.#generation = this.#generation === MAX_GENERATION ? 1 : this.#generation + 1;
    const slot = (this.#generation << FD_BITS) | fd;
    this.slots[fd] = slot;
    this.states[fd] = IDLE;
    this.handlers[fd] = handler;
    return slot;
  }

  /** The descriptor of a live slot, or -1. */
  find(slot: Slot): number {
    const fd = slot & FD_MASK;
    return slot > FD_MASK && this.slots[fd] === slot ? fd : -1;
  }

  free(fd: number): void {
    this.slots[fd] = 0;
    this.states[fd] = FREE;
    this.handlers[fd] = undefined;
  }

  /** Makes room for a descriptor's state. */
  reserve(fd: number): void {
    if (fd < this.slots.length) return;
    const capacity = Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(fd + 1)));
    this.slots = grown(this.slots, capacity);
    this.states = grown(this.states, capacity);
    this.#onGrow(capacity);
  }
}

/** A larger copy of a typed array. */
export function grown<T extends Int32Array | Uint8Array | Float64Array>(array: T, capacity: number): T {
  const larger = new (array.constructor as new (length: number) => T)(capacity);
  larger.set(array);
  return larger;
}

/**
 * Native memory as look-ups use it. Everything is copied out at once: no view of memory that will be freed is kept.
 */
import { readU64 } from "../../abi/index.ts";
import { calloc, free, readText, viewMemory } from "../../sys/index.ts";

/** Strings and addresses in one list of libc's: a longer one is taken for a corrupted one. */
const MAX_LIST_LENGTH = 4096;

const POINTER_BYTES = 8;

/** A copy of native memory. SAFETY: the caller knows that `sizeBytes` are there. */
export function copyOut(address: number, sizeBytes: number): Uint8Array {
  return new Uint8Array(viewMemory(address, sizeBytes)).slice();
}

/** Writes to native memory. SAFETY: the caller knows that there is room. */
export function copyIn(address: number, bytes: Uint8Array): void {
  if (bytes.length > 0) new Uint8Array(viewMemory(address, bytes.length)).set(bytes);
}

/** A pointer in bytes that were copied out. User-space addresses have at most 48 bits, or 52 with large ones on arm64. */
export function pointerAt(bytes: Uint8Array, offset: number): number {
  return Number(readU64(bytes, offset));
}

/** The text a pointer leads to; undefined for NULL. */
export function textAt(address: number): string | undefined {
  return address === 0 ? undefined : readText(address);
}

/**
 * What a NULL-terminated array of pointers leads to; nothing for NULL.
 * @throws RangeError when it does not end within {@link MAX_LIST_LENGTH}
 */
export function listAt<Item>(address: number, read: (address: number) => Item): Item[] {
  const items: Item[] = [];
  if (address === 0) return items;
  for (let index = 0; index < MAX_LIST_LENGTH; index++) {
    const pointer = pointerAt(copyOut(address + index * POINTER_BYTES, POINTER_BYTES), 0);
    if (pointer === 0) return items;
    items.push(read(pointer));
  }
  throw new RangeError(`a list of the C library has more than ${MAX_LIST_LENGTH} entries`);
}

/** Zeroed native memory, given back by `using` or {@link NativeBlock.free}. */
export class NativeBlock {
  #address: number;

  /** @throws RangeError where there is no memory. */
  constructor(sizeBytes: number) {
    this.#address = calloc(1, sizeBytes);
    if (this.#address === 0) throw new RangeError(`calloc of ${sizeBytes} bytes failed`);
  }

  get address(): number {
    return this.#address;
  }

  free(): void {
    // SAFETY: copyIn and copyOut keep no view, and the look-up that had the address has ended.
    if (this.#address !== 0) free(this.#address);
    this.#address = 0;
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

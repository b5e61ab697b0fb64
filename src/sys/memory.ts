/** Memory outside the JavaScript heap: it does not move, and the kernel may keep its address. */
import { bindAll, errno, viewMemory } from "./ffi.ts";
import { memoryTable } from "./table.ts";

const native = bindAll(memoryTable);

/** Maps memory; returns its address or `-errno`. mmap(2) */
export function mmap(
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  const mapped = native.mmap(address, length, protection, flags, fd, offset);
  return mapped === -1 ? -errno() : mapped;
}

/** Unmaps memory. SAFETY: no view of it and no request that names it may be left. munmap(2) */
export function munmap(address: number, length: number): number {
  return native.munmap(address, length) < 0 ? -errno() : 0;
}

/** Zeroed memory, or 0 where there is none. calloc(3) */
export function calloc(count: number, sizeBytes: number): number {
  return native.calloc(count, sizeBytes);
}

/** SAFETY: the address is one of {@link calloc}'s, given back once, with no view of it left. free(3) */
export function free(address: number): void {
  native.free(address);
}

/** A mapped region: its address for the kernel, its bytes for us. */
export interface Region {
  readonly address: number;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

/**
 * Private anonymous memory of at least `sizeBytes`. Pages that are never touched cost nothing.
 * SAFETY: the owner unmaps it with {@link unmapRegion} when nothing refers to it any more.
 * @throws RangeError where the kernel has no memory to give.
 */
export function mapRegion(sizeBytes: number): Region {
  const address = mmap(0, sizeBytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (address < 0) throw new RangeError(`mmap of ${sizeBytes} bytes failed with errno ${-address}`);
  return { address, sizeBytes, bytes: new Uint8Array(viewMemory(address, sizeBytes)) };
}

/** Gives a region back. SAFETY: the caller drops `region.bytes` and every view of it before. */
export function unmapRegion(region: Region): void {
  munmap(region.address, region.sizeBytes);
}

/** What the tests of the gate share: descriptors and memory that are given back after each test. */
import { AF_UNIX, IOVEC, MSGHDR, O_CLOEXEC, SOCK_CLOEXEC } from "portolan/abi";
import * as sys from "portolan/sys";
import { afterEach, expect } from "vitest";

const open = new Set<number>();
const regions: { address: number; sizeBytes: number; bytes: Uint8Array }[] = [];

/** Call once in a file: gives back after each test what {@link keep} and {@link region} took. */
export function giveBackAfterEach(): void {
  afterEach(() => {
    for (const fd of open) sys.close(fd);
    open.clear();
    for (const made of regions.splice(0)) sys.unmapRegion(made);
  });
}

/** Expects a descriptor, to be closed after the test. */
export function keep(fd: number): number {
  expect(fd).toBeGreaterThanOrEqual(0);
  open.add(fd);
  return fd;
}

/** Memory that does not move, for the calls that take addresses. */
export function region(sizeBytes: number): { address: number; bytes: Uint8Array; view: DataView } {
  const made = sys.mapRegion(sizeBytes);
  regions.push(made);
  return { ...made, view: new DataView(made.bytes.buffer, made.bytes.byteOffset, sizeBytes) };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array, length: number = bytes.length): string {
  return new TextDecoder("latin1").decode(bytes.subarray(0, length));
}

/** Two connected unix sockets, blocking. */
export function socketPair(type: number): [number, number] {
  const fds = new Int32Array(2);
  expect(sys.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds)).toBe(0);
  return [keep(fds[0] as number), keep(fds[1] as number)];
}

/** A pipe: its reading end, its writing end. */
export function pipe(): [number, number] {
  const fds = new Int32Array(2);
  expect(sys.pipe2(fds, O_CLOEXEC)).toBe(0);
  return [keep(fds[0] as number), keep(fds[1] as number)];
}

/** Writes an array of struct iovec. The caller keeps the parts for as long as the kernel may look. */
export function writeIovecs(view: DataView, offset: number, parts: readonly Uint8Array[]): void {
  parts.forEach((part, i) => {
    view.setBigUint64(offset + i * IOVEC.size + IOVEC.iov_base, BigInt(sys.addressOf(part)), true);
    view.setBigUint64(offset + i * IOVEC.size + IOVEC.iov_len, BigInt(part.length), true);
  });
}

/** Writes a struct msghdr at `offset` of memory at `address`, for parts whose vector goes to `vector`. */
export function writeMessage(
  { address, view }: { address: number; view: DataView },
  offset: number,
  vector: number,
  parts: readonly Uint8Array[],
): void {
  writeIovecs(view, vector, parts);
  view.setBigUint64(offset + MSGHDR.msg_iov, BigInt(address + vector), true);
  view.setBigUint64(offset + MSGHDR.msg_iovlen, BigInt(parts.length), true);
}

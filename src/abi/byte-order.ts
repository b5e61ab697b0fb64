/**
 * Between the host's byte order and the network's. Both architectures here are little-endian, so these functions swap,
 * and swapping back is the same operation. byteorder(3)
 */

const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const MAX_64 = 0xffffffffffffffffn;

/** Refuses what is not an unsigned integer of a width, so that a wrong number does not become another one. */
function check(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name} takes an integer from 0 to ${max}, not ${value}`);
  }
}

/** A 16-bit number, such as a port, in network byte order. @throws RangeError unless 0 to 65535 */
export function htons(host: number): number {
  check("htons", host, MAX_16);
  return swap16(host);
}

/** A 16-bit number out of network byte order. @throws RangeError unless 0 to 65535 */
export function ntohs(network: number): number {
  check("ntohs", network, MAX_16);
  return swap16(network);
}

/** A 32-bit number, such as an IPv4 address, in network byte order. @throws RangeError unless 0 to 2^32 - 1 */
export function htonl(host: number): number {
  check("htonl", host, MAX_32);
  return swap32(host);
}

/** A 32-bit number out of network byte order. @throws RangeError unless 0 to 2^32 - 1 */
export function ntohl(network: number): number {
  check("ntohl", network, MAX_32);
  return swap32(network);
}

/** A 64-bit number in network byte order; htobe64 of endian(3). @throws RangeError unless 0 to 2^64 - 1 */
export function htonll(host: bigint): bigint {
  return swap64("htonll", host);
}

/** A 64-bit number out of network byte order; be64toh of endian(3). @throws RangeError unless 0 to 2^64 - 1 */
export function ntohll(network: bigint): bigint {
  return swap64("ntohll", network);
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function swap64(name: string, value: bigint): bigint {
  if (value < 0n || value > MAX_64) throw new RangeError(`${name} takes an integer from 0 to 2^64 - 1, not ${value}`);
  const low = swap32(Number(value & 0xffffffffn));
  const high = swap32(Number(value >> 32n));
  return (BigInt(low) << 32n) | BigInt(high);
}

// The host's byte order in memory, without a DataView for each struct. Offsets are the caller's to check.

/** Reads an unsigned 16-bit number in host byte order. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

/** Reads an unsigned 32-bit number in host byte order. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return readI32(bytes, offset) >>> 0;
}

/** Reads a signed 32-bit number in host byte order. */
export function readI32(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}

/** Reads an unsigned 64-bit number in host byte order. */
export function readU64(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(readU32(bytes, offset + 4)) << 32n) | BigInt(readU32(bytes, offset));
}

/** Writes the low 16 bits of a number in host byte order. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

/** Writes the low 32 bits of a number, signed or not, in host byte order. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Writes the low 64 bits of a number, signed or not, in host byte order. */
export function writeU64(bytes: Uint8Array, offset: number, value: bigint): void {
  const bits = BigInt.asUintN(64, value);
  writeU32(bytes, offset, Number(bits & 0xffffffffn));
  writeU32(bytes, offset + 4, Number(bits >> 32n));
}

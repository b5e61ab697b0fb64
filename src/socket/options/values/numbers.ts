/** Numbers, texts and bytes: the values of most options. */
import { htonl, ntohl, readU64, TIMEVAL, writeU64 } from "../../../abi/index.ts";
import {
  bytesOf,
  decodeInt,
  decodeText,
  encodeText,
  INT_MAX,
  INT_MIN,
  int32,
  integer,
  object,
  padded,
  UINT_MAX,
  unreadable,
  unwritable,
  wrongRange,
  wrongType,
} from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** IP_LOCAL_PORT_RANGE: the ports that the kernel chooses from; 0 leaves that end to the system's range. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Room for the longest name in the tables: that of a congestion control, an interface, a protocol on top. */
const NAME_BYTES = 16;
/** Room for a security label, of which the kernel says when it is longer. */
const LABEL_BYTES = 256;
/** Room for options whose length the kernel decides. */
const VARIABLE_BYTES = 1024;
const UINT64_MAX = 2n ** 64n - 1n;
const PORT_MAX = 0xffff;

/** Something that happens when the option is set, whatever the number. */
export const action: KindCodec<undefined, true> = {
  sizeBytes: 4,
  encode: (option, value) => {
    if (value !== true) throw wrongType(option, "true", value);
    return int32(1);
  },
  decode: unreadable,
};

export const bool: KindCodec<boolean, boolean> = {
  sizeBytes: 4,
  encode: (option, value) => {
    if (typeof value !== "boolean") throw wrongType(option, "a boolean", value);
    return int32(value ? 1 : 0);
  },
  decode: (bytes) => decodeInt(bytes) !== 0,
};

export const bytes: KindCodec<Uint8Array, Uint8Array> = {
  sizeBytes: VARIABLE_BYTES,
  encode: bytesOf,
  decode: (value) => value.slice(),
};

export const int: KindCodec<number, number> = {
  sizeBytes: 4,
  encode: (option, value) => int32(integer(option, value, INT_MIN, INT_MAX)),
  decode: decodeInt,
};

/** An open descriptor. One that is read is the caller's to close. */
export const descriptor: KindCodec<number, number> = {
  sizeBytes: 4,
  encode: (option, value) => int32(integer(option, value, 0, INT_MAX)),
  decode: decodeInt,
};

/** The index of an interface, in network byte order as the kernel wants it here. */
export const networkIndex: KindCodec<number, number> = {
  sizeBytes: 4,
  encode: (option, value) => int32(htonl(integer(option, value, 0, INT_MAX))),
  decode: (value) => ntohl(decodeInt(value) >>> 0),
};

export const label: KindCodec<string, never> = { sizeBytes: LABEL_BYTES, encode: unwritable, decode: decodeText };

export const milliseconds: KindCodec<number, number> = {
  sizeBytes: TIMEVAL.size,
  encode: (option, value) => {
    if (typeof value !== "number") throw wrongType(option, "a number of milliseconds", value);
    if (!(value >= 0 && value <= INT_MAX)) throw wrongRange(option, `milliseconds from 0 to ${INT_MAX}`, value);
    const room = new Uint8Array(TIMEVAL.size);
    const microseconds = Math.round(value * 1000);
    writeU64(room, TIMEVAL.tv_sec, BigInt(Math.floor(microseconds / 1e6)));
    writeU64(room, TIMEVAL.tv_usec, BigInt(microseconds % 1e6));
    return room;
  },
  decode: (value) => {
    const room = padded(value, TIMEVAL.size);
    return Number(readU64(room, TIMEVAL.tv_sec)) * 1000 + Number(readU64(room, TIMEVAL.tv_usec)) / 1000;
  },
};

/** linux/in.h: the upper 16 bits are the high end. */
export const portRange: KindCodec<PortRange, PortRange> = {
  sizeBytes: 4,
  encode: (option, value) => {
    const { low, high } = object(option, "{ low: number, high: number }", value);
    const first = integer(`${option}'s low`, low, 0, PORT_MAX);
    const last = integer(`${option}'s high`, high, 0, PORT_MAX);
    if (first !== 0 && last !== 0 && first > last) throw wrongRange(option, "a range whose low end is first", first);
    return int32(((last << 16) | first) >>> 0);
  },
  decode: (value) => {
    const both = decodeInt(value) >>> 0;
    return { low: both & PORT_MAX, high: both >>> 16 };
  },
};

export const text: KindCodec<string, string> = {
  sizeBytes: NAME_BYTES,
  encode: (option, value) => encodeText(option, value, NAME_BYTES - 1),
  decode: decodeText,
};

export const uint: KindCodec<number, number> = {
  sizeBytes: 4,
  encode: (option, value) => int32(integer(option, value, 0, UINT_MAX)),
  decode: (value) => decodeInt(value) >>> 0,
};

export const uint64: KindCodec<bigint, bigint> = {
  sizeBytes: 8,
  encode: (option, value) => {
    if (typeof value !== "bigint") throw wrongType(option, "a bigint", value);
    if (value < 0n || value > UINT64_MAX) throw wrongRange(option, "a bigint from 0 to 2^64 - 1", value);
    const room = new Uint8Array(8);
    writeU64(room, 0, value);
    return room;
  },
  decode: (value) => readU64(padded(value, 8), 0),
};

/** Bit fields of 32-bit words, as the kernel's lists of groups and of ICMP types are, as the numbers of their bits. */
function bitsOf(words: Uint8Array, maxBits: number = words.length * 8): number[] {
  const found: number[] = [];
  for (let bit = 0; bit < Math.min(maxBits, words.length * 8); bit++) {
    if (((words[bit >> 3] as number) >> (bit & 7)) & 1) found.push(bit);
  }
  return found;
}

/** A set of small numbers as bits. Both architectures are little-endian, so that words and bytes number bits alike. */
export function bitSet(sizeBytes: number): KindCodec<readonly number[], readonly number[]> {
  return {
    sizeBytes,
    encode: (option, value) => {
      if (!Array.isArray(value)) throw wrongType(option, "an array of numbers", value);
      const room = new Uint8Array(sizeBytes);
      for (const bit of value) {
        integer(`${option}'s number`, bit, 0, sizeBytes * 8 - 1);
        room[bit >> 3] = (room[bit >> 3] as number) | (1 << (bit & 7));
      }
      return room;
    },
    decode: (value) => bitsOf(value, sizeBytes * 8),
  };
}

/** Several 32-bit words. */
export function wordsOf(value: Uint8Array): number[] {
  const words: number[] = [];
  for (let at = 0; at + 4 <= value.length; at += 4) words.push(decodeInt(value.subarray(at)) >>> 0);
  return words;
}

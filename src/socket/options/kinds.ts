/** How the kinds of option values are written for the kernel and read from it. One entry per kind. */

import {
  formatIPv4,
  IP_MREQ_SOURCE,
  IP_MREQN,
  IPV6_MREQ,
  LINGER,
  readI32,
  readU32,
  readU64,
  TIMEVAL,
  UCRED,
  writeU32,
  writeU64,
} from "../../abi/index.ts";
import { decodeText, encodeIPv4, encodeIPv6, encodeText, IN_ADDR_BYTES, wrongRange, wrongType } from "./checks.ts";

/** SO_LINGER: whether close waits, and how long. socket(7) */
export interface Linger {
  readonly enabled: boolean;
  readonly seconds: number;
}

/** SO_PEERCRED: who made the other end of a unix socket. unix(7) */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** IP_ADD_MEMBERSHIP: a group, and the interface to join it on, by index or by its address; else the kernel's choice. */
export interface Membership {
  readonly group: string;
  readonly interfaceIndex?: number;
  readonly interfaceAddress?: string;
}

/** IP_ADD_SOURCE_MEMBERSHIP: a group and the one source to hear in it. */
export interface SourceMembership {
  readonly group: string;
  readonly source: string;
  readonly interfaceAddress?: string;
}

/** IPV6_ADD_MEMBERSHIP: a group, and the index of the interface to join it on; else the kernel's choice. */
export interface Membership6 {
  readonly group: string;
  readonly interfaceIndex?: number;
}

/** IP_MULTICAST_IF: the interface that multicasts leave by, by index or by its address. */
export interface MulticastInterface {
  readonly interfaceIndex?: number;
  readonly interfaceAddress?: string;
}

/** What TypeScript knows of each kind: the type that is read and the type that is written. */
export interface KindTypes {
  bool: { read: boolean; write: boolean };
  bytes: { read: Uint8Array; write: Uint8Array };
  credentials: { read: Credentials; write: never };
  int: { read: number; write: number };
  linger: { read: Linger; write: Linger };
  membership: { read: never; write: Membership };
  membership6: { read: never; write: Membership6 };
  milliseconds: { read: number; write: number };
  multicastInterface: { read: string; write: MulticastInterface };
  sourceMembership: { read: never; write: SourceMembership };
  text: { read: string; write: string };
  uint: { read: number; write: number };
  uint64: { read: bigint; write: bigint };
}

export type Kind = keyof KindTypes;

/** A codec. `encode` throws TypeError or RangeError naming the option; `decode` takes any length and never throws. */
export interface KindCodec<Read, Write> {
  /** The bytes that reading needs room for. */
  readonly sizeBytes: number;
  encode(option: string, value: Write): Uint8Array;
  decode(bytes: Uint8Array): Read;
}

/** Room for the longest name in the tables: that of a congestion control, an interface, a protocol on top. */
const TEXT_BYTES = 16;
/** Room for options whose length the kernel decides. */
const VARIABLE_BYTES = 1024;
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const UINT_MAX = 2 ** 32 - 1;
const UINT64_MAX = 2n ** 64n - 1n;

export const kinds: { readonly [K in Kind]: KindCodec<KindTypes[K]["read"], KindTypes[K]["write"]> } = {
  bool: {
    sizeBytes: 4,
    encode: (option, value) => {
      if (typeof value !== "boolean") throw wrongType(option, "a boolean", value);
      return int32(value ? 1 : 0);
    },
    decode: (bytes) => decodeInt(bytes) !== 0,
  },
  bytes: {
    sizeBytes: VARIABLE_BYTES,
    encode: (option, value) => {
      if (!(value instanceof Uint8Array)) throw wrongType(option, "a Uint8Array", value);
      return value;
    },
    decode: (bytes) => bytes.slice(),
  },
  credentials: {
    sizeBytes: UCRED.size,
    encode: (option, value) => {
      throw wrongType(option, "nothing: it can only be read", value);
    },
    decode: (bytes) => {
      const room = padded(bytes, UCRED.size);
      return { pid: readI32(room, UCRED.pid), uid: readU32(room, UCRED.uid), gid: readU32(room, UCRED.gid) };
    },
  },
  int: {
    sizeBytes: 4,
    encode: (option, value) => int32(integer(option, value, INT_MIN, INT_MAX)),
    decode: decodeInt,
  },
  linger: {
    sizeBytes: LINGER.size,
    encode: (option, value) => {
      if (typeof value?.enabled !== "boolean") throw wrongType(option, "{ enabled: boolean, seconds: number }", value);
      const bytes = new Uint8Array(LINGER.size);
      writeU32(bytes, LINGER.l_onoff, value.enabled ? 1 : 0);
      writeU32(bytes, LINGER.l_linger, integer(`${option}'s seconds`, value.seconds, 0, INT_MAX));
      return bytes;
    },
    decode: (bytes) => {
      const room = padded(bytes, LINGER.size);
      return { enabled: readI32(room, LINGER.l_onoff) !== 0, seconds: readI32(room, LINGER.l_linger) };
    },
  },
  membership: {
    sizeBytes: IP_MREQN.size,
    encode: (option, value) => {
      const bytes = new Uint8Array(IP_MREQN.size);
      bytes.set(encodeIPv4(`${option}'s group`, value?.group), IP_MREQN.imr_multiaddr);
      encodeInterface(option, value, bytes);
      return bytes;
    },
    decode: unreadable,
  },
  membership6: {
    sizeBytes: IPV6_MREQ.size,
    encode: (option, value) => {
      const bytes = new Uint8Array(IPV6_MREQ.size);
      bytes.set(encodeIPv6(`${option}'s group`, value?.group), IPV6_MREQ.ipv6mr_multiaddr);
      const index = integer(`${option}'s interfaceIndex`, value.interfaceIndex ?? 0, 0, INT_MAX);
      writeU32(bytes, IPV6_MREQ.ipv6mr_interface, index);
      return bytes;
    },
    decode: unreadable,
  },
  milliseconds: {
    sizeBytes: TIMEVAL.size,
    encode: (option, value) => {
      if (typeof value !== "number") throw wrongType(option, "a number of milliseconds", value);
      if (!(value >= 0 && value <= INT_MAX)) throw wrongRange(option, `milliseconds from 0 to ${INT_MAX}`, value);
      const bytes = new Uint8Array(TIMEVAL.size);
      const microseconds = Math.round(value * 1000);
      writeU64(bytes, TIMEVAL.tv_sec, BigInt(Math.floor(microseconds / 1e6)));
      writeU64(bytes, TIMEVAL.tv_usec, BigInt(microseconds % 1e6));
      return bytes;
    },
    decode: (bytes) => {
      const room = padded(bytes, TIMEVAL.size);
      return Number(readU64(room, TIMEVAL.tv_sec)) * 1000 + Number(readU64(room, TIMEVAL.tv_usec)) / 1000;
    },
  },
  multicastInterface: {
    sizeBytes: IN_ADDR_BYTES,
    encode: (option, value) => {
      const bytes = new Uint8Array(IP_MREQN.size);
      encodeInterface(option, value, bytes);
      return bytes;
    },
    decode: (bytes) => formatIPv4(padded(bytes, IN_ADDR_BYTES)),
  },
  sourceMembership: {
    sizeBytes: IP_MREQ_SOURCE.size,
    encode: (option, value) => {
      const bytes = new Uint8Array(IP_MREQ_SOURCE.size);
      const interfaceAddress = value?.interfaceAddress ?? "0.0.0.0";
      bytes.set(encodeIPv4(`${option}'s group`, value?.group), IP_MREQ_SOURCE.imr_multiaddr);
      bytes.set(encodeIPv4(`${option}'s source`, value.source), IP_MREQ_SOURCE.imr_sourceaddr);
      bytes.set(encodeIPv4(`${option}'s interfaceAddress`, interfaceAddress), IP_MREQ_SOURCE.imr_interface);
      return bytes;
    },
    decode: unreadable,
  },
  text: {
    sizeBytes: TEXT_BYTES,
    encode: (option, value) => encodeText(option, value, TEXT_BYTES - 1),
    decode: decodeText,
  },
  uint: {
    sizeBytes: 4,
    encode: (option, value) => int32(integer(option, value, 0, UINT_MAX)),
    decode: (bytes) => decodeInt(bytes) >>> 0,
  },
  uint64: {
    sizeBytes: 8,
    encode: (option, value) => {
      if (typeof value !== "bigint") throw wrongType(option, "a bigint", value);
      if (value < 0n || value > UINT64_MAX) throw wrongRange(option, "a bigint from 0 to 2^64 - 1", value);
      const bytes = new Uint8Array(8);
      writeU64(bytes, 0, value);
      return bytes;
    },
    decode: (bytes) => readU64(padded(bytes, 8), 0),
  },
};

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

/** The kernel may answer with fewer bytes than four, as the IP level does for small values. */
function decodeInt(bytes: Uint8Array): number {
  return readI32(padded(bytes, 4), 0);
}

function integer(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") throw wrongType(option, "a number", value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw wrongRange(option, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

function encodeInterface(option: string, value: MulticastInterface, bytes: Uint8Array): void {
  if (typeof value !== "object" || value === null) throw wrongType(option, "an object", value);
  const { interfaceIndex = 0, interfaceAddress = "0.0.0.0" } = value;
  bytes.set(encodeIPv4(`${option}'s interfaceAddress`, interfaceAddress), IP_MREQN.imr_address);
  writeU32(bytes, IP_MREQN.imr_ifindex, integer(`${option}'s interfaceIndex`, interfaceIndex, 0, INT_MAX));
}

function padded(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (bytes.length >= sizeBytes) return bytes;
  const room = new Uint8Array(sizeBytes);
  room.set(bytes);
  return room;
}

/** Options of these kinds are write-only in every table, and `getOption` refuses them. */
function unreadable(): never {
  return undefined as never;
}

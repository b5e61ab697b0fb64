/** Structures at level SOL_SOCKET. */
import {
  decodeSockaddr,
  LINGER,
  MAX_SOCKADDR_BYTES,
  readI32,
  readU32,
  SK_MEMINFO,
  SK_MEMINFO_VARS,
  SO_TIMESTAMPING_STRUCT,
  SOCK_TXTIME,
  type SocketAddress,
  UCRED,
  writeU32,
} from "../../../abi/index.ts";
import { INT_MAX, integer, list, object, padded, UINT_MAX, unreadable, unwritable, wrongType } from "../checks.ts";
import type { KindCodec } from "../codec.ts";
import { wordsOf } from "./numbers.ts";

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

/** SO_DEVMEM_DONTNEED: a run of `count` tokens that the application is done with. */
export interface DeviceMemoryTokens {
  readonly start: number;
  readonly count: number;
}

/** SO_MEMINFO: bytes that the socket uses and may use, and packets dropped, by the kernel's names. sock_diag(7) */
export type SocketMemory = {
  readonly [Name in keyof typeof SK_MEMINFO as Name extends `SK_MEMINFO_${infer Short}`
    ? Lowercase<Short>
    : never]: number;
};

/** SO_TIMESTAMPING: SOF_TIMESTAMPING_ flags, and the index of the PTP clock to bind to. */
export interface Timestamping {
  readonly flags: number;
  readonly phcIndex?: number;
}

/** SO_TXTIME: the clock that departure times are given by, CLOCK_ …, and SOF_TXTIME_ flags. */
export interface TransmitTime {
  readonly clock: number;
  readonly flags: number;
}

/** The kernel takes so many at a time; each is a range. */
const MAX_TOKEN_RUNS = 128;
const TOKEN_RUN_BYTES = 8;
/** Supplementary groups of a process that are not more than usual; the kernel tells where more room is needed. */
const USUAL_GROUPS_BYTES = 256;

export const credentials: KindCodec<Credentials, never> = {
  sizeBytes: UCRED.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, UCRED.size);
    return { pid: readI32(room, UCRED.pid), uid: readU32(room, UCRED.uid), gid: readU32(room, UCRED.gid) };
  },
};

export const groupIds: KindCodec<number[], never> = {
  sizeBytes: USUAL_GROUPS_BYTES,
  encode: unwritable,
  decode: wordsOf,
};

export const linger: KindCodec<Linger, Linger> = {
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
};

export const socketMemory: KindCodec<SocketMemory, never> = {
  sizeBytes: SK_MEMINFO_VARS * 4,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, SK_MEMINFO_VARS * 4);
    const entries = Object.entries(SK_MEMINFO).filter(([, index]) => index < SK_MEMINFO_VARS);
    return Object.fromEntries(
      entries.map(([name, index]) => [name.slice("SK_MEMINFO_".length).toLowerCase(), readU32(room, index * 4)]),
    ) as SocketMemory;
  },
};

export const socketAddress: KindCodec<SocketAddress, never> = {
  sizeBytes: MAX_SOCKADDR_BYTES,
  exactLength: true,
  encode: unwritable,
  decode: (bytes) => decodeSockaddr(bytes),
};

export const timestamping: KindCodec<Timestamping, Timestamping> = {
  sizeBytes: SO_TIMESTAMPING_STRUCT.size,
  encode: (option, value) => {
    const { flags, phcIndex } = object(option, "{ flags: number }", value);
    // Kernels before 5.14 know the flags alone, as an int.
    const bytes = new Uint8Array(phcIndex === undefined ? 4 : SO_TIMESTAMPING_STRUCT.size);
    writeU32(bytes, SO_TIMESTAMPING_STRUCT.flags, integer(`${option}'s flags`, flags, 0, INT_MAX));
    if (phcIndex !== undefined) {
      writeU32(bytes, SO_TIMESTAMPING_STRUCT.bind_phc, integer(`${option}'s phcIndex`, phcIndex, 0, INT_MAX));
    }
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, SO_TIMESTAMPING_STRUCT.size);
    const phcIndex = readI32(room, SO_TIMESTAMPING_STRUCT.bind_phc);
    return { flags: readU32(room, SO_TIMESTAMPING_STRUCT.flags), phcIndex };
  },
};

/** struct dmabuf_token of linux/uio.h, as many as there are runs. */
export const tokens: KindCodec<undefined, readonly DeviceMemoryTokens[]> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const runs = list(option, value, MAX_TOKEN_RUNS);
    const bytes = new Uint8Array(runs.length * TOKEN_RUN_BYTES);
    for (const [i, run] of runs.entries()) {
      const { start, count } = object(`${option}'s run`, "{ start: number, count: number }", run);
      writeU32(bytes, i * TOKEN_RUN_BYTES, integer(`${option}'s start`, start, 0, UINT_MAX));
      writeU32(bytes, i * TOKEN_RUN_BYTES + 4, integer(`${option}'s count`, count, 0, UINT_MAX));
    }
    return bytes;
  },
  decode: unreadable,
};

export const transmitTime: KindCodec<TransmitTime, TransmitTime> = {
  sizeBytes: SOCK_TXTIME.size,
  encode: (option, value) => {
    const { clock, flags } = object(option, "{ clock: number, flags: number }", value);
    const bytes = new Uint8Array(SOCK_TXTIME.size);
    writeU32(bytes, SOCK_TXTIME.clockid, integer(`${option}'s clock`, clock, 0, INT_MAX));
    writeU32(bytes, SOCK_TXTIME.flags, integer(`${option}'s flags`, flags, 0, UINT_MAX));
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, SOCK_TXTIME.size);
    return { clock: readI32(room, SOCK_TXTIME.clockid), flags: readU32(room, SOCK_TXTIME.flags) };
  },
};

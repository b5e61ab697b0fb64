/** Ancillary data that is one number: a table, from which the codec is made. Sorted by level, then by name. */
import {
  IP_CHECKSUM,
  IP_PROTOCOL,
  IP_RECVFRAGSIZE,
  IP_TOS,
  IP_TTL,
  IPV6_DONTFRAG,
  IPV6_FLOWINFO,
  IPV6_HOPLIMIT,
  IPV6_RECVFRAGSIZE,
  IPV6_TCLASS,
  NETLINK_PKTINFO,
  readI32,
  readU16,
  readU32,
  readU64,
  SCM_INQ,
  SCM_TS_OPT_ID,
  SCM_TXTIME,
  SO_MARK,
  SO_PRIORITY,
  SO_RXQ_OVFL,
  SOL_IP,
  SOL_IPV6,
  SOL_NETLINK,
  SOL_SOCKET,
  SOL_TCP,
  SOL_UDP,
  TCP_CM_INQ,
  UDP_GRO,
  UDP_SEGMENT,
  writeU16,
  writeU32,
  writeU64,
} from "../abi/index.ts";

/** How a number lies in memory. `byte` is received as one byte and sent as an int, as IP_TOS is. */
type ScalarKind = "byte" | "int" | "u16" | "u32" | "u32be" | "u64";

interface ScalarRow {
  readonly level: number;
  readonly number: number;
  readonly kind: ScalarKind;
}

/** The names of control messages whose data is one number of at most 32 bits. */
type NumberName =
  | "IP_CHECKSUM"
  | "IP_PROTOCOL"
  | "IP_RECVFRAGSIZE"
  | "IP_TOS"
  | "IP_TTL"
  | "IPV6_DONTFRAG"
  | "IPV6_FLOWINFO"
  | "IPV6_HOPLIMIT"
  | "IPV6_RECVFRAGSIZE"
  | "IPV6_TCLASS"
  | "NETLINK_PKTINFO"
  | "SCM_INQ"
  | "SCM_TS_OPT_ID"
  | "SO_MARK"
  | "SO_PRIORITY"
  | "SO_RXQ_OVFL"
  | "TCP_CM_INQ"
  | "UDP_GRO"
  | "UDP_SEGMENT";

/** The names of control messages whose data is one number. */
export type ScalarName = NumberName | "SCM_TXTIME";

/** Every kind of control message whose data is one number. */
export const SCALARS: { readonly [Name in ScalarName]: ScalarRow } = {
  IP_CHECKSUM: { level: SOL_IP, number: IP_CHECKSUM, kind: "u32" },
  IP_PROTOCOL: { level: SOL_IP, number: IP_PROTOCOL, kind: "int" },
  IP_RECVFRAGSIZE: { level: SOL_IP, number: IP_RECVFRAGSIZE, kind: "int" },
  IP_TOS: { level: SOL_IP, number: IP_TOS, kind: "byte" },
  IP_TTL: { level: SOL_IP, number: IP_TTL, kind: "int" },
  IPV6_DONTFRAG: { level: SOL_IPV6, number: IPV6_DONTFRAG, kind: "int" },
  IPV6_FLOWINFO: { level: SOL_IPV6, number: IPV6_FLOWINFO, kind: "u32be" },
  IPV6_HOPLIMIT: { level: SOL_IPV6, number: IPV6_HOPLIMIT, kind: "int" },
  IPV6_RECVFRAGSIZE: { level: SOL_IPV6, number: IPV6_RECVFRAGSIZE, kind: "int" },
  IPV6_TCLASS: { level: SOL_IPV6, number: IPV6_TCLASS, kind: "int" },
  NETLINK_PKTINFO: { level: SOL_NETLINK, number: NETLINK_PKTINFO, kind: "u32" },
  SCM_INQ: { level: SOL_SOCKET, number: SCM_INQ, kind: "int" },
  SCM_TS_OPT_ID: { level: SOL_SOCKET, number: SCM_TS_OPT_ID, kind: "u32" },
  SCM_TXTIME: { level: SOL_SOCKET, number: SCM_TXTIME, kind: "u64" },
  SO_MARK: { level: SOL_SOCKET, number: SO_MARK, kind: "u32" },
  SO_PRIORITY: { level: SOL_SOCKET, number: SO_PRIORITY, kind: "u32" },
  SO_RXQ_OVFL: { level: SOL_SOCKET, number: SO_RXQ_OVFL, kind: "u32" },
  TCP_CM_INQ: { level: SOL_TCP, number: TCP_CM_INQ, kind: "int" },
  UDP_GRO: { level: SOL_UDP, number: UDP_GRO, kind: "int" },
  UDP_SEGMENT: { level: SOL_UDP, number: UDP_SEGMENT, kind: "u16" },
};

/** A control message whose data is one number: a bigint where it has 64 bits. */
export type ScalarAncillary =
  | { [Name in NumberName]: { readonly type: Name; readonly value: number } }[NumberName]
  | { readonly type: "SCM_TXTIME"; readonly value: bigint };

const RANGES: { readonly [Kind in ScalarKind]: readonly [min: number, max: number] } = {
  byte: [0, 0xff],
  int: [-0x80000000, 0x7fffffff],
  u16: [0, 0xffff],
  u32: [0, 0xffffffff],
  u32be: [0, 0xffffffff],
  u64: [0, 0],
};

/** The bytes of a number. @throws TypeError or RangeError naming the message and what it takes */
export function encodeScalar(name: ScalarName, value: unknown): Uint8Array {
  const { kind } = SCALARS[name];
  if (kind === "u64") return encodeU64(name, value);
  const [min, max] = RANGES[kind];
  if (typeof value !== "number") throw new TypeError(`${name} takes a number, not ${String(value)}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} takes an integer from ${min} to ${max}, not ${value}`);
  }
  const bytes = new Uint8Array(kind === "u16" ? 2 : 4);
  if (kind === "u16") writeU16(bytes, 0, value);
  else writeU32(bytes, 0, value);
  return kind === "u32be" ? bytes.reverse() : bytes;
}

/** The number in the data of a message; undefined where the data is too short for it. */
export function decodeScalar(kind: ScalarKind, data: Uint8Array): number | bigint | undefined {
  const { length } = data;
  switch (kind) {
    case "byte":
      return data[0];
    case "int":
      return length < 4 ? undefined : readI32(data, 0);
    case "u16":
      return length < 2 ? undefined : readU16(data, 0);
    case "u32":
      return length < 4 ? undefined : readU32(data, 0);
    case "u32be":
      return length < 4 ? undefined : readU32(data.slice(0, 4).reverse(), 0);
    case "u64":
      return length < 8 ? undefined : readU64(data, 0);
  }
}

function encodeU64(name: string, value: unknown): Uint8Array {
  if (typeof value !== "bigint") throw new TypeError(`${name} takes a bigint, not ${String(value)}`);
  if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${name} takes 0 to 2^64 - 1, not ${value}`);
  const bytes = new Uint8Array(8);
  writeU64(bytes, 0, value);
  return bytes;
}

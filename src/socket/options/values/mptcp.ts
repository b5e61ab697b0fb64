/** Structures at level SOL_MPTCP: the connection as a whole, and its subflows. */
import {
  decodeSockaddr,
  decodeTcpInfo,
  MPTCP_INFO_STRUCT,
  MPTCP_INFO_STRUCT_SIZES,
  MPTCP_SUBFLOW_ADDRS_STRUCT,
  MPTCP_SUBFLOW_DATA,
  readU32,
  readU64,
  type SocketAddress,
  TCP_INFO_BYTES,
  type TcpInfo,
  writeU32,
} from "../../../abi/index.ts";
import { padded, unwritable } from "../checks.ts";
import type { KindCodec } from "../codec.ts";

type InfoSizes = typeof MPTCP_INFO_STRUCT_SIZES;

/** MPTCP_INFO: a connection's numbers, by their C names without `mptcpi_`; those beyond what the kernel has are absent. */
export type MptcpInfo = {
  readonly [Name in keyof InfoSizes as Name extends `mptcpi_${infer Short}` ? Short : never]?: InfoSizes[Name] extends 8
    ? bigint
    : number;
};

/** MPTCP_SUBFLOW_ADDRS: the ends of a subflow. */
export interface Subflow {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** The kernel allows 8 subflows beside the first. */
const MAX_SUBFLOWS = 9;
/** Newer kernels append fields: room for what is not known yet does no harm. */
const INFO_BYTES = 128;
const ADDRS_BYTES: number = MPTCP_SUBFLOW_ADDRS_STRUCT.size;

export const mptcpInfo: KindCodec<MptcpInfo, never> = {
  sizeBytes: INFO_BYTES,
  encode: unwritable,
  decode: (bytes) => {
    const info: Record<string, number | bigint> = {};
    const offsets: Readonly<Record<string, number>> = MPTCP_INFO_STRUCT;
    for (const [field, size] of Object.entries(MPTCP_INFO_STRUCT_SIZES)) {
      const at = offsets[field] as number;
      if (at + size > bytes.length) break;
      const name = field.slice("mptcpi_".length);
      info[name] = size === 8 ? readU64(bytes, at) : size === 4 ? readU32(bytes, at) : (bytes[at] as number);
    }
    return info as MptcpInfo;
  },
};

export const subflowAddresses: KindCodec<Subflow[], never> = {
  sizeBytes: MPTCP_SUBFLOW_DATA.size + MAX_SUBFLOWS * ADDRS_BYTES,
  encode: unwritable,
  request: () => subflowRequest(ADDRS_BYTES),
  decode: (bytes) =>
    subflows(bytes, ADDRS_BYTES).map((subflow) => ({
      local: decodeSockaddr(subflow, MPTCP_SUBFLOW_ADDRS_STRUCT.ss_local, ADDRS_BYTES / 2),
      remote: decodeSockaddr(subflow, MPTCP_SUBFLOW_ADDRS_STRUCT.ss_remote, ADDRS_BYTES / 2),
    })),
};

export const subflowTcpInfo: KindCodec<TcpInfo[], never> = {
  sizeBytes: MPTCP_SUBFLOW_DATA.size + MAX_SUBFLOWS * TCP_INFO_BYTES,
  encode: unwritable,
  request: () => subflowRequest(TCP_INFO_BYTES),
  decode: (bytes) => subflows(bytes, TCP_INFO_BYTES).map((subflow) => decodeTcpInfo(subflow)),
};

/** The head says how large an element the caller has room for; the kernel answers with how large its own are. */
function subflowRequest(elementBytes: number): Uint8Array {
  const bytes = new Uint8Array(MPTCP_SUBFLOW_DATA.size + MAX_SUBFLOWS * elementBytes);
  writeU32(bytes, MPTCP_SUBFLOW_DATA.size_subflow_data, MPTCP_SUBFLOW_DATA.size);
  writeU32(bytes, MPTCP_SUBFLOW_DATA.size_user, elementBytes);
  return bytes;
}

/** The elements, as far as there is room for them and the kernel filled them. */
function subflows(bytes: Uint8Array, elementBytes: number): Uint8Array[] {
  const head = padded(bytes, MPTCP_SUBFLOW_DATA.size);
  const room = Math.floor((head.length - MPTCP_SUBFLOW_DATA.size) / elementBytes);
  const count = Math.min(readU32(head, MPTCP_SUBFLOW_DATA.num_subflows), room);
  const filled = Math.min(readU32(head, MPTCP_SUBFLOW_DATA.size_kernel), elementBytes);
  return Array.from({ length: count }, (_, i) => {
    const at = MPTCP_SUBFLOW_DATA.size + i * elementBytes;
    return head.subarray(at, at + filled);
  });
}

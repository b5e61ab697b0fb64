/**
 * struct tcp_info, what getsockopt(TCP_INFO) says of a connection. tcp(7)
 *
 * The structure has grown at its end with the kernel, and getsockopt returns as much as the kernel has: 104 bytes of
 * Linux 2.6, 232 of 6.1, 280 of 6.18. A field beyond the length is absent; bytes beyond the known fields are ignored.
 */
import { readU16, readU32, readU64 } from "./byte-order.ts";
import { TCP_INFO_STRUCT, TCP_INFO_STRUCT_SIZES, TCP_INFO_TAIL, TCP_INFO_TAIL_SIZES } from "./generated/layouts.ts";

type FieldSizes = typeof TCP_INFO_STRUCT_SIZES & typeof TCP_INFO_TAIL_SIZES;

/** The fields by their C names without `tcpi_`; the 64-bit ones are bigints, all others numbers. */
type Fields = {
  readonly [Name in keyof FieldSizes as Name extends `tcpi_${infer Short}` ? Short : never]?: FieldSizes[Name] extends 8
    ? bigint
    : number;
};

/**
 * A connection's numbers, by their C names without `tcpi_`. Times are in microseconds (`rto`, `rtt`, `rttvar`,
 * `min_rtt`, `busy_time` ...) except `last_data_sent` and its three neighbours and `total_rto_time`, in milliseconds.
 * `accecn` is the word of bit fields at the end, whose split is not the same in all kernels that have it.
 */
export interface TcpInfo extends Fields {
  readonly snd_wscale?: number;
  readonly rcv_wscale?: number;
  readonly delivery_rate_app_limited?: boolean;
  /** Why the client's Fast Open failed, 0 to 3. Linux 5.5 */
  readonly fastopen_client_fail?: number;
}

interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const FIELDS: readonly Field[] = [
  ...fieldsOf(TCP_INFO_STRUCT, TCP_INFO_STRUCT_SIZES),
  ...fieldsOf(TCP_INFO_TAIL, TCP_INFO_TAIL_SIZES),
];

function fieldsOf(offsets: Readonly<Record<string, number>>, sizes: Readonly<Record<string, number>>): Field[] {
  return Object.entries(sizes).map(([name, size]) => ({
    name: name.slice("tcpi_".length),
    offset: offsets[name]!,
    size,
  }));
}

/** The bytes of bit fields, which have no offset in C: after `tcpi_options` and before `tcpi_rto`. */
const SCALES_OFFSET: number = TCP_INFO_STRUCT.tcpi_options + 1;
const LIMITS_OFFSET: number = TCP_INFO_STRUCT.tcpi_options + 2;

/** Room for every field that is known here. */
export const TCP_INFO_BYTES: number = TCP_INFO_TAIL.size;

/** Decodes the first `length` bytes after an offset, however many a kernel returned. Never throws. */
export function decodeTcpInfo(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset): TcpInfo {
  const available = Math.min(length, bytes.length - offset);
  const info: Record<string, number | bigint | boolean> = {};
  for (const { name, offset: field, size } of FIELDS) {
    if (field + size > available) break;
    const at = offset + field;
    if (size === 8) info[name] = readU64(bytes, at);
    else info[name] = size === 4 ? readU32(bytes, at) : size === 2 ? readU16(bytes, at) : bytes[at]!;
  }
  if (available > LIMITS_OFFSET) {
    const scales = bytes[offset + SCALES_OFFSET]!;
    const limits = bytes[offset + LIMITS_OFFSET]!;
    info.snd_wscale = scales & 0xf;
    info.rcv_wscale = scales >> 4;
    info.delivery_rate_app_limited = (limits & 1) === 1;
    info.fastopen_client_fail = (limits >> 1) & 3;
  }
  return info as TcpInfo;
}

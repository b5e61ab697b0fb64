/**
 * struct sock_extended_err: what the error queue tells of. ip(7) "IP_RECVERR", ipv6(7), and of zero-copy and transmit
 * timestamps the kernel's Documentation/networking/msg_zerocopy.rst and timestamping.rst.
 */
import {
  AF_UNSPEC,
  decodeSockaddr,
  EMSGSIZE,
  ENOMSG,
  encodeSockaddr,
  errnoName,
  readU32,
  SO_EE_CODE_ZEROCOPY_COPIED,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
  SO_EE_ORIGIN_NONE,
  SO_EE_ORIGIN_TIMESTAMPING,
  SO_EE_ORIGIN_TXTIME,
  SO_EE_ORIGIN_ZEROCOPY,
  SOCK_EXTENDED_ERR,
  type SocketAddress,
  writeU32,
} from "../abi/index.ts";

/** Where an entry of the error queue comes from: SO_EE_ORIGIN_ constants by name. */
export type ErrorOrigin = "none" | "local" | "icmp" | "icmp6" | "timestamping" | "zerocopy" | "txtime";

const ORIGINS: { readonly [Origin in ErrorOrigin]: number } = {
  none: SO_EE_ORIGIN_NONE,
  local: SO_EE_ORIGIN_LOCAL,
  icmp: SO_EE_ORIGIN_ICMP,
  icmp6: SO_EE_ORIGIN_ICMP6,
  timestamping: SO_EE_ORIGIN_TIMESTAMPING,
  zerocopy: SO_EE_ORIGIN_ZEROCOPY,
  txtime: SO_EE_ORIGIN_TXTIME,
};

const originNames = new Map<number, ErrorOrigin>(
  Object.entries(ORIGINS).map(([name, number]) => [number, name as ErrorOrigin]),
);

/** One entry of the error queue. The fields below `eeData` are what the numbers mean; encoding needs only those above. */
export interface ExtendedError {
  /** The negative error number, as a SystemError has it; 0 for what is no error, a zero-copy completion. */
  readonly errno: number;
  /** C's name of the error, `ECONNREFUSED`; empty for what is no error. */
  readonly code: string;
  /** An origin without a name is a number. */
  readonly origin: ErrorOrigin | number;
  /** `ee_type`, verbatim: for an ICMP message its type. */
  readonly eeType: number;
  /** `ee_code`, verbatim: for an ICMP message its code. */
  readonly eeCode: number;
  /** `ee_info`, verbatim. */
  readonly eeInfo: number;
  /** `ee_data`, verbatim. */
  readonly eeData: number;
  /** Who reported the error: the router or host that sent the ICMP message. Its port is 0. */
  readonly offender?: SocketAddress | undefined;
  /** The ICMP or ICMPv6 message: RFC 792, RFC 4443. */
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
  /** The path's MTU, of EMSGSIZE. */
  readonly mtuBytes?: number | undefined;
  /** Zero-copy sends that are complete: numbers of the sends, first to last, and whether the kernel copied after all. */
  readonly zeroCopy?: { readonly first: number; readonly last: number; readonly copied: boolean } | undefined;
  /** A transmit timestamp: which moment (SCM_TSTAMP_ constants), and the number of the send (SOF_TIMESTAMPING_OPT_ID). */
  readonly timestamp?: { readonly moment: number; readonly id: number } | undefined;
}

/** The data of a control message of an extended error. @throws RangeError for a number that has no room */
export function encodeExtendedError(error: ExtendedError): Uint8Array {
  const offender = error.offender === undefined ? new Uint8Array(2) : encodeSockaddr(error.offender);
  const bytes = new Uint8Array(SOCK_EXTENDED_ERR.size + offender.length);
  const origin = typeof error.origin === "number" ? error.origin : ORIGINS[error.origin];
  writeU32(bytes, SOCK_EXTENDED_ERR.ee_errno, checkNumber("errno", Math.abs(error.errno), 0x7fffffff));
  bytes[SOCK_EXTENDED_ERR.ee_origin] = checkNumber("origin", origin, 0xff);
  bytes[SOCK_EXTENDED_ERR.ee_type] = checkNumber("eeType", error.eeType, 0xff);
  bytes[SOCK_EXTENDED_ERR.ee_code] = checkNumber("eeCode", error.eeCode, 0xff);
  writeU32(bytes, SOCK_EXTENDED_ERR.ee_info, checkNumber("eeInfo", error.eeInfo, 0xffffffff));
  writeU32(bytes, SOCK_EXTENDED_ERR.ee_data, checkNumber("eeData", error.eeData, 0xffffffff));
  bytes.set(offender, SOCK_EXTENDED_ERR.size);
  return bytes;
}

/** The extended error in the data of a control message; undefined where it is too short for one. */
export function decodeExtendedError(data: Uint8Array): ExtendedError | undefined {
  if (data.length < SOCK_EXTENDED_ERR.size) return undefined;
  const errno = readU32(data, SOCK_EXTENDED_ERR.ee_errno) & 0x7fffffff;
  const originNumber = data[SOCK_EXTENDED_ERR.ee_origin] as number;
  const eeType = data[SOCK_EXTENDED_ERR.ee_type] as number;
  const eeCode = data[SOCK_EXTENDED_ERR.ee_code] as number;
  const eeInfo = readU32(data, SOCK_EXTENDED_ERR.ee_info);
  const eeData = readU32(data, SOCK_EXTENDED_ERR.ee_data);
  const origin = originNames.get(originNumber) ?? originNumber;
  const offender = decodeOffender(data);
  return {
    errno: errno === 0 ? 0 : -errno,
    code: errno === 0 ? "" : errnoName(errno),
    origin,
    eeType,
    eeCode,
    eeInfo,
    eeData,
    ...(offender === undefined ? undefined : { offender }),
    ...(origin === "icmp" || origin === "icmp6" ? { icmp: { type: eeType, code: eeCode } } : undefined),
    ...(errno === EMSGSIZE ? { mtuBytes: eeInfo } : undefined),
    ...(origin === "zerocopy"
      ? { zeroCopy: { first: eeInfo, last: eeData, copied: eeCode === SO_EE_CODE_ZEROCOPY_COPIED } }
      : undefined),
    ...(origin === "timestamping" && errno === ENOMSG ? { timestamp: { moment: eeInfo, id: eeData } } : undefined),
  };
}

/** The address that SO_EE_OFFENDER of ip(7) points to: right behind the struct, of family 0 where there is none. */
function decodeOffender(data: Uint8Array): SocketAddress | undefined {
  const address = decodeSockaddr(data, SOCK_EXTENDED_ERR.size);
  return address.family === "unknown" && address.familyNumber === AF_UNSPEC ? undefined : address;
}

function checkNumber(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${name} of an extended error is an integer from 0 to ${max}, not ${value}`);
}

/** Structures at level SOL_TCP. */
import {
  decodeTcpInfo,
  encodeSockaddr,
  isIPv4,
  isIPv6,
  readI32,
  readU32,
  TCP_INFO_BYTES,
  TCP_MD5SIG_FLAG_IFINDEX,
  TCP_MD5SIG_FLAG_PREFIX,
  TCP_MD5SIG_STRUCT,
  TCP_MD5SIG_STRUCT_SIZES,
  TCP_REPAIR_OPT,
  TCP_REPAIR_WINDOW_STRUCT,
  TCP_ZEROCOPY_RECEIVE_STRUCT,
  type TcpInfo,
  writeU16,
  writeU32,
  writeU64,
} from "../../../abi/index.ts";
import {
  bytesOf,
  INT_MAX,
  integer,
  list,
  object,
  padded,
  UINT_MAX,
  unreadable,
  unwritable,
  wrongRange,
  wrongType,
} from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** TCP_MD5SIG: the key for segments to and from an address; an empty key removes it. RFC 2385 */
export interface Md5Signature {
  readonly address: string;
  readonly key: Uint8Array | string;
}

/** TCP_MD5SIG_EXT: the same for a whole network, or for an address on one interface. */
export interface Md5SignatureExtended extends Md5Signature {
  /** The bits of the address that count. */
  readonly prefixLength?: number;
  readonly interfaceIndex?: number;
}

/** TCP_REPAIR_OPTIONS: an option of the handshake by its kind in the TCP header (2 is the segment size), RFC 9293. */
export interface RepairOption {
  readonly kind: number;
  readonly value: number;
}

/** TCP_REPAIR_WINDOW: struct tcp_repair_window by its own names. */
export interface RepairWindow {
  readonly sendWl1: number;
  readonly sendWindow: number;
  readonly maxWindow: number;
  readonly receiveWindow: number;
  readonly receiveWup: number;
}

/**
 * TCP_ZEROCOPY_RECEIVE: where the pages of what was received shall appear: `lengthBytes` at an address that mmap(2) of
 * this very socket returned.
 */
export interface ZerocopyRequest {
  readonly address: number;
  readonly lengthBytes: number;
}

/** TCP_ZEROCOPY_RECEIVE: what appeared. */
export interface ZerocopyReceived {
  /** The bytes that are mapped now. */
  readonly lengthBytes: number;
  /** The bytes before the next whole page, to be received by recv(2). */
  readonly skipBytes: number;
  /** The bytes that are still queued. */
  readonly queuedBytes: number;
  /** What SO_ERROR would say. */
  readonly error: number;
}

const MAX_KEY_BYTES: number = TCP_MD5SIG_STRUCT_SIZES.tcpm_key;
const MAX_PREFIX_LENGTH = 128;
/** More than a handshake has. */
const MAX_REPAIR_OPTIONS = 16;
const FASTOPEN_KEY_BYTES = 16;
const REPAIR_WINDOW_FIELDS = {
  sendWl1: TCP_REPAIR_WINDOW_STRUCT.snd_wl1,
  sendWindow: TCP_REPAIR_WINDOW_STRUCT.snd_wnd,
  maxWindow: TCP_REPAIR_WINDOW_STRUCT.max_window,
  receiveWindow: TCP_REPAIR_WINDOW_STRUCT.rcv_wnd,
  receiveWup: TCP_REPAIR_WINDOW_STRUCT.rcv_wup,
} as const;

export const tcpInfo: KindCodec<TcpInfo, never> = {
  sizeBytes: TCP_INFO_BYTES,
  encode: unwritable,
  decode: (bytes) => decodeTcpInfo(bytes),
};

export const fastopenKey: KindCodec<Uint8Array, Uint8Array> = {
  sizeBytes: 2 * FASTOPEN_KEY_BYTES,
  encode: (option, value) => {
    const key = bytesOf(option, value);
    if (key.length === FASTOPEN_KEY_BYTES || key.length === 2 * FASTOPEN_KEY_BYTES) return key;
    throw wrongRange(option, "a key of 16 bytes, or two of them", key);
  },
  decode: (bytes) => bytes.slice(),
};

export const md5Signature: KindCodec<undefined, Md5Signature> = {
  sizeBytes: 0,
  encode: encodeMd5,
  decode: unreadable,
};

export const md5SignatureExtended: KindCodec<undefined, Md5SignatureExtended> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = encodeMd5(option, value);
    const { prefixLength, interfaceIndex } = value;
    let flags = 0;
    if (prefixLength !== undefined) {
      flags |= TCP_MD5SIG_FLAG_PREFIX;
      const length = integer(`${option}'s prefixLength`, prefixLength, 0, MAX_PREFIX_LENGTH);
      bytes[TCP_MD5SIG_STRUCT.tcpm_prefixlen] = length;
    }
    if (interfaceIndex !== undefined) {
      flags |= TCP_MD5SIG_FLAG_IFINDEX;
      const index = integer(`${option}'s interfaceIndex`, interfaceIndex, 0, INT_MAX);
      writeU32(bytes, TCP_MD5SIG_STRUCT.tcpm_ifindex, index);
    }
    bytes[TCP_MD5SIG_STRUCT.tcpm_flags] = flags;
    return bytes;
  },
  decode: unreadable,
};

export const repairOptions: KindCodec<undefined, readonly RepairOption[]> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const options = list(option, value, MAX_REPAIR_OPTIONS);
    const bytes = new Uint8Array(options.length * TCP_REPAIR_OPT.size);
    for (const [i, entry] of options.entries()) {
      const { kind, value: number } = object(`${option}'s entry`, "{ kind: number, value: number }", entry);
      const at = i * TCP_REPAIR_OPT.size;
      writeU32(bytes, at + TCP_REPAIR_OPT.opt_code, integer(`${option}'s kind`, kind, 0, 0xff));
      writeU32(bytes, at + TCP_REPAIR_OPT.opt_val, integer(`${option}'s value`, number, 0, UINT_MAX));
    }
    return bytes;
  },
  decode: unreadable,
};

export const repairWindow: KindCodec<RepairWindow, RepairWindow> = {
  sizeBytes: TCP_REPAIR_WINDOW_STRUCT.size,
  encode: (option, value) => {
    const fields = object(option, "what reading it gives", value);
    const bytes = new Uint8Array(TCP_REPAIR_WINDOW_STRUCT.size);
    for (const [name, offset] of Object.entries(REPAIR_WINDOW_FIELDS)) {
      writeU32(bytes, offset, integer(`${option}'s ${name}`, fields[name as keyof RepairWindow], 0, UINT_MAX));
    }
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, TCP_REPAIR_WINDOW_STRUCT.size);
    const entries = Object.entries(REPAIR_WINDOW_FIELDS).map(([name, offset]) => [name, readU32(room, offset)]);
    return Object.fromEntries(entries) as RepairWindow;
  },
};

/**
 * SAFETY: the address is one that mmap(2) of the same socket returned and that stays mapped during the call. The kernel
 * checks that it is, and says EINVAL otherwise: it puts pages there and writes nothing.
 */
export const zerocopyReceive: KindCodec<ZerocopyReceived, never, ZerocopyRequest> = {
  sizeBytes: TCP_ZEROCOPY_RECEIVE_STRUCT.size,
  encode: unwritable,
  request: (option, value) => {
    const { address, lengthBytes } = object(option, "{ address: number, lengthBytes: number }", value);
    const bytes = new Uint8Array(TCP_ZEROCOPY_RECEIVE_STRUCT.size);
    const place = BigInt(integer(`${option}'s address`, address, 0, Number.MAX_SAFE_INTEGER));
    writeU64(bytes, TCP_ZEROCOPY_RECEIVE_STRUCT.address, place);
    const length = integer(`${option}'s lengthBytes`, lengthBytes, 0, INT_MAX);
    writeU32(bytes, TCP_ZEROCOPY_RECEIVE_STRUCT.length, length);
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, TCP_ZEROCOPY_RECEIVE_STRUCT.size);
    return {
      lengthBytes: readU32(room, TCP_ZEROCOPY_RECEIVE_STRUCT.length),
      skipBytes: readU32(room, TCP_ZEROCOPY_RECEIVE_STRUCT.recv_skip_hint),
      queuedBytes: readU32(room, TCP_ZEROCOPY_RECEIVE_STRUCT.inq),
      error: readI32(room, TCP_ZEROCOPY_RECEIVE_STRUCT.err),
    };
  },
};

function encodeMd5(option: string, value: Md5Signature): Uint8Array {
  const { address, key } = object(option, "{ address: string, key: Uint8Array | string }", value);
  const secret = typeof key === "string" ? new TextEncoder().encode(key) : bytesOf(`${option}'s key`, key);
  if (secret.length > MAX_KEY_BYTES) throw wrongRange(`${option}'s key`, `at most ${MAX_KEY_BYTES} bytes`, secret);
  const bytes = new Uint8Array(TCP_MD5SIG_STRUCT.size);
  putPeer(`${option}'s address`, address, bytes);
  writeU16(bytes, TCP_MD5SIG_STRUCT.tcpm_keylen, secret.length);
  bytes.set(secret, TCP_MD5SIG_STRUCT.tcpm_key);
  return bytes;
}

function putPeer(what: string, address: unknown, bytes: Uint8Array): void {
  if (typeof address !== "string") throw wrongType(what, "the text of an address", address);
  const at = TCP_MD5SIG_STRUCT.tcpm_addr;
  if (isIPv4(address)) encodeSockaddr({ family: "inet", address, port: 0 }, bytes, at);
  else if (isIPv6(address)) encodeSockaddr({ family: "inet6", address, port: 0 }, bytes, at);
  else throw wrongRange(what, "the text of an address", address);
}

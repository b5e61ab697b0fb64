/** Ancillary data with more in it than one number: what each kind tells, and how it lies in memory. */
import {
  decodeSockaddr,
  encodeSockaddr,
  formatIPv4,
  formatIPv6,
  IN_PKTINFO,
  IN6_PKTINFO,
  IP_ORIGDSTADDR,
  IP_PKTINFO,
  IP_RECVERR,
  IP6_MTUINFO,
  IPV6_ORIGDSTADDR,
  IPV6_PATHMTU,
  IPV6_PKTINFO,
  IPV6_RECVERR,
  PACKET_AUXDATA,
  PACKET_TX_TIMESTAMP,
  parseIPv4,
  parseIPv6,
  readI32,
  readU16,
  readU32,
  readU64,
  SCM_CREDENTIALS,
  SCM_PIDFD,
  SCM_RIGHTS,
  SCM_SECURITY,
  SCM_TIMESTAMPING_STRUCT,
  SO_TIMESTAMP,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPING,
  SO_TIMESTAMPING_NEW,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SOL_IP,
  SOL_IPV6,
  SOL_PACKET,
  SOL_SOCKET,
  SOL_VSOCK,
  type SocketAddress,
  TIMESPEC,
  TPACKET_AUXDATA,
  UCRED,
  VSOCK_RECVERR,
  writeU16,
  writeU32,
  writeU64,
} from "../abi/index.ts";
import { decodeExtendedError, type ExtendedError, encodeExtendedError } from "./ancillary-error.ts";

/** Ancillary data with more in it than one number. */
export interface Structs {
  /** Where a datagram was sent to before it was redirected here. ip(7) "IP_RECVORIGDSTADDR" */
  IP_ORIGDSTADDR: { readonly address: SocketAddress };
  /** Received: the interface and the addresses of a datagram. To be sent: which to use. ip(7) */
  IP_PKTINFO: {
    /** 0: the routing table's choice. */
    readonly interfaceIndex: number;
    /** The own address: `ipi_spec_dst`. Absent when sending: the routing table's choice. */
    readonly localAddress?: string;
    /** The destination in the header: `ipi_addr`. Ignored when sending. */
    readonly destinationAddress?: string;
  };
  /** An entry of the error queue. ip(7) */
  IP_RECVERR: ExtendedError;
  IPV6_ORIGDSTADDR: { readonly address: SocketAddress };
  /** The path to an address takes only packets of this size. RFC 3542 section 11.3 */
  IPV6_PATHMTU: { readonly address: SocketAddress; readonly mtuBytes: number };
  /** Received: the interface and the destination. To be sent: the interface and the source to use. RFC 3542 section 6 */
  IPV6_PKTINFO: { readonly interfaceIndex: number; readonly localAddress: string };
  /** An entry of the error queue. ipv6(7) */
  IPV6_RECVERR: ExtendedError;
  /** What a packet socket knows of a packet. packet(7) */
  PACKET_AUXDATA: {
    /** TP_STATUS_ bits. */
    readonly status: number;
    readonly lengthBytes: number;
    readonly capturedBytes: number;
    readonly macOffset: number;
    readonly networkOffset: number;
    readonly vlanTci: number;
    readonly vlanTpid: number;
  };
  /** An entry of a packet socket's error queue. */
  PACKET_TX_TIMESTAMP: ExtendedError;
  /** Who sent, as the kernel has checked. unix(7) */
  SCM_CREDENTIALS: { readonly pid: number; readonly uid: number; readonly gid: number };
  /** A descriptor of the sending process, for pidfd_open(2)'s uses: the receiver owns it. -1 where the kernel had none. */
  SCM_PIDFD: { readonly pidfd: number };
  /** Descriptors. Sent: the sender keeps its own. Received: new ones. unix(7) */
  SCM_RIGHTS: { readonly descriptors: readonly number[] };
  /** The sender's security label. unix(7) */
  SCM_SECURITY: { readonly context: string };
  /** When the packet was received, to the microsecond. socket(7) */
  SO_TIMESTAMP: { readonly unixNs: bigint };
  SO_TIMESTAMP_NEW: { readonly unixNs: bigint };
  /** When the packet was received or sent, by which clock; a clock that did not tell is absent. */
  SO_TIMESTAMPING: { readonly softwareNs?: bigint; readonly hardwareNs?: bigint };
  SO_TIMESTAMPING_NEW: { readonly softwareNs?: bigint; readonly hardwareNs?: bigint };
  /** To be sent: which timestamps to take of this message, SOF_TIMESTAMPING_TX_ bits. */
  SO_TIMESTAMPING_FLAGS: { readonly flags: number };
  /** When the packet was received, to the nanosecond. socket(7) */
  SO_TIMESTAMPNS: { readonly unixNs: bigint };
  SO_TIMESTAMPNS_NEW: { readonly unixNs: bigint };
  /** An entry of a vsock socket's error queue. */
  VSOCK_RECVERR: ExtendedError;
}

/** The names of these kinds. */
export type StructName = keyof Structs;
/** Ancillary data with more in it than one number, tagged by its name. */
export type StructAncillary = { [Name in StructName]: { readonly type: Name } & Structs[Name] }[StructName];

/** How one kind of message lies in memory. */
export interface AncillaryCodec<Fields> {
  readonly level: number;
  readonly number: number;
  encode(fields: Fields): Uint8Array;
  /** Undefined where the data is none of this kind. */
  decode(data: Uint8Array): Fields | undefined;
}

const NS_PER_SECOND = 1_000_000_000n;
/** The hardware's stamp is the third of struct scm_timestamping; the second is out of use. */
const HARDWARE_STAMP = 2 * TIMESPEC.size;

export const STRUCTS: { readonly [Name in StructName]: AncillaryCodec<Structs[Name]> } = {
  IP_ORIGDSTADDR: addressCodec(SOL_IP, IP_ORIGDSTADDR),
  IP_PKTINFO: {
    level: SOL_IP,
    number: IP_PKTINFO,
    encode: ({ interfaceIndex, localAddress = "0.0.0.0", destinationAddress = "0.0.0.0" }) => {
      const bytes = new Uint8Array(IN_PKTINFO.size);
      writeU32(bytes, IN_PKTINFO.ipi_ifindex, whole("interfaceIndex", interfaceIndex, 0x7fffffff));
      bytes.set(parseIPv4(localAddress), IN_PKTINFO.ipi_spec_dst);
      bytes.set(parseIPv4(destinationAddress), IN_PKTINFO.ipi_addr);
      return bytes;
    },
    decode: (data) =>
      data.length < IN_PKTINFO.size
        ? undefined
        : {
            interfaceIndex: readI32(data, IN_PKTINFO.ipi_ifindex),
            localAddress: formatIPv4(data, IN_PKTINFO.ipi_spec_dst),
            destinationAddress: formatIPv4(data, IN_PKTINFO.ipi_addr),
          },
  },
  IP_RECVERR: errorCodec(SOL_IP, IP_RECVERR),
  IPV6_ORIGDSTADDR: addressCodec(SOL_IPV6, IPV6_ORIGDSTADDR),
  IPV6_PATHMTU: {
    level: SOL_IPV6,
    number: IPV6_PATHMTU,
    encode: ({ address, mtuBytes }) => {
      const bytes = new Uint8Array(IP6_MTUINFO.size);
      encodeSockaddr(address, bytes.subarray(0, IP6_MTUINFO.ip6m_mtu), IP6_MTUINFO.ip6m_addr);
      writeU32(bytes, IP6_MTUINFO.ip6m_mtu, whole("mtuBytes", mtuBytes, 0xffffffff));
      return bytes;
    },
    decode: (data) =>
      data.length < IP6_MTUINFO.size
        ? undefined
        : {
            address: decodeSockaddr(data, IP6_MTUINFO.ip6m_addr, IP6_MTUINFO.ip6m_mtu),
            mtuBytes: readU32(data, IP6_MTUINFO.ip6m_mtu),
          },
  },
  IPV6_PKTINFO: {
    level: SOL_IPV6,
    number: IPV6_PKTINFO,
    encode: ({ interfaceIndex, localAddress }) => {
      const bytes = new Uint8Array(IN6_PKTINFO.size);
      bytes.set(parseIPv6(localAddress), IN6_PKTINFO.ipi6_addr);
      writeU32(bytes, IN6_PKTINFO.ipi6_ifindex, whole("interfaceIndex", interfaceIndex, 0x7fffffff));
      return bytes;
    },
    decode: (data) =>
      data.length < IN6_PKTINFO.size
        ? undefined
        : {
            interfaceIndex: readI32(data, IN6_PKTINFO.ipi6_ifindex),
            localAddress: formatIPv6(data, IN6_PKTINFO.ipi6_addr),
          },
  },
  IPV6_RECVERR: errorCodec(SOL_IPV6, IPV6_RECVERR),
  PACKET_AUXDATA: {
    level: SOL_PACKET,
    number: PACKET_AUXDATA,
    encode: (fields) => {
      const bytes = new Uint8Array(TPACKET_AUXDATA.size);
      writeU32(bytes, TPACKET_AUXDATA.tp_status, whole("status", fields.status, 0xffffffff));
      writeU32(bytes, TPACKET_AUXDATA.tp_len, whole("lengthBytes", fields.lengthBytes, 0xffffffff));
      writeU32(bytes, TPACKET_AUXDATA.tp_snaplen, whole("capturedBytes", fields.capturedBytes, 0xffffffff));
      writeU16(bytes, TPACKET_AUXDATA.tp_mac, whole("macOffset", fields.macOffset, 0xffff));
      writeU16(bytes, TPACKET_AUXDATA.tp_net, whole("networkOffset", fields.networkOffset, 0xffff));
      writeU16(bytes, TPACKET_AUXDATA.tp_vlan_tci, whole("vlanTci", fields.vlanTci, 0xffff));
      writeU16(bytes, TPACKET_AUXDATA.tp_vlan_tpid, whole("vlanTpid", fields.vlanTpid, 0xffff));
      return bytes;
    },
    decode: (data) =>
      data.length < TPACKET_AUXDATA.size
        ? undefined
        : {
            status: readU32(data, TPACKET_AUXDATA.tp_status),
            lengthBytes: readU32(data, TPACKET_AUXDATA.tp_len),
            capturedBytes: readU32(data, TPACKET_AUXDATA.tp_snaplen),
            macOffset: readU16(data, TPACKET_AUXDATA.tp_mac),
            networkOffset: readU16(data, TPACKET_AUXDATA.tp_net),
            vlanTci: readU16(data, TPACKET_AUXDATA.tp_vlan_tci),
            vlanTpid: readU16(data, TPACKET_AUXDATA.tp_vlan_tpid),
          },
  },
  PACKET_TX_TIMESTAMP: errorCodec(SOL_PACKET, PACKET_TX_TIMESTAMP),
  SCM_CREDENTIALS: {
    level: SOL_SOCKET,
    number: SCM_CREDENTIALS,
    encode: ({ pid, uid, gid }) => {
      const bytes = new Uint8Array(UCRED.size);
      writeU32(bytes, UCRED.pid, whole("pid", pid, 0x7fffffff));
      writeU32(bytes, UCRED.uid, whole("uid", uid, 0xffffffff));
      writeU32(bytes, UCRED.gid, whole("gid", gid, 0xffffffff));
      return bytes;
    },
    decode: (data) =>
      data.length < UCRED.size
        ? undefined
        : { pid: readI32(data, UCRED.pid), uid: readU32(data, UCRED.uid), gid: readU32(data, UCRED.gid) },
  },
  SCM_PIDFD: {
    level: SOL_SOCKET,
    number: SCM_PIDFD,
    encode: ({ pidfd }) => encodeDescriptors([pidfd], -1),
    decode: (data) => (data.length < 4 ? undefined : { pidfd: readI32(data, 0) }),
  },
  SCM_RIGHTS: {
    level: SOL_SOCKET,
    number: SCM_RIGHTS,
    encode: ({ descriptors }) => encodeDescriptors(descriptors, 0),
    decode: (data) => {
      const descriptors: number[] = [];
      for (let at = 0; at + 4 <= data.length; at += 4) descriptors.push(readI32(data, at));
      return { descriptors };
    },
  },
  SCM_SECURITY: {
    level: SOL_SOCKET,
    number: SCM_SECURITY,
    encode: ({ context }) => new TextEncoder().encode(context),
    decode: (data) => ({ context: new TextDecoder("utf-8", { ignoreBOM: true }).decode(data) }),
  },
  SO_TIMESTAMP: stampCodec(SO_TIMESTAMP, 1000n),
  SO_TIMESTAMP_NEW: stampCodec(SO_TIMESTAMP_NEW, 1000n),
  SO_TIMESTAMPING: stampsCodec(SO_TIMESTAMPING),
  SO_TIMESTAMPING_NEW: stampsCodec(SO_TIMESTAMPING_NEW),
  SO_TIMESTAMPING_FLAGS: {
    level: SOL_SOCKET,
    number: SO_TIMESTAMPING,
    encode: ({ flags }) => {
      const bytes = new Uint8Array(4);
      writeU32(bytes, 0, whole("flags", flags, 0xffffffff));
      return bytes;
    },
    decode: (data) => (data.length === 4 ? { flags: readU32(data, 0) } : undefined),
  },
  SO_TIMESTAMPNS: stampCodec(SO_TIMESTAMPNS, 1n),
  SO_TIMESTAMPNS_NEW: stampCodec(SO_TIMESTAMPNS_NEW, 1n),
  VSOCK_RECVERR: errorCodec(SOL_VSOCK, VSOCK_RECVERR),
};

function addressCodec(level: number, number: number): AncillaryCodec<{ readonly address: SocketAddress }> {
  return {
    level,
    number,
    encode: ({ address }) => encodeSockaddr(address),
    decode: (data) => ({ address: decodeSockaddr(data) }),
  };
}

function errorCodec(level: number, number: number): AncillaryCodec<ExtendedError> {
  return { level, number, encode: encodeExtendedError, decode: decodeExtendedError };
}

/** struct timeval or timespec: old and new are the same where time has 64 bits. */
function stampCodec(number: number, unitNs: bigint): AncillaryCodec<{ readonly unixNs: bigint }> {
  return {
    level: SOL_SOCKET,
    number,
    encode: ({ unixNs }) => {
      const bytes = new Uint8Array(TIMESPEC.size);
      writeStamp(bytes, 0, unixNs, unitNs);
      return bytes;
    },
    decode: (data) => (data.length < TIMESPEC.size ? undefined : { unixNs: readStamp(data, 0, unitNs) }),
  };
}

function stampsCodec(number: number): AncillaryCodec<{ readonly softwareNs?: bigint; readonly hardwareNs?: bigint }> {
  return {
    level: SOL_SOCKET,
    number,
    encode: ({ softwareNs = 0n, hardwareNs = 0n }) => {
      const bytes = new Uint8Array(SCM_TIMESTAMPING_STRUCT.size);
      writeStamp(bytes, 0, softwareNs, 1n);
      writeStamp(bytes, HARDWARE_STAMP, hardwareNs, 1n);
      return bytes;
    },
    decode: (data) => {
      if (data.length < SCM_TIMESTAMPING_STRUCT.size) return undefined;
      const softwareNs = readStamp(data, 0, 1n);
      const hardwareNs = readStamp(data, HARDWARE_STAMP, 1n);
      return {
        ...(softwareNs === 0n ? undefined : { softwareNs }),
        ...(hardwareNs === 0n ? undefined : { hardwareNs }),
      };
    },
  };
}

function readStamp(data: Uint8Array, offset: number, unitNs: bigint): bigint {
  const seconds = BigInt.asIntN(64, readU64(data, offset + TIMESPEC.tv_sec));
  const units = BigInt.asIntN(64, readU64(data, offset + TIMESPEC.tv_nsec));
  return seconds * NS_PER_SECOND + units * unitNs;
}

function writeStamp(bytes: Uint8Array, offset: number, unixNs: bigint, unitNs: bigint): void {
  if (typeof unixNs !== "bigint") throw new TypeError(`a timestamp is a bigint of nanoseconds, not ${String(unixNs)}`);
  // The part below a second is never negative, so round down.
  const rest = ((unixNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const seconds = (unixNs - rest) / NS_PER_SECOND;
  if (BigInt.asIntN(64, seconds) !== seconds) throw new RangeError(`timestamp ${unixNs} is beyond 64 bits of seconds`);
  writeU64(bytes, offset + TIMESPEC.tv_sec, seconds);
  writeU64(bytes, offset + TIMESPEC.tv_nsec, rest / unitNs);
}

function encodeDescriptors(descriptors: readonly number[], min: number): Uint8Array {
  const bytes = new Uint8Array(4 * descriptors.length);
  descriptors.forEach((fd, index) => {
    if (!Number.isInteger(fd) || fd < min || fd > 0x7fffffff) {
      throw new RangeError(`a descriptor is an integer from ${min} up, not ${fd}`);
    }
    writeU32(bytes, 4 * index, fd);
  });
  return bytes;
}

function whole(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${name} is an integer from 0 to ${max}, not ${value}`);
}

/** The kinds of option values, by the names that the tables use: what TypeScript knows of each, and its codec. */
import type { SocketAddress, TcpInfo } from "../../abi/index.ts";
import type { KindCodec } from "./codec.ts";
import { type BpfInstruction, type BpfProgram, program, readProgram } from "./values/filter.ts";
import {
  type FlowLabel,
  type FlowLabelQuery,
  flowLabel,
  type PacketInfo6,
  type PathMtu,
  packetInfo6,
  pathMtu,
} from "./values/ip6.ts";
import { type MptcpInfo, mptcpInfo, type Subflow, subflowAddresses, subflowTcpInfo } from "./values/mptcp.ts";
import {
  type GroupFilter,
  type GroupMembership,
  type GroupSourceMembership,
  groupFilter,
  groupMembership,
  groupSource,
  type Membership,
  type Membership6,
  type MulticastInterface,
  membership,
  membership6,
  multicastInterface,
  type SourceFilter,
  type SourceFilterQuery,
  type SourceMembership,
  sourceFilter,
  sourceMembership,
} from "./values/multicast.ts";
import {
  action,
  bitSet,
  bool,
  bytes,
  descriptor,
  int,
  label,
  milliseconds,
  networkIndex,
  type PortRange,
  portRange,
  text,
  uint,
  uint64,
} from "./values/numbers.ts";
import {
  type Fanout,
  fanout,
  fanoutData,
  headerLength,
  type PacketMembership,
  type PacketRing,
  type PacketStatistics,
  packetMembership,
  packetRing,
  packetStatistics,
  type RolloverStatistics,
  rolloverStatistics,
} from "./values/packet.ts";
import {
  type Credentials,
  credentials,
  type DeviceMemoryTokens,
  groupIds,
  type Linger,
  linger,
  type SocketMemory,
  socketAddress,
  socketMemory,
  type Timestamping,
  type TransmitTime,
  timestamping,
  tokens,
  transmitTime,
} from "./values/socket.ts";
import {
  fastopenKey,
  type Md5Signature,
  type Md5SignatureExtended,
  md5Signature,
  md5SignatureExtended,
  type RepairOption,
  type RepairWindow,
  repairOptions,
  repairWindow,
  tcpInfo,
  type ZerocopyReceived,
  type ZerocopyRequest,
  zerocopyReceive,
} from "./values/tcp.ts";
import {
  type XdpMemory,
  type XdpOffsets,
  type XdpStatistics,
  xdpMemory,
  xdpOffsets,
  xdpStatistics,
} from "./values/xdp.ts";

/**
 * What TypeScript knows of each kind: the type that is read, the type that is written, and of those whose reading takes
 * an argument, what that is.
 */
export interface KindTypes {
  action: { read: never; write: true };
  bool: { read: boolean; write: boolean };
  bytes: { read: Uint8Array; write: Uint8Array };
  credentials: { read: Credentials; write: never };
  descriptor: { read: number; write: number };
  fanout: { read: Fanout; write: Fanout };
  fanoutData: { read: never; write: BpfProgram | number };
  fastopenKey: { read: Uint8Array; write: Uint8Array };
  flowLabel: { read: FlowLabel; write: FlowLabel; argument: FlowLabelQuery | undefined };
  groupFilter: { read: GroupFilter; write: GroupFilter; argument: GroupMembership };
  groupIds: { read: number[]; write: never };
  groupMembership: { read: never; write: GroupMembership };
  groupSource: { read: never; write: GroupSourceMembership };
  headerLength: { read: number; write: never; argument: number };
  icmpTypes: { read: readonly number[]; write: readonly number[] };
  icmp6Types: { read: readonly number[]; write: readonly number[] };
  int: { read: number; write: number };
  label: { read: string; write: never };
  linger: { read: Linger; write: Linger };
  md5Signature: { read: never; write: Md5Signature };
  md5SignatureExtended: { read: never; write: Md5SignatureExtended };
  membership: { read: never; write: Membership };
  membership6: { read: never; write: Membership6 };
  milliseconds: { read: number; write: number };
  mptcpInfo: { read: MptcpInfo; write: never };
  multicastInterface: { read: string; write: MulticastInterface };
  netlinkGroups: { read: readonly number[]; write: never };
  networkIndex: { read: number; write: number };
  packetInfo6: { read: PacketInfo6; write: PacketInfo6 };
  packetMembership: { read: never; write: PacketMembership };
  packetRing: { read: never; write: PacketRing };
  packetStatistics: { read: PacketStatistics; write: never };
  pathMtu: { read: PathMtu; write: never };
  portRange: { read: PortRange; write: PortRange };
  program: { read: never; write: BpfProgram };
  readProgram: { read: BpfInstruction[]; write: never };
  repairOptions: { read: never; write: readonly RepairOption[] };
  repairWindow: { read: RepairWindow; write: RepairWindow };
  rolloverStatistics: { read: RolloverStatistics; write: never };
  socketAddress: { read: SocketAddress; write: never };
  socketMemory: { read: SocketMemory; write: never };
  sourceFilter: { read: SourceFilter; write: SourceFilter; argument: SourceFilterQuery };
  sourceMembership: { read: never; write: SourceMembership };
  subflowAddresses: { read: Subflow[]; write: never };
  subflowTcpInfo: { read: TcpInfo[]; write: never };
  tcpInfo: { read: TcpInfo; write: never };
  text: { read: string; write: string };
  timestamping: { read: Timestamping; write: Timestamping };
  tokens: { read: never; write: readonly DeviceMemoryTokens[] };
  transmitTime: { read: TransmitTime; write: TransmitTime };
  uint: { read: number; write: number };
  uint64: { read: bigint; write: bigint };
  xdpMemory: { read: never; write: XdpMemory };
  xdpOffsets: { read: XdpOffsets; write: never };
  xdpStatistics: { read: XdpStatistics; write: never };
  zerocopyReceive: { read: ZerocopyReceived; write: never; argument: ZerocopyRequest };
}

export type Kind = keyof KindTypes;

type CodecOf<K extends Kind> = KindCodec<
  KindTypes[K]["read"] | undefined,
  KindTypes[K]["write"],
  KindTypes[K] extends { argument: infer Argument } ? Argument : undefined
>;

/** ICMP has types 0 to 31 that a filter knows; ICMPv6 has 256. raw(7), RFC 3542 section 3.2 */
const ICMP_FILTER_BYTES = 4;
const ICMP6_FILTER_BYTES = 32;
/** Room for the groups 1 to 1024 of a netlink family. */
const NETLINK_GROUPS_BYTES = 128;

const groupBits = bitSet(NETLINK_GROUPS_BYTES);

export const kinds: { readonly [K in Kind]: CodecOf<K> } = {
  action,
  bool,
  bytes,
  credentials,
  descriptor,
  fanout,
  fanoutData,
  fastopenKey,
  flowLabel,
  groupFilter,
  groupIds,
  groupMembership,
  groupSource,
  headerLength,
  icmpTypes: bitSet(ICMP_FILTER_BYTES),
  icmp6Types: bitSet(ICMP6_FILTER_BYTES),
  int,
  label,
  linger,
  md5Signature,
  md5SignatureExtended,
  membership,
  membership6,
  milliseconds,
  mptcpInfo,
  multicastInterface,
  // Bit 0 is group 1. netlink(7)
  netlinkGroups: { ...groupBits, decode: (words) => (groupBits.decode(words) ?? []).map((bit) => bit + 1) },
  networkIndex,
  packetInfo6,
  packetMembership,
  packetRing,
  packetStatistics,
  pathMtu,
  portRange,
  program,
  readProgram,
  repairOptions,
  repairWindow,
  rolloverStatistics,
  socketAddress,
  socketMemory,
  sourceFilter,
  sourceMembership,
  subflowAddresses,
  subflowTcpInfo,
  tcpInfo,
  text,
  timestamping,
  tokens,
  transmitTime,
  uint,
  uint64,
  xdpMemory,
  xdpOffsets,
  xdpStatistics,
  zerocopyReceive,
};

/** Berkeley sockets: the class, helpers that connect and listen, options by name, and streams over sockets. */
export type {
  Inet6Address,
  InetAddress,
  NetlinkAddress,
  PacketAddress,
  SocketAddress,
  UnixAddress,
  UnknownAddress,
  VsockAddress,
} from "../abi/index.ts";
export {
  type ConnectionsOptions,
  FIRST_SHORTAGE_PAUSE_MS,
  LONGEST_SHORTAGE_PAUSE_MS,
  SHORTAGE_WARNING_MS,
} from "./accepting.ts";
export {
  type ActivatedSocket,
  activatedSockets,
  type SpawnActivatedOptions,
  spawnActivated,
} from "./activation.ts";
export { type AddressLike, formatAddress } from "./address.ts";
export type { Ancillary, AncillaryOf, RawAncillary } from "./ancillary.ts";
export { ancillaryTypes, decodeAncillary, encodeAncillary } from "./ancillary.ts";
export type { ErrorOrigin, ExtendedError } from "./ancillary-error.ts";
export { DatagramBatch, type DatagramVisitor, MAX_SEGMENTS } from "./batch.ts";
export { BatchAddress } from "./batch-address.ts";
export { type BatchOptions, MAX_BATCH } from "./batch-memory.ts";
export { type Cause, causeOf, listCauses } from "./causes.ts";
export { type ConnectOptions, connect, connectSync } from "./connect.ts";
export { connectByName, type NameConnectOptions } from "./connect-by-name.ts";
export { ConnectError } from "./connect-error.ts";
export type { ReceiveDescriptorsOptions, ReceivedDescriptors } from "./descriptors.ts";
export {
  MAX_INHERITED,
  type SpawnWithSocketsOptions,
  type StandardStream,
  spawnWithSockets,
} from "./descriptors-spawn.ts";
export { type Descriptor, type NodeSocket, type SocketState, sockfd_to_family } from "./descriptors-state.ts";
export { type Endpoint, formatEndpoint, type NamedEndpoint, parseEndpoint, type Transport } from "./endpoint.ts";
export { checked, isSystemError, SystemError, type SystemErrorDetails } from "./errors.ts";
export { probeSockets, type SocketSupport } from "./families.ts";
export type { ShutdownDirection } from "./handle.ts";
export { type ListenOptions, listen, listenSync } from "./listen.ts";
export { listenGroup, listenGroupSync, MAX_GROUP_SIZE } from "./listen-group.ts";
export * from "./lookup.ts";
export { closeDescriptors, type Message, type MessageRoom, ReceivedMessage } from "./message.ts";
export type { ErrorReport } from "./message-errors.ts";
export { MAX_BUFFERS, MAX_CONTROL_BYTES } from "./message-header.ts";
export { MAX_DESCRIPTORS } from "./message-operations.ts";
export type { ZeroCopyOptions } from "./message-socket.ts";
export { MAX_ZEROCOPY_SENDS, type ZeroCopySend } from "./message-zerocopy.ts";
export type { FamilyName, TypeName } from "./names.ts";
export type { Bytes, Datagram } from "./operations.ts";
export type { OptionMoment } from "./options/row.ts";
export type { BpfInstruction, BpfProgram } from "./options/values/filter.ts";
export type { FlowLabel, FlowLabelQuery, PacketInfo6, PathMtu } from "./options/values/ip6.ts";
export type { MptcpInfo, Subflow } from "./options/values/mptcp.ts";
export type {
  GroupFilter,
  GroupMembership,
  GroupSourceMembership,
  Membership,
  Membership6,
  MulticastInterface,
  SourceFilter,
  SourceFilterMode,
  SourceFilterQuery,
  SourceMembership,
} from "./options/values/multicast.ts";
export type { PortRange } from "./options/values/numbers.ts";
export type {
  Fanout,
  PacketMembership,
  PacketRing,
  PacketStatistics,
  RolloverStatistics,
} from "./options/values/packet.ts";
export type {
  Credentials,
  DeviceMemoryTokens,
  Linger,
  SocketMemory,
  Timestamping,
  TransmitTime,
} from "./options/values/socket.ts";
export type {
  Md5Signature,
  Md5SignatureExtended,
  RepairOption,
  RepairWindow,
  ZerocopyReceived,
  ZerocopyRequest,
} from "./options/values/tcp.ts";
export type { XdpMemory, XdpOffsets, XdpRingOffsets, XdpStatistics } from "./options/values/xdp.ts";
export {
  type AnyOption,
  type Option,
  type OptionArgument,
  type OptionName,
  type OptionReadValue,
  type OptionValues,
  type OptionWriteValue,
  options,
  type WritableOptionName,
} from "./options.ts";
export {
  type ConnectOutcome,
  type Readiness,
  Socket,
  type SyncTransferOptions,
  type SyncWaitOptions,
  type TransferOptions,
} from "./socket.ts";
export { type DuplexOptions, toDuplex, toWeb, type WebStreams } from "./streams.ts";
export type { ConnectionInfo } from "./tcp-info.ts";
export { IncompleteReadError } from "./transfer.ts";
export { type ReaderOptions, type ReaderUntilOptions, SocketReader } from "./transfer-reader.ts";
export { DEFAULT_UNTIL_BYTES, type FileLike, type UntilOptions } from "./transfer-socket.ts";
export type { Direction, Operation, WaitOptions } from "./waits.ts";

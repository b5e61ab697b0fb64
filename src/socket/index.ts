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
export { type AddressLike, formatAddress } from "./address.ts";
export { causeOf } from "./causes.ts";
export { type ConnectOptions, connect, connectSync } from "./connect.ts";
export { connectByName, type NameConnectOptions } from "./connect-by-name.ts";
export { ConnectError } from "./connect-error.ts";
export { type Endpoint, formatEndpoint, type NamedEndpoint, parseEndpoint, type Transport } from "./endpoint.ts";
export { checked, isSystemError, SystemError, type SystemErrorDetails } from "./errors.ts";
export type { ShutdownDirection } from "./handle.ts";
export { type ListenOptions, listen, listenSync } from "./listen.ts";
export * from "./lookup.ts";
export type { FamilyName, TypeName } from "./names.ts";
export type { Bytes, Datagram } from "./operations.ts";
export type {
  Credentials,
  Linger,
  Membership,
  Membership6,
  MulticastInterface,
  SourceMembership,
} from "./options/kinds.ts";
export {
  type Option,
  type OptionName,
  type OptionReadValue,
  type OptionValues,
  type OptionWriteValue,
  options,
} from "./options.ts";
export {
  type Readiness,
  Socket,
  type SyncTransferOptions,
  type SyncWaitOptions,
  type TransferOptions,
} from "./socket.ts";
export { type DuplexOptions, toDuplex, toWeb, type WebStreams } from "./streams.ts";
export type { Direction, Operation, WaitOptions } from "./waits.ts";

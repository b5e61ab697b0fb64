/** What the kernel tells of a descriptor that came from elsewhere: whether it is a socket, of what kind, doing what. */
import type * as dgram from "node:dgram";
import type * as net from "node:net";
import {
  AF_INET,
  AF_INET6,
  EBADF,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_TYPE,
  SOCK_STREAM,
  SOL_TCP,
  type SocketAddress,
  TCP_INFO,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  VMADDR_PORT_ANY,
} from "../abi/index.ts";
import { getsockopt } from "../sys/index.ts";
import { lastAddress, lastSockaddr, localName, peerName, socketInt } from "./calls.ts";
import { checked, type SystemErrorDetails } from "./errors.ts";

/**
 * What a socket is doing: it has no address yet; it has one and no peer; a TCP handshake is under way; it has a peer,
 * which for datagrams is only whom they go to; it takes connections.
 */
export type SocketState = "unbound" | "bound" | "connecting" | "connected" | "listening";

/** Something open: its number, or what has one, such as a `Socket` or the FileHandle of `node:fs/promises`. */
export type Descriptor = number | { readonly fd: number };

/** A socket or server of `node:net`, `node:tls` or `node:dgram`. */
export type NodeSocket = net.Socket | net.Server | dgram.Socket;

/** What a descriptor of unknown origin is. */
export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** The peer's struct sockaddr, of a connected stream. */
  readonly peer: Uint8Array | undefined;
}

/**
 * The address family of an unknown descriptor, AF_INET …: SO_DOMAIN, socket(7). What a program needs that got its socket
 * from a super-server and wants to print or compare addresses.
 *
 *     import { AF_INET6 } from "portolan/abi";
 *
 *     if (sockfd_to_family(0) === AF_INET6) console.log("started over IPv6");
 *
 * @throws TypeError for what is no descriptor; SystemError EBADF or ENOTSOCK.
 */
export function sockfd_to_family(descriptor: Descriptor): number {
  return askSocket(descriptorNumber(descriptor), SO_DOMAIN);
}

/** Family, type, protocol and peer of a descriptor. @throws SystemError EBADF or ENOTSOCK. */
export function socketKind(fd: number): SocketKind {
  const family = askSocket(fd, SO_DOMAIN);
  const type = askSocket(fd, SO_TYPE);
  const hasPeer = type === SOCK_STREAM && peerName(fd) >= 0;
  const peer = hasPeer ? lastSockaddr() : undefined;
  return { family, type, protocol: askSocket(fd, SO_PROTOCOL), peer };
}

/** What a socket is doing. */
export function socketState(fd: number, family: number): SocketState {
  if (socketInt(fd, SO_ACCEPTCONN) > 0) return "listening";
  if (peerName(fd) >= 0 && isPeer(lastAddress())) return "connected";
  if (isHandshaking(fd, family)) return "connecting";
  return localName(fd) >= 0 && isName(lastAddress()) ? "bound" : "unbound";
}

/** The number of something open. @throws TypeError for what is none; SystemError EBADF for what is closed. */
export function descriptorNumber(descriptor: Descriptor): number {
  const fd = typeof descriptor === "object" && descriptor !== null ? descriptor.fd : descriptor;
  if (Number.isInteger(fd) && fd >= 0) return fd;
  if (typeof descriptor === "object" && fd === -1) checked("fcntl", -EBADF, { cause: "what was given is closed" });
  throw new TypeError(
    `a descriptor is a whole number from 0 up, or an object that has one as its fd, not ${String(fd)}`,
  );
}

/** The number of something open, Node's own sockets included. @throws as {@link descriptorNumber} */
export function foreignNumber(descriptor: Descriptor | NodeSocket): number {
  if (typeof descriptor !== "object" || descriptor === null || "fd" in descriptor) return descriptorNumber(descriptor);
  const handle = nodeHandle(descriptor);
  return descriptorNumber({ fd: handle === null ? -1 : (handle?.fd as number) });
}

interface NodeHandle {
  readonly fd?: number;
}

/**
 * Node has no public way to the descriptor of its sockets. That of `net` is as old as they are, and many programs use it;
 * `dgram` has hidden its own, and warns of the old name. Null before a socket has one and after; undefined for no socket.
 */
function nodeHandle(socket: object): NodeHandle | null | undefined {
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
  if (state === undefined) return (socket as { readonly _handle?: NodeHandle | null })._handle;
  return (socket as Readonly<Record<symbol, { readonly handle?: NodeHandle | null }>>)[state]?.handle;
}

function askSocket(fd: number, option: number): number {
  const result = socketInt(fd, option);
  return checked("getsockopt", result, () => notASocketDetails(fd, -result));
}

function notASocketDetails(fd: number, errno: number): SystemErrorDetails {
  const cause = errno === EBADF ? "no descriptor of this number is open" : undefined;
  return { subject: `descriptor ${fd}`, cause };
}

/** The first byte of struct tcp_info is the state. tcp(7) */
const tcpState = new Uint8Array(1);
const tcpStateLength = new Uint32Array(1);

function isHandshaking(fd: number, family: number): boolean {
  if (family !== AF_INET && family !== AF_INET6) return false;
  tcpStateLength[0] = 1;
  if (getsockopt(fd, SOL_TCP, TCP_INFO, tcpState, tcpStateLength) < 0) return false;
  return tcpState[0] === TCP_SYN_SENT || tcpState[0] === TCP_SYN_RECV;
}

/** A netlink socket speaks with the kernel, port id 0, unless it is connected with somebody else. */
function isPeer(address: SocketAddress | undefined): boolean {
  return address?.family !== "netlink" || address.pid !== 0 || address.groups !== 0;
}

/** Whether getsockname's answer is more than the empty address of a socket that was never bound. */
function isName(address: SocketAddress | undefined): boolean {
  switch (address?.family) {
    case undefined:
      return false;
    case "inet":
    case "inet6":
      return address.port !== 0;
    case "netlink":
      return address.pid !== 0;
    case "packet":
      return address.protocol !== 0;
    case "unix":
      return address.kind !== "unnamed";
    case "vsock":
      return address.port !== VMADDR_PORT_ANY;
    default:
      return true;
  }
}

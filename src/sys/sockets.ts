/**
 * The socket calls (section 2 of the manual). Each returns the call's result, or `-errno`. No policy and no loops:
 * EINTR, EAGAIN and EINPROGRESS reach the caller like any other result.
 *
 * Memory given as a typed array is used only while the call runs. An `…At` twin takes addresses; its caller owns the
 * memory behind them until the call returns.
 */
import { bindAll, errno, type Memory } from "./ffi.ts";
import { socketTable } from "./table.ts";

const native = bindAll(socketTable);
const result = (value: number): number => (value < 0 ? -errno() : value);

/** Makes a socket. socket(2) */
export function socket(family: number, type: number, protocol: number): number {
  return result(native.socket(family, type, protocol));
}

/** Makes two connected sockets and writes their descriptors to `pair` (two 32-bit numbers). socketpair(2) */
export function socketpair(family: number, type: number, protocol: number, pair: Int32Array): number {
  return result(native.socketpair(family, type, protocol, pair));
}

/** Gives a socket its name. bind(2) */
export function bind(fd: number, address: Memory, addressLength: number): number {
  return result(native.bind(fd, address, addressLength));
}

/** Makes a socket accept connections. listen(2) */
export function listen(fd: number, backlog: number): number {
  return result(native.listen(fd, backlog));
}

/** Takes a connection off the queue. `address` and `addressLength` (one 32-bit number) may be null. accept4(2) */
export function accept4(fd: number, address: Memory, addressLength: Memory, flags: number): number {
  return result(native.accept4(fd, address, addressLength, flags));
}

/** {@link accept4} with addresses. SAFETY: the memory is the caller's and is used only during the call. */
export function accept4At(fd: number, address: number, addressLength: number, flags: number): number {
  return result(native.accept4At(fd, address, addressLength, flags));
}

/** Connects, or sets the peer of a datagram socket. `-EINPROGRESS` on a non-blocking socket. connect(2) */
export function connect(fd: number, address: Memory, addressLength: number): number {
  return result(native.connect(fd, address, addressLength));
}

/** recv(2) */
export function recv(fd: number, memory: Memory, length: number, flags: number): number {
  return result(native.recv(fd, memory, length, flags));
}

/** {@link recv} with an address. SAFETY: the memory is the caller's and is used only during the call. */
export function recvAt(fd: number, address: number, length: number, flags: number): number {
  return result(native.recvAt(fd, address, length, flags));
}

/** recvfrom(2); `addressLength` is one 32-bit number, in and out. */
export function recvfrom(
  fd: number,
  memory: Memory,
  length: number,
  flags: number,
  address: Memory,
  addressLength: Memory,
): number {
  return result(native.recvfrom(fd, memory, length, flags, address, addressLength));
}

/**
 * recvmsg(2). SAFETY: `msghdr` holds addresses of the name, the vector and the control buffer; the caller keeps the
 * arrays behind them reachable until the call returns.
 */
export function recvmsg(fd: number, msghdr: Memory, flags: number): number {
  return result(native.recvmsg(fd, msghdr, flags));
}

/** recvmmsg(2); `timeout` may be null. SAFETY: as for {@link recvmsg}, for each of the `count` headers. */
export function recvmmsg(fd: number, mmsghdrs: Memory, count: number, flags: number, timeout: Memory): number {
  return result(native.recvmmsg(fd, mmsghdrs, count, flags, timeout));
}

/** {@link recvmmsg} with addresses. SAFETY: the memory is the caller's and is used only during the call. */
export function recvmmsgAt(fd: number, mmsghdrs: number, count: number, flags: number, timeout: number): number {
  return result(native.recvmmsgAt(fd, mmsghdrs, count, flags, timeout));
}

/** send(2) */
export function send(fd: number, memory: Memory, length: number, flags: number): number {
  return result(native.send(fd, memory, length, flags));
}

/** {@link send} with an address. SAFETY: the memory is the caller's and is used only during the call. */
export function sendAt(fd: number, address: number, length: number, flags: number): number {
  return result(native.sendAt(fd, address, length, flags));
}

/** sendto(2) */
export function sendto(
  fd: number,
  memory: Memory,
  length: number,
  flags: number,
  address: Memory,
  addressLength: number,
): number {
  return result(native.sendto(fd, memory, length, flags, address, addressLength));
}

/** sendmsg(2). SAFETY: as for {@link recvmsg}. */
export function sendmsg(fd: number, msghdr: Memory, flags: number): number {
  return result(native.sendmsg(fd, msghdr, flags));
}

/** sendmmsg(2). SAFETY: as for {@link recvmsg}, for each of the `count` headers. */
export function sendmmsg(fd: number, mmsghdrs: Memory, count: number, flags: number): number {
  return result(native.sendmmsg(fd, mmsghdrs, count, flags));
}

/** {@link sendmmsg} with an address. SAFETY: the memory is the caller's and is used only during the call. */
export function sendmmsgAt(fd: number, mmsghdrs: number, count: number, flags: number): number {
  return result(native.sendmmsgAt(fd, mmsghdrs, count, flags));
}

/** Ends one or both directions for every holder of the socket. shutdown(2) */
export function shutdown(fd: number, how: number): number {
  return result(native.shutdown(fd, how));
}

/** The address a socket is bound to; `addressLength` is one 32-bit number, in and out. getsockname(2) */
export function getsockname(fd: number, address: Memory, addressLength: Memory): number {
  return result(native.getsockname(fd, address, addressLength));
}

/** The address of the peer; `addressLength` is one 32-bit number, in and out. getpeername(2) */
export function getpeername(fd: number, address: Memory, addressLength: Memory): number {
  return result(native.getpeername(fd, address, addressLength));
}

/** getsockopt(2); `length` is one 32-bit number, in and out. */
export function getsockopt(fd: number, level: number, name: number, value: Memory, length: Memory): number {
  return result(native.getsockopt(fd, level, name, value, length));
}

/** setsockopt(2) */
export function setsockopt(fd: number, level: number, name: number, value: Memory, length: number): number {
  return result(native.setsockopt(fd, level, name, value, length));
}

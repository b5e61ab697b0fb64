/**
 * The system calls as sockets make them: never blocking, tried again after EINTR. Each returns the call's result or
 * `-errno`, EAGAIN included, and EFAULT where the memory was transferred since the call was made. What they share is scratch memory for addresses, one per thread, whose content is good
 * until the next call.
 */
import {
  decodeSockaddr,
  EAGAIN,
  ECONNABORTED,
  EFAULT,
  EINTR,
  F_GETFL,
  F_SETFL,
  MAX_SOCKADDR_BYTES,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  O_NONBLOCK,
  POLLOUT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  type SocketAddress,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { isDetached } from "./detached.ts";
import { checked, type SystemErrorDetails, timeoutError } from "./errors.ts";
import {
  deadlineOf,
  EVENTS,
  FATAL,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  type Operation,
  type WaitOptions,
} from "./waits.ts";

/** Connections given up by their peers that one accept steps over. */
const MAX_ABORTED = 64;
/**
 * A blocked thread comes back to JavaScript this often. Only there can a worker be terminated, and a process that
 * exits waits for its workers.
 */
const SYNC_SLICE_MS = 250;

const address = new Uint8Array(MAX_SOCKADDR_BYTES);
const addressLength = new Uint32Array(1);
const pollfd = new Int32Array(2);
const int = new Int32Array(1);
const intLength = new Uint32Array(1);

/** The address that the last accept, receive or name call wrote; undefined where there was none. */
export function lastAddress(): SocketAddress | undefined {
  const length = addressLength[0] as number;
  return length === 0 ? undefined : decodeSockaddr(address, 0, length);
}

/** The same as bytes of one's own. */
export function lastSockaddr(): Uint8Array {
  return address.slice(0, Math.min(addressLength[0] as number, MAX_SOCKADDR_BYTES));
}

/** accept4(2); the peer is {@link lastAddress}. The new descriptor is non-blocking and close-on-exec. */
export function acceptOnce(fd: number): number {
  let result = 0;
  for (let i = 0; i < MAX_ABORTED; i++) {
    addressLength[0] = MAX_SOCKADDR_BYTES;
    result = sys.accept4(fd, address, addressLength, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (result !== -EINTR && result !== -ECONNABORTED) break;
  }
  return result;
}

/** recv(2) */
export function recvOnce(fd: number, bytes: Uint8Array, length: number, flags: number): number {
  if (length === 0 && isDetached(bytes)) return -EFAULT;
  let result: number;
  do result = sys.recv(fd, bytes, length, flags | MSG_DONTWAIT);
  while (result === -EINTR);
  return result;
}

/** recvfrom(2); the sender is {@link lastAddress}. */
export function recvFromOnce(fd: number, bytes: Uint8Array, length: number, flags: number): number {
  if (bytes.length === 0 && isDetached(bytes)) return -EFAULT;
  let result: number;
  do {
    addressLength[0] = MAX_SOCKADDR_BYTES;
    result = sys.recvfrom(fd, bytes, length, flags | MSG_DONTWAIT, address, addressLength);
  } while (result === -EINTR);
  return result;
}

/** send(2) */
export function sendOnce(fd: number, bytes: Uint8Array, flags: number): number {
  const { length } = bytes;
  if (length === 0 && isDetached(bytes)) return -EFAULT;
  let result: number;
  do result = sys.send(fd, bytes, length, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  while (result === -EINTR);
  return result;
}

/** sendto(2) */
export function sendToOnce(fd: number, bytes: Uint8Array, flags: number, to: Uint8Array): number {
  if (bytes.length === 0 && isDetached(bytes)) return -EFAULT;
  let result: number;
  do result = sys.sendto(fd, bytes, bytes.length, flags | MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length);
  while (result === -EINTR);
  return result;
}

/** getsockname(2); the answer is {@link lastAddress}. */
export function localName(fd: number): number {
  addressLength[0] = MAX_SOCKADDR_BYTES;
  return sys.getsockname(fd, address, addressLength);
}

/** getpeername(2); the answer is {@link lastAddress}. */
export function peerName(fd: number): number {
  addressLength[0] = MAX_SOCKADDR_BYTES;
  return sys.getpeername(fd, address, addressLength);
}

/** An option of level SOL_SOCKET that is an int: its value (0 or more), or `-errno`. */
export function socketInt(fd: number, option: number): number {
  intLength[0] = 4;
  const result = sys.getsockopt(fd, SOL_SOCKET, option, int, intLength);
  return result < 0 ? result : (int[0] as number);
}

/** Which of the poll(2) events, errors and hang-ups hold right now; 0 for none. */
export function pollNow(fd: number, events: number): number {
  return pollFor(fd, events, 0);
}

/**
 * Sets or clears O_NONBLOCK. accept and connect have no flag for one call alone. The property is that of the open file,
 * which other processes may share.
 */
export function setNonBlocking(fd: number, nonBlocking: boolean): void {
  const flags = checked("fcntl", sys.fcntl(fd, F_GETFL));
  const wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags !== wanted) checked("fcntl", sys.fcntl(fd, F_SETFL, wanted));
}

/**
 * Blocks this thread until the operation's attempt returns anything but `-EAGAIN`, and returns that.
 * @param alwaysWritable what `isAlwaysWritable` says of the socket.
 * @param startMs when the call began: what it says of its limit counts from there.
 * @throws SystemError ETIMEDOUT after the caller's deadline.
 */
export function waitSync(
  fd: number,
  operation: Operation,
  options: WaitOptions,
  alwaysWritable: boolean,
  describe: (details: SystemErrorDetails | undefined) => SystemErrorDetails,
  startMs: number = performance.now(),
): number {
  const endMs = deadlineOf(options, startMs);
  let pauseMs = 0;
  for (;;) {
    const leftMs = endMs - performance.now();
    const sliceMs = Math.min(Math.max(Math.ceil(leftMs), 0), SYNC_SLICE_MS);
    const events = pollFor(fd, EVENTS[operation.direction], sliceMs);
    const result = operation.attempt(fd);
    if (result !== -EAGAIN) return result;
    if (leftMs <= 0) {
      throw timeoutError(operation.syscall, endMs - startMs, describe(operation.describe?.()));
    }
    // What poll(2) tells at once though it helps nobody: an error that stays, or see `isAlwaysWritable`.
    const isStuck = (events & POLLOUT) !== 0 ? alwaysWritable : events !== 0 && (events & ~FATAL) === 0;
    pauseMs = isStuck ? Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS) : 0;
    if (pauseMs > 0) sleepSync(Math.min(pauseMs, sliceMs));
  }
}

/** Blocks this thread for a moment. */
export function sleepSync(timeoutMs: number): void {
  // poll(2) passes over negative descriptors.
  pollFor(-1, 0, timeoutMs);
}

function pollFor(fd: number, events: number, timeoutMs: number): number {
  // struct pollfd is an int and two shorts: what is asked for in the low half of the second word, the answer above.
  pollfd[0] = fd;
  pollfd[1] = events;
  const result = sys.poll(pollfd, 1, timeoutMs);
  return result <= 0 ? 0 : (pollfd[1] as number) >>> 16;
}

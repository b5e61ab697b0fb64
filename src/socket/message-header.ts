/**
 * sendmsg(2) and recvmsg(2) as sockets make them: never blocking, tried again after EINTR. The header, the vector of
 * buffers, the address and the control data that is received lie in scratch memory, one per thread, whose content is
 * good until the next call. EFAULT: a buffer was transferred since the call was made.
 */
import {
  decodeSockaddr,
  EFAULT,
  EINTR,
  IOVEC,
  MAX_SOCKADDR_BYTES,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSGHDR,
  type SocketAddress,
  UIO_MAXIOV,
} from "../abi/index.ts";
import { addressOf, recvmsg, sendmsg } from "../sys/index.ts";
import { isDetached } from "./detached.ts";

/** Buffers in one message: the kernel's UIO_MAXIOV. */
export const MAX_BUFFERS: number = UIO_MAXIOV;
/** The most room for ancillary data, in either direction. */
export const MAX_CONTROL_BYTES: number = 64 * 1024;

const VECTOR_OFFSET = Math.ceil(MSGHDR.size / 8) * 8;
const NAME_OFFSET: number = VECTOR_OFFSET + MAX_BUFFERS * IOVEC.size;
const ARENA_BYTES: number = NAME_OFFSET + MAX_SOCKADDR_BYTES;
const TWO_32 = 2 ** 32;
/** Room for received control data that is there from the start; more is made when it is asked for. */
const FIRST_CONTROL_BYTES = 4096;

/** The first call makes it: most programs never send such a message. */
interface Arena {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** SAFETY: the arena is never let go of, and its memory does not move, so neither does this. */
  readonly address: number;
}

let arena: Arena | undefined;
let control: Uint8Array = new Uint8Array(0);

/**
 * sendmsg(2).
 * SAFETY: the kernel has the addresses of the buffers, of `to` and of `controlData` only while the call runs, in which
 * this function's arguments keep them.
 * @param to a struct sockaddr
 */
export function sendMessageOnce(
  fd: number,
  buffers: readonly Uint8Array[],
  to: Uint8Array | undefined,
  controlData: Uint8Array | undefined,
  flags: number,
): number {
  if (buffers.some(isDetached)) return -EFAULT;
  const { bytes, words, address } = scratch();
  const vectors = storeVectors(words, buffers, 0);
  if (to !== undefined) bytes.set(to, NAME_OFFSET);
  storePointer(words, MSGHDR.msg_name, to === undefined ? 0 : address + NAME_OFFSET);
  words[MSGHDR.msg_namelen / 4] = to === undefined ? 0 : to.length;
  storeRest(words, address, vectors, controlData, controlData?.length ?? 0);
  let result: number;
  do result = sendmsg(fd, address, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  while (result === -EINTR);
  return result;
}

/**
 * recvmsg(2). What came beside the bytes is {@link lastMessageAddress}, {@link lastMessageFlags} and
 * {@link lastControl}.
 * SAFETY: as for {@link sendMessageOnce}.
 * @param skipBytes bytes at the start of the buffers that earlier calls have filled
 */
export function recvMessageOnce(
  fd: number,
  buffers: readonly Uint8Array[],
  skipBytes: number,
  wantAddress: boolean,
  controlBytes: number,
  flags: number,
): number {
  if (buffers.some(isDetached)) return -EFAULT;
  const { words, address } = scratch();
  const room = controlRoom(controlBytes);
  let result: number;
  do {
    const vectors = storeVectors(words, buffers, skipBytes);
    storePointer(words, MSGHDR.msg_name, wantAddress ? address + NAME_OFFSET : 0);
    words[MSGHDR.msg_namelen / 4] = wantAddress ? MAX_SOCKADDR_BYTES : 0;
    storeRest(words, address, vectors, room, controlBytes);
    result = recvmsg(fd, address, flags | MSG_DONTWAIT);
  } while (result === -EINTR);
  return result;
}

/** Where the last received message came from; undefined where there was no address, or none was wanted. */
export function lastMessageAddress(): SocketAddress | undefined {
  const { bytes, words } = scratch();
  const length = words[MSGHDR.msg_namelen / 4] as number;
  return length === 0 ? undefined : decodeSockaddr(bytes, NAME_OFFSET, Math.min(length, MAX_SOCKADDR_BYTES));
}

/** `msg_flags` of the last received message, without the one that only repeats what was asked. */
export function lastMessageFlags(): number {
  return (scratch().words[MSGHDR.msg_flags / 4] as number) & ~MSG_CMSG_CLOEXEC;
}

/** The control data of the last received message: a view, good until the next one is received. */
export function lastControl(): Uint8Array {
  return control.subarray(0, scratch().words[MSGHDR.msg_controllen / 4] as number);
}

function scratch(): Arena {
  if (arena === undefined) {
    const bytes = new Uint8Array(ARENA_BYTES);
    arena = { bytes, words: new Uint32Array(bytes.buffer), address: addressOf(bytes) };
  }
  return arena;
}

function controlRoom(sizeBytes: number): Uint8Array {
  if (control.length < sizeBytes) control = new Uint8Array(Math.max(sizeBytes, FIRST_CONTROL_BYTES));
  return control;
}

/** Fills in struct iovec for each buffer that is not empty, and returns how many there are. */
function storeVectors(words: Uint32Array, buffers: readonly Uint8Array[], skipBytes: number): number {
  let at = VECTOR_OFFSET;
  let skip = skipBytes;
  for (const buffer of buffers) {
    const { length } = buffer;
    if (length > skip) {
      storePointer(words, at + IOVEC.iov_base, addressOf(buffer) + skip);
      storePointer(words, at + IOVEC.iov_len, length - skip);
      at += IOVEC.size;
      skip = 0;
    } else {
      skip -= length;
    }
  }
  return (at - VECTOR_OFFSET) / IOVEC.size;
}

function storeRest(
  words: Uint32Array,
  address: number,
  vectors: number,
  controlData: Uint8Array | undefined,
  controlBytes: number,
): void {
  storePointer(words, MSGHDR.msg_iov, address + VECTOR_OFFSET);
  storePointer(words, MSGHDR.msg_iovlen, vectors);
  storePointer(words, MSGHDR.msg_control, controlBytes === 0 ? 0 : addressOf(controlData as Uint8Array));
  storePointer(words, MSGHDR.msg_controllen, controlBytes);
  words[MSGHDR.msg_flags / 4] = 0;
}

/** A pointer or a size_t, little-endian. */
function storePointer(words: Uint32Array, offset: number, value: number): void {
  words[offset / 4] = value % TWO_32;
  words[offset / 4 + 1] = value / TWO_32;
}

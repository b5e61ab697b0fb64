/** Memory for one datagram with the address it came from and the address it came to: recvmsg(2), sendmsg(2). */
import { CMSGHDR, EINTR, IOVEC, MMSGHDR, MSG_DONTWAIT, MSG_TRUNC, MSGHDR, SOCKADDR_STORAGE } from "../abi/index.ts";
import { mapRegion, type Region, recvmmsgAt, sendmmsgAt, unmapRegion } from "../sys/index.ts";
import { answerFrom, controlBytes, HEARD_BYTES } from "./asked-address.ts";

const NAME_AT = MMSGHDR.size;
const CONTROL_AT = NAME_AT + SOCKADDR_STORAGE.size;
const VECTOR_AT = CONTROL_AT + HEARD_BYTES;
const BYTES_AT = VECTOR_AT + IOVEC.size;

export class OneMessage {
  readonly #region: Region;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #roomBytes: number;

  constructor(roomBytes: number) {
    this.#region = mapRegion(BYTES_AT + roomBytes);
    const { buffer, byteOffset } = this.#region.bytes;
    this.#view = new DataView(buffer, byteOffset);
    this.#words = new Uint32Array(buffer, byteOffset, BYTES_AT / 4);
    this.#roomBytes = roomBytes;
  }

  /** Where it is put by `receive`. */
  get bytes(): Uint8Array {
    return this.#region.bytes.subarray(BYTES_AT, BYTES_AT + this.#roomBytes);
  }

  /** Who sent it, an encoded socket address. */
  get name(): Uint8Array {
    const length = this.#view.getUint32(MSGHDR.msg_namelen, true);
    return this.#region.bytes.subarray(NAME_AT, NAME_AT + length);
  }

  /** What to give back with an answer, so that it leaves from the address that was asked; empty for nothing. */
  get asked(): Uint8Array {
    const end = CONTROL_AT + this.#view.getUint32(MSGHDR.msg_controllen, true);
    let [askedAt, askedBytes] = [CONTROL_AT, 0];
    for (let at = CONTROL_AT, room = 0; at + CMSGHDR.size <= end; at += room) {
      room = controlBytes(this.#words, at / 4);
      if (room === 0) break;
      const length = answerFrom(this.#words, at / 4, room);
      if (length > 0) [askedAt, askedBytes] = [at, length];
    }
    return this.#region.bytes.subarray(askedAt, askedAt + askedBytes);
  }

  /** Receives without waiting. @returns what it measured on the wire, or `-errno`. EINTR is tried again. */
  receive(fd: number): number {
    this.#prepare(SOCKADDR_STORAGE.size, HEARD_BYTES, this.#roomBytes);
    let count = -EINTR;
    // SAFETY: header, vector, name and room lie in one region that lives until `dispose`.
    while (count === -EINTR) count = recvmmsgAt(fd, this.#region.address, 1, MSG_DONTWAIT | MSG_TRUNC, 0);
    return count < 0 ? count : this.#view.getUint32(MMSGHDR.msg_len, true);
  }

  /** Sends without waiting; what is too long for the room is refused by the kernel. @returns how much, or `-errno`. */
  send(fd: number, bytes: Uint8Array, name: Uint8Array, asked: Uint8Array): number {
    this.#region.bytes.set(name, NAME_AT);
    this.#region.bytes.set(asked, CONTROL_AT);
    this.bytes.set(bytes);
    this.#prepare(name.length, asked.length, bytes.length);
    let count = -EINTR;
    // SAFETY: as for `receive`.
    while (count === -EINTR) count = sendmmsgAt(fd, this.#region.address, 1, MSG_DONTWAIT);
    return count < 0 ? count : this.#view.getUint32(MMSGHDR.msg_len, true);
  }

  dispose(): void {
    unmapRegion(this.#region);
  }

  #prepare(nameBytes: number, controlBytes: number, bytes: number): void {
    const pointer = (at: number, offset: number): void => {
      this.#view.setBigUint64(at, BigInt(this.#region.address + offset), true);
    };
    pointer(MSGHDR.msg_name, NAME_AT);
    this.#view.setUint32(MSGHDR.msg_namelen, nameBytes, true);
    pointer(MSGHDR.msg_iov, VECTOR_AT);
    this.#view.setBigUint64(MSGHDR.msg_iovlen, 1n, true);
    pointer(MSGHDR.msg_control, CONTROL_AT);
    this.#view.setBigUint64(MSGHDR.msg_controllen, BigInt(controlBytes), true);
    pointer(VECTOR_AT + IOVEC.iov_base, BYTES_AT);
    this.#view.setBigUint64(VECTOR_AT + IOVEC.iov_len, BigInt(bytes), true);
  }
}

/** A message with a descriptor, for sendmsg(2) itself. unix(7) */
import { encodeCmsgs, IOVEC, MSGHDR, SCM_RIGHTS, SOL_SOCKET } from "portolan/abi";
import { addressOf } from "portolan/sys";

/** What a message points to lives as long as the message. */
const parts = new WeakMap<Buffer, readonly Uint8Array[]>();

/** A struct msghdr of one byte and a descriptor. */
export function messageWithDescriptor(fd: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeInt32LE(fd);
  const control = Buffer.from(encodeCmsgs([{ level: SOL_SOCKET, type: SCM_RIGHTS, data }]));
  const bytes = Buffer.from("x");
  const vector = Buffer.alloc(IOVEC.size);
  vector.writeBigUInt64LE(BigInt(addressOf(bytes)), IOVEC.iov_base);
  vector.writeBigUInt64LE(BigInt(bytes.length), IOVEC.iov_len);
  const header = Buffer.alloc(MSGHDR.size);
  header.writeBigUInt64LE(BigInt(addressOf(vector)), MSGHDR.msg_iov);
  header.writeBigUInt64LE(1n, MSGHDR.msg_iovlen);
  header.writeBigUInt64LE(BigInt(addressOf(control)), MSGHDR.msg_control);
  header.writeBigUInt64LE(BigInt(control.length), MSGHDR.msg_controllen);
  parts.set(header, [bytes, vector, control]);
  return header;
}

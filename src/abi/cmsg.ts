/**
 * Control messages, the ancillary data of sendmsg(2) and recvmsg(2), over plain bytes. cmsg(3)
 *
 * A control message is a header (its whole length, level, type), its data, and padding up to the next multiple of 8.
 * Both architectures here have 64-bit lengths; musl declares a 32-bit length and padding, which is the same bytes.
 */
import { readI32, readU32, writeU32 } from "./byte-order.ts";
import { CMSGHDR } from "./generated/layouts.ts";

/** The boundary that each control message begins at: the size of a `size_t`. */
const ALIGNMENT = 8;

/** Rounds a length up to the boundary that control messages begin at. */
export function CMSG_ALIGN(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** What `cmsg_len` says of a message with so much data: header and data, without the padding after it. */
export function CMSG_LEN(dataLength: number): number {
  return CMSG_ALIGN(CMSGHDR.size) + dataLength;
}

/** The room that a message with so much data takes in a control buffer. */
export function CMSG_SPACE(dataLength: number): number {
  return CMSG_ALIGN(CMSGHDR.size) + CMSG_ALIGN(dataLength);
}

/** Where data begins after the start of its message. */
const DATA_OFFSET: number = CMSG_LEN(0);

/** One control message: `level` is a SOL_ or IPPROTO_ constant, `type` belongs to the level. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/**
 * Visits the control messages in the first `length` bytes of a buffer, without allocating: `visit` gets level, type, and
 * where the data begins and ends in the buffer. Never throws by itself: a header that does not fit what is left, or that
 * claims more than is left, ends the walk. Returns how many were visited.
 */
export function forEachCmsg(
  control: Uint8Array,
  length: number,
  visit: (level: number, type: number, dataStart: number, dataEnd: number) => void,
): number {
  const end = Math.min(length, control.length);
  let count = 0;
  for (let at = 0; end - at >= CMSGHDR.size; count++) {
    const size = readU32(control, at + CMSGHDR.cmsg_len);
    const isHuge = readU32(control, at + CMSGHDR.cmsg_len + 4) !== 0;
    if (isHuge || size < DATA_OFFSET || size > end - at) break;
    const level = readI32(control, at + CMSGHDR.cmsg_level);
    visit(level, readI32(control, at + CMSGHDR.cmsg_type), at + DATA_OFFSET, at + size);
    at += CMSG_ALIGN(size);
  }
  return count;
}

/** The control messages in the first `length` bytes of a buffer; each `data` is a view of the buffer, not a copy. */
export function decodeCmsgs(control: Uint8Array, length: number = control.length): ControlMessage[] {
  const messages: ControlMessage[] = [];
  forEachCmsg(control, length, (level, type, start, end) => {
    messages.push({ level, type, data: control.subarray(start, end) });
  });
  return messages;
}

/** Writes control messages one after another into a buffer that is reused: its `length` is then `msg_controllen`. */
export class CmsgWriter {
  readonly bytes: Uint8Array;
  #length = 0;

  /** @param bytes the control buffer, at the start of which the first message goes */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** How many bytes are written, padding included. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Adds a message. @throws RangeError when it does not fit */
  append(level: number, type: number, data: Uint8Array): this {
    this.bytes.set(data, this.reserve(level, type, data.length));
    return this;
  }

  /**
   * Adds a message with `dataLength` zero bytes of data, and returns where they begin, for the caller to fill.
   * @throws RangeError when it does not fit
   */
  reserve(level: number, type: number, dataLength: number): number {
    const at = this.#length;
    const space = CMSG_SPACE(dataLength);
    if (this.bytes.length - at < space) {
      throw new RangeError(`the control message takes ${space} bytes, and ${this.bytes.length - at} are left`);
    }
    this.bytes.fill(0, at, at + space);
    writeU32(this.bytes, at + CMSGHDR.cmsg_len, CMSG_LEN(dataLength));
    writeU32(this.bytes, at + CMSGHDR.cmsg_level, level);
    writeU32(this.bytes, at + CMSGHDR.cmsg_type, type);
    this.#length += space;
    return at + DATA_OFFSET;
  }
}

/** A control buffer that holds just these messages. */
export function encodeCmsgs(messages: readonly ControlMessage[]): Uint8Array {
  const size = messages.reduce((sum, { data }) => sum + CMSG_SPACE(data.length), 0);
  const writer = new CmsgWriter(new Uint8Array(size));
  for (const { level, type, data } of messages) writer.append(level, type, data);
  return writer.bytes;
}

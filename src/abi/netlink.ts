/**
 * Netlink messages and their attributes over plain bytes. netlink(7), netlink(3)
 *
 * A message is struct nlmsghdr and a payload; the payload is a family's own header and then attributes, each struct
 * nlattr and data. All begin at multiples of 4. Lengths come from outside, so the walks below take none on trust.
 */
import { readU16, readU32, writeU16, writeU32, writeU64 } from "./byte-order.ts";
import { NLA_F_NESTED, NLA_TYPE_MASK } from "./generated/constants.ts";
import { NLATTR, NLMSGHDR } from "./generated/layouts.ts";

const ALIGNMENT = 4;

/** Rounds a length up to the boundary that messages begin at; NLA_ALIGN and RTA_ALIGN are the same. */
export function NLMSG_ALIGN(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** A message's header, with where its payload begins and ends in the bytes it was found in. */
export interface NetlinkMessage {
  /** NLMSG_DONE, NLMSG_ERROR or a family's own, such as RTM_NEWLINK. */
  readonly type: number;
  /** NLM_F_ bits. */
  readonly flags: number;
  readonly seq: number;
  /** The port id of the sender; 0 is the kernel. */
  readonly pid: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Visits the messages in the first `length` bytes. Never throws by itself: a header that does not fit, or that claims
 * more than is left, ends the walk; so does `visit` returning false. Returns how many were visited.
 */
export function forEachNetlinkMessage(
  bytes: Uint8Array,
  length: number,
  visit: (message: NetlinkMessage) => unknown,
): number {
  const end = Math.min(length, bytes.length);
  let count = 0;
  for (let at = 0; end - at >= NLMSGHDR.size; ) {
    const size = readU32(bytes, at + NLMSGHDR.nlmsg_len);
    if (size < NLMSGHDR.size || size > end - at) break;
    count++;
    const goOn = visit({
      type: readU16(bytes, at + NLMSGHDR.nlmsg_type),
      flags: readU16(bytes, at + NLMSGHDR.nlmsg_flags),
      seq: readU32(bytes, at + NLMSGHDR.nlmsg_seq),
      pid: readU32(bytes, at + NLMSGHDR.nlmsg_pid),
      start: at + NLMSGHDR.size,
      end: at + size,
    });
    if (goOn === false) break;
    at += NLMSG_ALIGN(size);
  }
  return count;
}

/**
 * Visits the attributes between two offsets: `visit` gets the type without its NLA_F_ bits, and where the data begins
 * and ends. Never throws by itself: what does not fit ends the walk. Returns how many were visited.
 */
export function forEachAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (type: number, dataStart: number, dataEnd: number) => void,
): number {
  const limit = Math.min(end, bytes.length);
  let count = 0;
  for (let at = Math.max(0, start); limit - at >= NLATTR.size; count++) {
    const size = readU16(bytes, at + NLATTR.nla_len);
    if (size < NLATTR.size || size > limit - at) break;
    visit(readU16(bytes, at + NLATTR.nla_type) & NLA_TYPE_MASK, at + NLATTR.size, at + size);
    at += NLMSG_ALIGN(size);
  }
  return count;
}

/** The text of a string attribute, up to its NUL if it has one; bytes that are not UTF-8 become U+FFFD. */
export function readAttributeText(bytes: Uint8Array, start: number, end: number): string {
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return decoder.decode(bytes.subarray(start, stop));
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The most data that one attribute holds: its length is 16 bits wide and counts its header. */
export const MAX_ATTRIBUTE_BYTES: number = 0xffff - NLATTR.size;

/** What a {@link NetlinkWriter} makes room for when not told otherwise: a page, the largest answer's usual size. */
const DEFAULT_CAPACITY_BYTES = 4096;

/**
 * Builds messages, one after another, in a buffer of fixed size. A message is begun, filled with its family's header and
 * its attributes, and ended by the next `begin` or by `finish`. Everything throws RangeError when the buffer is full.
 */
export class NetlinkWriter {
  readonly #bytes: Uint8Array;
  #length = 0;
  #message = -1;

  /** @param capacityBytes the most that all messages together take */
  constructor(capacityBytes: number = DEFAULT_CAPACITY_BYTES) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  /** Begins a message; `pid` is usually 0, and the kernel fills it in. */
  begin(type: number, flags: number, seq: number, pid = 0): this {
    this.#endMessage();
    const at = this.#claim(NLMSGHDR.size);
    writeU16(this.#bytes, at + NLMSGHDR.nlmsg_type, type);
    writeU16(this.#bytes, at + NLMSGHDR.nlmsg_flags, flags);
    writeU32(this.#bytes, at + NLMSGHDR.nlmsg_seq, seq);
    writeU32(this.#bytes, at + NLMSGHDR.nlmsg_pid, pid);
    this.#message = at;
    return this;
  }

  /** Adds bytes that are not an attribute: the family's own header. They are padded to a multiple of 4. */
  raw(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#claim(bytes.length));
    return this;
  }

  /** Adds `size` zero bytes for a family's own header, and returns them for the caller to fill. */
  reserve(size: number): Uint8Array {
    const at = this.#claim(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** Adds an attribute. @throws RangeError when the data is longer than {@link MAX_ATTRIBUTE_BYTES} */
  attribute(type: number, data: Uint8Array): this {
    if (data.length > MAX_ATTRIBUTE_BYTES) {
      throw new RangeError(`attribute ${type} has ${data.length} bytes; ${MAX_ATTRIBUTE_BYTES} is the limit`);
    }
    const at = this.#claim(NLATTR.size + data.length);
    writeU16(this.#bytes, at + NLATTR.nla_len, NLATTR.size + data.length);
    writeU16(this.#bytes, at + NLATTR.nla_type, type);
    this.#bytes.set(data, at + NLATTR.size);
    return this;
  }

  /** Adds an attribute of one byte. */
  attributeU8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  /** Adds an attribute of 16 bits in host byte order. */
  attributeU16(type: number, value: number): this {
    const data = new Uint8Array(2);
    writeU16(data, 0, value);
    return this.attribute(type, data);
  }

  /** Adds an attribute of 32 bits in host byte order. */
  attributeU32(type: number, value: number): this {
    const data = new Uint8Array(4);
    writeU32(data, 0, value);
    return this.attribute(type, data);
  }

  /** Adds an attribute of 64 bits in host byte order. */
  attributeU64(type: number, value: bigint): this {
    const data = new Uint8Array(8);
    writeU64(data, 0, value);
    return this.attribute(type, data);
  }

  /** Adds a string attribute, with its NUL. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, encoder.encode(`${text}\0`));
  }

  /** Adds an attribute whose data is what `fill` adds: attributes, after a header of the family's if it has one. */
  nested(type: number, fill: (writer: this) => void): this {
    const at = this.#claim(NLATTR.size);
    writeU16(this.#bytes, at + NLATTR.nla_type, type | NLA_F_NESTED);
    fill(this);
    const size = this.#length - at;
    if (size > 0xffff) throw new RangeError(`attribute ${type} has ${size} bytes; ${MAX_ATTRIBUTE_BYTES} is the limit`);
    writeU16(this.#bytes, at + NLATTR.nla_len, size);
    return this;
  }

  /** Ends the last message and returns all of them: a view of the writer's buffer, which the next `begin` adds to. */
  finish(): Uint8Array {
    this.#endMessage();
    return this.#bytes.subarray(0, this.#length);
  }

  #endMessage(): void {
    if (this.#message === -1) return;
    writeU32(this.#bytes, this.#message + NLMSGHDR.nlmsg_len, this.#length - this.#message);
    this.#message = -1;
  }

  /** Takes `size` bytes and their padding. */
  #claim(size: number): number {
    const at = this.#length;
    const space = NLMSG_ALIGN(size);
    if (this.#bytes.length - at < space) {
      throw new RangeError(`the message takes ${space} bytes more, and ${this.#bytes.length - at} are left`);
    }
    this.#length += space;
    return at;
  }
}

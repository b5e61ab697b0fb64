/** Structures at level SOL_XDP. */
import {
  readU64,
  writeU32,
  writeU64,
  XDP_MMAP_OFFSETS_STRUCT,
  XDP_RING_OFFSET,
  XDP_STATISTICS_STRUCT,
  XDP_UMEM_REG_STRUCT,
} from "../../../abi/index.ts";
import { integer, object, padded, UINT_MAX, unreadable, unwritable } from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** Where the parts of a ring are in its mapping. */
export interface XdpRingOffsets {
  readonly producer: number;
  readonly consumer: number;
  readonly descriptors: number;
  readonly flags: number;
}

/** XDP_MMAP_OFFSETS: of all four rings. */
export interface XdpOffsets {
  readonly receive: XdpRingOffsets;
  readonly transmit: XdpRingOffsets;
  readonly fill: XdpRingOffsets;
  readonly completion: XdpRingOffsets;
}

/** XDP_STATISTICS: what was lost and why. */
export interface XdpStatistics {
  readonly receiveDropped: bigint;
  readonly receiveInvalid: bigint;
  readonly transmitInvalid: bigint;
  readonly receiveRingFull: bigint;
  readonly fillRingEmpty: bigint;
  readonly transmitRingEmpty: bigint;
}

/** XDP_UMEM_REG: the memory that frames live in, cut into chunks. */
export interface XdpMemory {
  /** Where it begins, of memory that does not move, at a page. */
  readonly address: number;
  readonly sizeBytes: number;
  readonly chunkBytes: number;
  readonly headroomBytes?: number;
  readonly flags?: number;
}

export const xdpOffsets: KindCodec<XdpOffsets, never> = {
  sizeBytes: XDP_MMAP_OFFSETS_STRUCT.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, XDP_MMAP_OFFSETS_STRUCT.size);
    return {
      receive: ringAt(room, XDP_MMAP_OFFSETS_STRUCT.rx),
      transmit: ringAt(room, XDP_MMAP_OFFSETS_STRUCT.tx),
      fill: ringAt(room, XDP_MMAP_OFFSETS_STRUCT.fr),
      completion: ringAt(room, XDP_MMAP_OFFSETS_STRUCT.cr),
    };
  },
};

export const xdpStatistics: KindCodec<XdpStatistics, never> = {
  sizeBytes: XDP_STATISTICS_STRUCT.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, XDP_STATISTICS_STRUCT.size);
    return {
      receiveDropped: readU64(room, XDP_STATISTICS_STRUCT.rx_dropped),
      receiveInvalid: readU64(room, XDP_STATISTICS_STRUCT.rx_invalid_descs),
      transmitInvalid: readU64(room, XDP_STATISTICS_STRUCT.tx_invalid_descs),
      receiveRingFull: readU64(room, XDP_STATISTICS_STRUCT.rx_ring_full),
      fillRingEmpty: readU64(room, XDP_STATISTICS_STRUCT.rx_fill_ring_empty_descs),
      transmitRingEmpty: readU64(room, XDP_STATISTICS_STRUCT.tx_ring_empty_descs),
    };
  },
};

/**
 * SAFETY: the kernel keeps the pages for as long as the socket lives; the owner of the memory unmaps it only after the
 * socket is closed, or else the kernel writes to pages that nobody sees.
 */
export const xdpMemory: KindCodec<undefined, XdpMemory> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const memory = object(option, "{ address, sizeBytes, chunkBytes }", value);
    const bytes = new Uint8Array(XDP_UMEM_REG_STRUCT.size);
    const address = integer(`${option}'s address`, memory.address, 0, Number.MAX_SAFE_INTEGER);
    const size = integer(`${option}'s sizeBytes`, memory.sizeBytes, 0, Number.MAX_SAFE_INTEGER);
    writeU64(bytes, XDP_UMEM_REG_STRUCT.addr, BigInt(address));
    writeU64(bytes, XDP_UMEM_REG_STRUCT.len, BigInt(size));
    const put = (offset: number, name: "chunkBytes" | "headroomBytes" | "flags"): void => {
      writeU32(bytes, offset, integer(`${option}'s ${name}`, memory[name] ?? 0, 0, UINT_MAX));
    };
    put(XDP_UMEM_REG_STRUCT.chunk_size, "chunkBytes");
    put(XDP_UMEM_REG_STRUCT.headroom, "headroomBytes");
    put(XDP_UMEM_REG_STRUCT.flags, "flags");
    return bytes;
  },
  decode: unreadable,
};

function ringAt(bytes: Uint8Array, at: number): XdpRingOffsets {
  return {
    producer: Number(readU64(bytes, at + XDP_RING_OFFSET.producer)),
    consumer: Number(readU64(bytes, at + XDP_RING_OFFSET.consumer)),
    descriptors: Number(readU64(bytes, at + XDP_RING_OFFSET.desc)),
    flags: Number(readU64(bytes, at + XDP_RING_OFFSET.flags)),
  };
}

/** Structures at level SOL_PACKET. packet(7) */
import {
  FANOUT_ARGS,
  PACKET_MREQ,
  PACKET_MREQ_SIZES,
  readU32,
  readU64,
  TPACKET_REQ3,
  TPACKET_ROLLOVER_STATS,
  TPACKET_STATS_V3,
  writeU16,
  writeU32,
} from "../../../abi/index.ts";
import {
  bytesOf,
  decodeInt,
  INT_MAX,
  int32,
  integer,
  object,
  padded,
  UINT_MAX,
  unreadable,
  unwritable,
  wrongRange,
} from "../checks.ts";
import type { KindCodec } from "../codec.ts";
import { type BpfProgram, program } from "./filter.ts";

/** PACKET_ADD_MEMBERSHIP: a PACKET_MR_ type on an interface, and for some of them a hardware address. */
export interface PacketMembership {
  readonly interfaceIndex: number;
  readonly type: number;
  readonly address?: Uint8Array;
}

/** PACKET_FANOUT: the sockets of a group share the packets, in a PACKET_FANOUT_ mode with PACKET_FANOUT_FLAG_ flags. */
export interface Fanout {
  readonly group: number;
  readonly mode: number;
  readonly flags?: number;
  /** Only for the socket that makes the group; the kernel allows 256 else. Linux 5.12 */
  readonly maxMembers?: number;
}

/** PACKET_RX_RING, PACKET_TX_RING: struct tpacket_req3; no blocks take the ring away. */
export interface PacketRing {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly frameBytes: number;
  readonly frames: number;
  /** TPACKET_V3: a block that is not full is handed over after so long; 0 lets the kernel choose. */
  readonly retireMs?: number;
  /** TPACKET_V3: room for the application's own use in each block. */
  readonly privateBytes?: number;
  /** TPACKET_V3: TP_FT_REQ_ flags. */
  readonly features?: number;
}

/** PACKET_STATISTICS: since it was last read. */
export interface PacketStatistics {
  readonly packets: number;
  readonly drops: number;
  /** TPACKET_V3: how often the ring was full. */
  readonly freezes: number;
}

/** PACKET_ROLLOVER_STATS: packets that went to another socket of the group, all and by reason. */
export interface RolloverStatistics {
  readonly all: bigint;
  readonly huge: bigint;
  readonly failed: bigint;
}

const U16_MAX = 0xffff;
const MODE_MASK = 0xff;

export const packetMembership: KindCodec<undefined, PacketMembership> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const { interfaceIndex, type, address } = object(option, "{ interfaceIndex: number, type: number }", value);
    const bytes = new Uint8Array(PACKET_MREQ.size);
    writeU32(bytes, PACKET_MREQ.mr_ifindex, integer(`${option}'s interfaceIndex`, interfaceIndex, 0, INT_MAX));
    writeU16(bytes, PACKET_MREQ.mr_type, integer(`${option}'s type`, type, 0, U16_MAX));
    if (address === undefined) return bytes;
    const max = PACKET_MREQ_SIZES.mr_address;
    if (bytesOf(`${option}'s address`, address).length > max) {
      throw wrongRange(`${option}'s address`, `at most ${max} bytes`, address);
    }
    writeU16(bytes, PACKET_MREQ.mr_alen, address.length);
    bytes.set(address, PACKET_MREQ.mr_address);
    return bytes;
  },
  decode: unreadable,
};

export const fanout: KindCodec<Fanout, Fanout> = {
  sizeBytes: 4,
  encode: (option, value) => {
    const { group, mode, flags = 0, maxMembers } = object(option, "{ group: number, mode: number }", value);
    // Kernels before 5.12 know the first two fields alone.
    const bytes = new Uint8Array(maxMembers === undefined ? FANOUT_ARGS.max_num_members : FANOUT_ARGS.size);
    writeU16(bytes, FANOUT_ARGS.id, integer(`${option}'s group`, group, 0, U16_MAX));
    const kind = integer(`${option}'s mode`, mode, 0, MODE_MASK) | integer(`${option}'s flags`, flags, 0, U16_MAX);
    writeU16(bytes, FANOUT_ARGS.type_flags, kind);
    if (maxMembers !== undefined) {
      writeU32(bytes, FANOUT_ARGS.max_num_members, integer(`${option}'s maxMembers`, maxMembers, 0, UINT_MAX));
    }
    return bytes;
  },
  decode: (bytes) => {
    const all = decodeInt(bytes) >>> 0;
    const kind = all >>> 16;
    return { group: all & U16_MAX, mode: kind & MODE_MASK, flags: kind & ~MODE_MASK };
  },
};

/** A classic program, or the descriptor of an eBPF one, as the group's mode has it. */
export const fanoutData: KindCodec<undefined, BpfProgram | number> = {
  sizeBytes: 0,
  encode: (option, value) => {
    return typeof value === "number" ? int32(integer(option, value, 0, INT_MAX)) : program.encode(option, value);
  },
  decode: unreadable,
};

/** The size of the header before each packet of a ring, which depends on the version that is asked about. */
export const headerLength: KindCodec<number, never, number> = {
  sizeBytes: 4,
  encode: unwritable,
  request: (option, version) => int32(integer(`${option}'s version`, version, 0, INT_MAX)),
  decode: decodeInt,
};

/** The kernel reads as much of the longest structure as the ring's version has. */
export const packetRing: KindCodec<undefined, PacketRing> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const ring = object(option, "{ blockBytes, blocks, frameBytes, frames }", value);
    const bytes = new Uint8Array(TPACKET_REQ3.size);
    const put = (offset: number, name: keyof PacketRing): void => {
      writeU32(bytes, offset, integer(`${option}'s ${name}`, ring[name] ?? 0, 0, UINT_MAX));
    };
    put(TPACKET_REQ3.tp_block_size, "blockBytes");
    put(TPACKET_REQ3.tp_block_nr, "blocks");
    put(TPACKET_REQ3.tp_frame_size, "frameBytes");
    put(TPACKET_REQ3.tp_frame_nr, "frames");
    put(TPACKET_REQ3.tp_retire_blk_tov, "retireMs");
    put(TPACKET_REQ3.tp_sizeof_priv, "privateBytes");
    put(TPACKET_REQ3.tp_feature_req_word, "features");
    return bytes;
  },
  decode: unreadable,
};

export const packetStatistics: KindCodec<PacketStatistics, never> = {
  sizeBytes: TPACKET_STATS_V3.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, TPACKET_STATS_V3.size);
    return {
      packets: readU32(room, TPACKET_STATS_V3.tp_packets),
      drops: readU32(room, TPACKET_STATS_V3.tp_drops),
      freezes: readU32(room, TPACKET_STATS_V3.tp_freeze_q_cnt),
    };
  },
};

export const rolloverStatistics: KindCodec<RolloverStatistics, never> = {
  sizeBytes: TPACKET_ROLLOVER_STATS.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, TPACKET_ROLLOVER_STATS.size);
    return {
      all: readU64(room, TPACKET_ROLLOVER_STATS.tp_all),
      huge: readU64(room, TPACKET_ROLLOVER_STATS.tp_huge),
      failed: readU64(room, TPACKET_ROLLOVER_STATS.tp_failed),
    };
  },
};

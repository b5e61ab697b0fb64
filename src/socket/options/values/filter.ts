/** Classic BPF programs and ICMP filters: what a socket lets through. */
import {
  BPF_MAXINSNS,
  readU16,
  readU32,
  SOCK_FILTER,
  SOCK_FPROG,
  writeU16,
  writeU32,
  writeU64,
} from "../../../abi/index.ts";
import { addressOf } from "../../../sys/index.ts";
import { integer, list, object, UINT_MAX, unreadable, unwritable, wrongRange } from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** One instruction of classic BPF, struct sock_filter. */
export interface BpfInstruction {
  readonly code: number;
  /** How far to jump if the condition is true. */
  readonly jt: number;
  /** How far to jump if it is not. */
  readonly jf: number;
  readonly k: number;
}

/** A program as instructions, or as their bytes. */
export type BpfProgram = readonly BpfInstruction[] | Uint8Array;

/**
 * Instructions behind the struct sock_fprog that points to them: whoever holds the structure holds them, so that the
 * address in it is good for as long as the structure can be reached.
 */
const instructionsOf = new WeakMap<Uint8Array, Uint8Array>();

/** The encoder makes a struct sock_fprog. */
export const program: KindCodec<undefined, BpfProgram> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const instructions = value instanceof Uint8Array ? checkSize(option, value) : encodeAll(option, value);
    const bytes = new Uint8Array(SOCK_FPROG.size);
    writeU16(bytes, SOCK_FPROG.len, instructions.length / SOCK_FILTER.size);
    // SAFETY: the instructions are memory of their own, which does not move, and live as long as `bytes`, which the
    // caller passes to setsockopt: the kernel copies them during that call.
    writeU64(bytes, SOCK_FPROG.filter, BigInt(addressOf(instructions)));
    instructionsOf.set(bytes, instructions);
    return bytes;
  },
  decode: unreadable,
};

/** What SO_GET_FILTER gives; the kernel counts instructions, not bytes. */
export const readProgram: KindCodec<BpfInstruction[], never> = {
  sizeBytes: BPF_MAXINSNS * SOCK_FILTER.size,
  lengthUnitBytes: SOCK_FILTER.size,
  encode: unwritable,
  decode: (bytes) => {
    const count = Math.floor(bytes.length / SOCK_FILTER.size);
    return Array.from({ length: count }, (_, i) => decodeOne(bytes, i * SOCK_FILTER.size));
  },
};

function checkSize(option: string, value: Uint8Array): Uint8Array {
  const count = value.length / SOCK_FILTER.size;
  if (!Number.isInteger(count) || count < 1 || count > BPF_MAXINSNS) {
    throw wrongRange(option, `1 to ${BPF_MAXINSNS} instructions of ${SOCK_FILTER.size} bytes each`, value);
  }
  // A copy: what a Buffer's memory is shared with may be given to others, and small arrays may move.
  const own = new Uint8Array(new ArrayBuffer(value.length));
  own.set(value);
  return own;
}

function encodeAll(option: string, value: readonly BpfInstruction[]): Uint8Array {
  const instructions = list(option, value, BPF_MAXINSNS);
  if (instructions.length === 0) throw wrongRange(option, `1 to ${BPF_MAXINSNS} instructions`, 0);
  const bytes = new Uint8Array(new ArrayBuffer(instructions.length * SOCK_FILTER.size));
  for (const [i, instruction] of instructions.entries()) {
    const { code, jt, jf, k } = object(`${option}'s instruction`, "{ code, jt, jf, k }", instruction);
    const at = i * SOCK_FILTER.size;
    writeU16(bytes, at + SOCK_FILTER.code, integer(`${option}'s code`, code, 0, 0xffff));
    bytes[at + SOCK_FILTER.jt] = integer(`${option}'s jt`, jt, 0, 0xff);
    bytes[at + SOCK_FILTER.jf] = integer(`${option}'s jf`, jf, 0, 0xff);
    writeU32(bytes, at + SOCK_FILTER.k, integer(`${option}'s k`, k, 0, UINT_MAX));
  }
  return bytes;
}

function decodeOne(bytes: Uint8Array, at: number): BpfInstruction {
  return {
    code: readU16(bytes, at + SOCK_FILTER.code),
    jt: bytes[at + SOCK_FILTER.jt] as number,
    jf: bytes[at + SOCK_FILTER.jf] as number,
    k: readU32(bytes, at + SOCK_FILTER.k),
  };
}

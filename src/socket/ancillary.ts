/**
 * Ancillary data: what travels beside the bytes of a message, or is told about them. cmsg(3)
 *
 * Each entry is tagged by `type`, C's name of the control message (of the option that asks for it, where the message
 * has no name of its own). What has no name here is `raw`, in both directions.
 */
import { CMSG_SPACE, CmsgWriter, forEachCmsg } from "../abi/index.ts";
import { decodeScalar, encodeScalar, SCALARS, type ScalarAncillary, type ScalarName } from "./ancillary-scalars.ts";
import { type AncillaryCodec, STRUCTS, type StructAncillary, type StructName } from "./ancillary-structs.ts";

/** A control message by its numbers: what has no name here, or whose data is not what its name says. */
export interface RawAncillary {
  readonly type: "raw";
  /** SOL_ or IPPROTO_ constant. */
  readonly level: number;
  /** The message's number within the level: `cmsg_type`. */
  readonly number: number;
  readonly data: Uint8Array;
}

/** One piece of ancillary data. */
export type Ancillary = RawAncillary | ScalarAncillary | StructAncillary;
/** The entry of a type. */
export type AncillaryOf<Type extends Ancillary["type"]> = Extract<Ancillary, { readonly type: Type }>;

type Decoder = (data: Uint8Array) => Ancillary | undefined;

/** By level and number; two kinds that share both are told apart by their data. */
const decoders = new Map<number, Decoder[]>();
for (const [type, { level, number, decode }] of Object.entries(STRUCTS)) {
  addDecoder(level, number, (data) => {
    const fields = decode(data);
    return fields === undefined ? undefined : ({ type, ...fields } as Ancillary);
  });
}
for (const [type, { level, number, kind }] of Object.entries(SCALARS)) {
  addDecoder(level, number, (data) => {
    const value = decodeScalar(kind, data);
    return value === undefined ? undefined : ({ type, value } as Ancillary);
  });
}

/** The types that have a name, sorted. */
export const ancillaryTypes: readonly Exclude<Ancillary["type"], "raw">[] = Object.freeze(
  [...(Object.keys(SCALARS) as ScalarName[]), ...(Object.keys(STRUCTS) as StructName[])].sort(),
);

/**
 * A control buffer for sendmsg(2) that holds these entries, in their order.
 *
 *     const control = encodeAncillary([{ type: "IP_TTL", value: 1 }]);
 *
 * @throws TypeError for a type that there is not; TypeError or RangeError naming the field that cannot be.
 */
export function encodeAncillary(entries: readonly Ancillary[]): Uint8Array {
  const messages = entries.map(toMessage);
  const writer = new CmsgWriter(new Uint8Array(messages.reduce((sum, { data }) => sum + CMSG_SPACE(data.length), 0)));
  for (const { level, number, data } of messages) writer.append(level, number, data);
  return writer.bytes;
}

/** The entries in the first `length` bytes of a control buffer, with no view of it left. Never throws. */
export function decodeAncillary(control: Uint8Array, length: number = control.length): Ancillary[] {
  const entries: Ancillary[] = [];
  forEachCmsg(control, length, (level, number, start, end) => {
    entries.push(decodeOne(level, number, control.subarray(start, end)));
  });
  return entries;
}

function decodeOne(level: number, number: number, data: Uint8Array): Ancillary {
  for (const decode of decoders.get(key(level, number)) ?? []) {
    const entry = decode(data);
    if (entry !== undefined) return entry;
  }
  return { type: "raw", level, number, data: new Uint8Array(data) };
}

function toMessage(entry: Ancillary): { level: number; number: number; data: Uint8Array } {
  const { type } = entry;
  if (entry.type === "raw") {
    if (!(entry.data instanceof Uint8Array)) throw new TypeError("the data of raw ancillary data is a Uint8Array");
    return entry;
  }
  if (Object.hasOwn(SCALARS, type)) {
    const { level, number } = SCALARS[type as ScalarName];
    return { level, number, data: encodeScalar(type as ScalarName, (entry as ScalarAncillary).value) };
  }
  if (!Object.hasOwn(STRUCTS, type)) {
    throw new TypeError(`there is no ancillary data of type ${JSON.stringify(type)}; "raw" takes any by number`);
  }
  // The table's types pair each name with its fields; here the name is known only at run time.
  const { level, number, encode } = STRUCTS[type as StructName] as AncillaryCodec<never>;
  return { level, number, data: encode(entry as never) };
}

function addDecoder(level: number, number: number, decode: Decoder): void {
  const at = key(level, number);
  decoders.set(at, [...(decoders.get(at) ?? []), decode]);
}

/** One number for the pair: a level has 32 bits, and every number with a name fewer than 20. */
function key(level: number, number: number): number {
  const isSmall = number >= 0 && number < 2 ** 20;
  return isSmall ? level * 2 ** 20 + number : Number.NaN;
}

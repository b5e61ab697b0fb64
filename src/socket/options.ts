/**
 * Socket options as typed constants, made from the tables in `options/`: `options.TCP_NODELAY` is an `Option<boolean>`.
 * Where an option is asked for, its name will do as well: `socket.setOption("TCP_NODELAY", true)`.
 */
import * as abi from "../abi/index.ts";
import { IP_OPTIONS } from "./options/ip.ts";
import { IPV6_OPTIONS } from "./options/ipv6.ts";
import { type Kind, type KindCodec, type KindTypes, kinds } from "./options/kinds.ts";
import type { OptionRow } from "./options/row.ts";
import { SOCKET_OPTIONS } from "./options/socket.ts";
import { TCP_OPTIONS } from "./options/tcp.ts";
import { UDP_OPTIONS } from "./options/udp.ts";

/** A socket option: its numbers, and how its value is written for the kernel and read from it. */
export interface Option<Read, Write = Read> {
  /** C's name, `SO_REUSEADDR`. */
  readonly name: string;
  /** SOL_SOCKET, SOL_TCP … */
  readonly level: number;
  /** The number within the level. */
  readonly option: number;
  /** Room that reading needs. */
  readonly sizeBytes: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The first kernel that has it. */
  readonly since: string;
  /** The capability that writing needs, if any. */
  readonly capability: string | undefined;
  /** Where it is described, `socket(7)`. */
  readonly page: string;
  /** @throws TypeError or RangeError naming the option and what it takes. */
  encode(value: Write): Uint8Array;
  /** Takes any length. */
  decode(bytes: Uint8Array): Read;
}

type Tables = typeof IP_OPTIONS & typeof IPV6_OPTIONS & typeof SOCKET_OPTIONS & typeof TCP_OPTIONS & typeof UDP_OPTIONS;

/** The options that Portolan knows by name. */
export type OptionName = keyof Tables;

/** What reading the option gives. */
export type OptionReadValue<Name extends OptionName> = KindTypes[Tables[Name]["kind"]]["read"];
/** What writing the option takes. */
export type OptionWriteValue<Name extends OptionName> = KindTypes[Tables[Name]["kind"]]["write"];

/** Options by name with their values, as `connect` and `listen` take them: `{ TCP_NODELAY: true, SO_RCVBUF: 65536 }`. */
export type OptionValues = { readonly [Name in OptionName]?: OptionWriteValue<Name> };

/** Every option in the tables, by C's name. */
export const options: { readonly [Name in OptionName]: Option<OptionReadValue<Name>, OptionWriteValue<Name>> } =
  Object.freeze({
    ...build("SOL_SOCKET", SOCKET_OPTIONS),
    ...build("SOL_IP", IP_OPTIONS),
    ...build("SOL_IPV6", IPV6_OPTIONS),
    ...build("SOL_TCP", TCP_OPTIONS),
    ...build("SOL_UDP", UDP_OPTIONS),
    // The rows' types say what each option's are; the loop that reads them sees only strings.
  }) as never;

/** The option of a name, or the option itself. @throws TypeError for a name that is in no table. */
export function findOption(option: string | Option<unknown, never>): Option<unknown, never> {
  if (typeof option !== "string") return option;
  if (Object.hasOwn(options, option)) return options[option as OptionName];
  throw new TypeError(`no option "${option}" is known by name: getRawOption and setRawOption take any by number`);
}

function build(level: string, table: Readonly<Record<string, OptionRow>>): Record<string, Option<unknown, never>> {
  const built: Record<string, Option<unknown, never>> = {};
  for (const [name, row] of Object.entries(table)) built[name] = makeOption(level, name, row);
  return built;
}

function makeOption(level: string, name: string, row: OptionRow): Option<unknown, never> {
  const codec = kinds[row.kind as Kind] as KindCodec<unknown, never>;
  return Object.freeze({
    name,
    level: constant(level),
    option: constant(name),
    sizeBytes: codec.sizeBytes,
    readable: row.access !== "w",
    writable: row.access !== "r",
    since: row.since,
    capability: row.capability,
    page: row.page,
    encode: (value: never) => codec.encode(name, value),
    decode: codec.decode,
  });
}

function constant(name: string): number {
  const value = (abi as unknown as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "number") throw new TypeError(`the ABI has no constant ${name}`);
  return value;
}

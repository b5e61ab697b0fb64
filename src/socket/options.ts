/**
 * Socket options as typed constants, made from the tables in `options/`: `options.TCP_NODELAY` is an `Option<boolean>`.
 * Where an option is asked for, its name will do as well: `socket.setOption("TCP_NODELAY", true)`.
 */
import * as abi from "../abi/index.ts";
import type { KindCodec } from "./options/codec.ts";
import { ICMP_OPTIONS } from "./options/icmp.ts";
import { ICMPV6_OPTIONS } from "./options/icmpv6.ts";
import { IP_OPTIONS_TABLE } from "./options/ip.ts";
import { IPV6_OPTIONS } from "./options/ipv6.ts";
import { type Kind, type KindTypes, kinds } from "./options/kinds.ts";
import { MCAST_OPTIONS } from "./options/mcast.ts";
import { MPTCP_OPTIONS } from "./options/mptcp.ts";
import { NETLINK_OPTIONS } from "./options/netlink.ts";
import { PACKET_OPTIONS } from "./options/packet.ts";
import type { OptionMoment, OptionRow } from "./options/row.ts";
import { SOCKET_OPTIONS } from "./options/socket.ts";
import { TCP_OPTIONS } from "./options/tcp.ts";
import { UDP_OPTIONS } from "./options/udp.ts";
import { UDPLITE_OPTIONS } from "./options/udplite.ts";
import { VSOCK_OPTIONS } from "./options/vsock.ts";
import { XDP_OPTIONS_TABLE } from "./options/xdp.ts";

/** A socket option: its numbers, and how its value is written for the kernel and read from it. */
export interface Option<Read, Write = Read, Argument = undefined> {
  /** C's name, `SO_REUSEADDR`. */
  readonly name: string;
  /** SOL_SOCKET, SOL_TCP … */
  readonly level: number;
  /** C's name of the level. */
  readonly levelName: string;
  /** The number within the level. */
  readonly option: number;
  /** The kind of its value, as the tables call it: `bool`, `milliseconds` … */
  readonly kind: string;
  /** Room that reading needs; where the kernel says that it needs more, it is asked again. */
  readonly sizeBytes: number;
  /** The bytes that the kernel counts as one in the option's length: 1, except where it counts instructions. */
  readonly lengthUnitBytes: number;
  /** Whether the kernel refuses more room than the value fills. */
  readonly exactLength: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  /** When it can be set, or has its effect. */
  readonly when: OptionMoment;
  /** The first kernel that has it. */
  readonly since: string;
  /** The capability that writing needs, perhaps for some values only, if any. */
  readonly capability: string | undefined;
  /** Where it is described, `socket(7)`. */
  readonly page: string;
  /** What one has to know beside the page. */
  readonly note: string | undefined;
  /**
   * The bytes of a value, as the kernel wants them.
   * @throws TypeError or RangeError naming the option, what it takes and what came.
   */
  encode(value: Write): Uint8Array;
  /** Takes any length. */
  decode(bytes: Uint8Array): Read;
  /** What the room for the answer holds when the kernel is asked: zeros, or what the argument says. */
  request(argument: Argument | undefined): Uint8Array;
  /** The level for a value or an argument: the same always, except of multicast options for either family. */
  levelFor(value: unknown): number;
}

/** Any option, whatever its types. */
export type AnyOption = Option<unknown, never, never>;

type Tables = typeof ICMP_OPTIONS &
  typeof ICMPV6_OPTIONS &
  typeof IP_OPTIONS_TABLE &
  typeof IPV6_OPTIONS &
  typeof MCAST_OPTIONS &
  typeof MPTCP_OPTIONS &
  typeof NETLINK_OPTIONS &
  typeof PACKET_OPTIONS &
  typeof SOCKET_OPTIONS &
  typeof TCP_OPTIONS &
  typeof UDP_OPTIONS &
  typeof UDPLITE_OPTIONS &
  typeof VSOCK_OPTIONS &
  typeof XDP_OPTIONS_TABLE;

/** The options that Portolan knows by name. */
export type OptionName = keyof Tables;

type TypesOf<Name extends OptionName> = KindTypes[Tables[Name]["kind"]];

/** What reading the option gives; never of one that can only be written. */
export type OptionReadValue<Name extends OptionName> = Tables[Name]["access"] extends "w"
  ? never
  : TypesOf<Name>["read"];

/** What writing the option takes; never of one that can only be read. */
export type OptionWriteValue<Name extends OptionName> = Tables[Name]["access"] extends "r"
  ? never
  : TypesOf<Name>["write"];

/** What reading the option takes: undefined, for nearly all. */
export type OptionArgument<Name extends OptionName> =
  TypesOf<Name> extends { readonly argument: infer Argument } ? Argument : undefined;

/** The options that can be set. */
export type WritableOptionName = {
  [Name in OptionName]: Tables[Name]["access"] extends "r" ? never : Name;
}[OptionName];

/** Options by name with their values, as `connect` and `listen` take them: `{ TCP_NODELAY: true, SO_RCVBUF: 65536 }`. */
export type OptionValues = { readonly [Name in WritableOptionName]?: OptionWriteValue<Name> };

/** Every option in the tables, by C's name. */
export const options: {
  readonly [Name in OptionName]: Option<OptionReadValue<Name>, OptionWriteValue<Name>, OptionArgument<Name>>;
} = Object.freeze({
  ...build("SOL_SOCKET", SOCKET_OPTIONS),
  ...build("SOL_IP", IP_OPTIONS_TABLE),
  ...build("SOL_IP", MCAST_OPTIONS),
  ...build("SOL_IPV6", IPV6_OPTIONS),
  ...build("SOL_ICMPV6", ICMPV6_OPTIONS),
  ...build("SOL_MPTCP", MPTCP_OPTIONS),
  ...build("SOL_NETLINK", NETLINK_OPTIONS),
  ...build("SOL_PACKET", PACKET_OPTIONS),
  ...build("SOL_RAW", ICMP_OPTIONS),
  ...build("SOL_TCP", TCP_OPTIONS),
  ...build("SOL_UDP", UDP_OPTIONS),
  ...build("SOL_UDPLITE", UDPLITE_OPTIONS),
  // Not SOL_VSOCK, which is the level of its control messages. vsock(7)
  ...build("AF_VSOCK", VSOCK_OPTIONS),
  ...build("SOL_XDP", XDP_OPTIONS_TABLE),
  // The rows' types say what each option's are; the loop that reads them sees only strings.
}) as never;

/** The option of a name, or the option itself. @throws TypeError for a name that is in no table. */
export function findOption(option: string | AnyOption): AnyOption {
  if (typeof option !== "string") return option;
  if (Object.hasOwn(options, option)) return options[option as OptionName] as AnyOption;
  throw new TypeError(`no option "${option}" is known by name: getRawOption and setRawOption take any by number`);
}

function build(level: string, table: Readonly<Record<string, OptionRow>>): Record<string, AnyOption> {
  const built: Record<string, AnyOption> = {};
  for (const [name, row] of Object.entries(table)) built[name] = makeOption(level, name, row);
  return built;
}

function makeOption(levelName: string, name: string, row: OptionRow): AnyOption {
  const codec = kinds[row.kind as Kind] as KindCodec<unknown, never, never>;
  const level = constant(levelName);
  return Object.freeze({
    name,
    level,
    levelName,
    option: constant(name),
    kind: row.kind,
    sizeBytes: codec.sizeBytes,
    lengthUnitBytes: codec.lengthUnitBytes ?? 1,
    exactLength: codec.exactLength ?? false,
    readable: row.access !== "w",
    writable: row.access !== "r",
    when: row.when ?? "any",
    since: row.since,
    capability: row.capability,
    page: row.page,
    note: row.note,
    encode: (value: never) => codec.encode(name, value),
    decode: codec.decode,
    request: (argument: never) => codec.request?.(name, argument) ?? new Uint8Array(codec.sizeBytes),
    levelFor: (value: unknown) => codec.levelOf?.(name, value as never) ?? level,
  });
}

function constant(name: string): number {
  const value = (abi as unknown as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "number") throw new TypeError(`the ABI has no constant ${name}`);
  return value;
}

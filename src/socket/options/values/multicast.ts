/** Memberships of multicast groups, of both families and of either (RFC 3678), and their lists of sources. */
import {
  decodeSockaddr,
  encodeSockaddr,
  formatIPv4,
  GROUP_FILTER,
  GROUP_FILTER_SIZES,
  GROUP_REQ,
  GROUP_SOURCE_REQ,
  IP_MREQ_SOURCE,
  IP_MREQN,
  IP_MSFILTER_STRUCT,
  IPV6_MREQ,
  isIPv4,
  isIPv6,
  MCAST_EXCLUDE,
  MCAST_INCLUDE,
  readU32,
  SOL_IP,
  SOL_IPV6,
  writeU32,
} from "../../../abi/index.ts";
import {
  encodeIPv4,
  encodeIPv6,
  IN_ADDR_BYTES,
  INT_MAX,
  integer,
  list,
  object,
  padded,
  unreadable,
  wrongRange,
  wrongType,
} from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** IP_ADD_MEMBERSHIP: a group, and the interface to join it on, by index or by its address; else the kernel's choice. */
export interface Membership {
  readonly group: string;
  readonly interfaceIndex?: number;
  readonly interfaceAddress?: string;
}

/** IP_ADD_SOURCE_MEMBERSHIP: a group and the one source to hear in it. */
export interface SourceMembership {
  readonly group: string;
  readonly source: string;
  readonly interfaceAddress?: string;
}

/** IPV6_ADD_MEMBERSHIP: a group, and the index of the interface to join it on; else the kernel's choice. */
export interface Membership6 {
  readonly group: string;
  readonly interfaceIndex?: number;
}

/** IP_MULTICAST_IF: the interface that multicasts leave by, by index or by its address. */
export interface MulticastInterface {
  readonly interfaceIndex?: number;
  readonly interfaceAddress?: string;
}

/** MCAST_JOIN_GROUP: a group of either family, and the index of the interface; else the kernel's choice. */
export interface GroupMembership {
  readonly group: string;
  readonly interfaceIndex?: number;
}

/** MCAST_JOIN_SOURCE_GROUP: a group of either family and the one source to hear in it. */
export interface GroupSourceMembership extends GroupMembership {
  readonly source: string;
}

/** Whether the listed sources are the ones to hear, or the ones not to hear. */
export type SourceFilterMode = "include" | "exclude";

/** Which group's list of sources to read. */
export interface SourceFilterQuery {
  readonly group: string;
  readonly interfaceAddress?: string;
}

/** IP_MSFILTER: the sources of a group that was joined. */
export interface SourceFilter extends SourceFilterQuery {
  readonly mode: SourceFilterMode;
  readonly sources: readonly string[];
}

/** MCAST_MSFILTER: the sources of a group of either family. */
export interface GroupFilter extends GroupMembership {
  readonly mode: SourceFilterMode;
  readonly sources: readonly string[];
}

/** More sources than net.ipv4.igmp_max_msf and net.ipv6.mld_max_msf usually allow. */
const MAX_SOURCES = 128;
const STORAGE_BYTES: number = GROUP_FILTER_SIZES.gf_group;
const MODES = { include: MCAST_INCLUDE, exclude: MCAST_EXCLUDE } as const;

export const membership: KindCodec<undefined, Membership> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = new Uint8Array(IP_MREQN.size);
    bytes.set(encodeIPv4(`${option}'s group`, value?.group), IP_MREQN.imr_multiaddr);
    encodeInterface(option, value, bytes);
    return bytes;
  },
  decode: unreadable,
};

export const membership6: KindCodec<undefined, Membership6> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = new Uint8Array(IPV6_MREQ.size);
    bytes.set(encodeIPv6(`${option}'s group`, value?.group), IPV6_MREQ.ipv6mr_multiaddr);
    writeU32(bytes, IPV6_MREQ.ipv6mr_interface, indexOf(option, value));
    return bytes;
  },
  decode: unreadable,
};

export const sourceMembership: KindCodec<undefined, SourceMembership> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = new Uint8Array(IP_MREQ_SOURCE.size);
    bytes.set(encodeIPv4(`${option}'s group`, value?.group), IP_MREQ_SOURCE.imr_multiaddr);
    bytes.set(encodeIPv4(`${option}'s source`, value.source), IP_MREQ_SOURCE.imr_sourceaddr);
    bytes.set(interfaceAddressOf(option, value), IP_MREQ_SOURCE.imr_interface);
    return bytes;
  },
  decode: unreadable,
};

export const multicastInterface: KindCodec<string, MulticastInterface> = {
  sizeBytes: IN_ADDR_BYTES,
  encode: (option, value) => {
    const bytes = new Uint8Array(IP_MREQN.size);
    encodeInterface(option, value, bytes);
    return bytes;
  },
  decode: (bytes) => formatIPv4(padded(bytes, IN_ADDR_BYTES)),
};

export const groupMembership: KindCodec<undefined, GroupMembership> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = new Uint8Array(GROUP_REQ.size);
    writeU32(bytes, GROUP_REQ.gr_interface, indexOf(option, value));
    putAddress(`${option}'s group`, value.group, bytes, GROUP_REQ.gr_group);
    return bytes;
  },
  decode: unreadable,
  levelOf,
};

export const groupSource: KindCodec<undefined, GroupSourceMembership> = {
  sizeBytes: 0,
  encode: (option, value) => {
    const bytes = new Uint8Array(GROUP_SOURCE_REQ.size);
    writeU32(bytes, GROUP_SOURCE_REQ.gsr_interface, indexOf(option, value));
    putAddress(`${option}'s group`, value.group, bytes, GROUP_SOURCE_REQ.gsr_group);
    putAddress(`${option}'s source`, value.source, bytes, GROUP_SOURCE_REQ.gsr_source);
    return bytes;
  },
  decode: unreadable,
  levelOf,
};

export const sourceFilter: KindCodec<SourceFilter, SourceFilter, SourceFilterQuery> = {
  sizeBytes: IP_MSFILTER_STRUCT.imsf_slist + MAX_SOURCES * IN_ADDR_BYTES,
  encode: (option, value) => {
    const sources = list(`${option}'s sources`, value?.sources, MAX_SOURCES);
    const bytes = new Uint8Array(IP_MSFILTER_STRUCT.imsf_slist + sources.length * IN_ADDR_BYTES);
    putSourceFilter(option, value, bytes);
    writeU32(bytes, IP_MSFILTER_STRUCT.imsf_fmode, modeNumber(option, value.mode));
    writeU32(bytes, IP_MSFILTER_STRUCT.imsf_numsrc, sources.length);
    for (const [i, source] of sources.entries()) {
      bytes.set(encodeIPv4(`${option}'s source`, source), IP_MSFILTER_STRUCT.imsf_slist + i * IN_ADDR_BYTES);
    }
    return bytes;
  },
  request: (option, query) => {
    const bytes = new Uint8Array(IP_MSFILTER_STRUCT.imsf_slist + MAX_SOURCES * IN_ADDR_BYTES);
    putSourceFilter(option, query as SourceFilterQuery, bytes);
    writeU32(bytes, IP_MSFILTER_STRUCT.imsf_numsrc, MAX_SOURCES);
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, IP_MSFILTER_STRUCT.imsf_slist);
    const count = countOf(room, IP_MSFILTER_STRUCT.imsf_numsrc, IP_MSFILTER_STRUCT.imsf_slist, IN_ADDR_BYTES);
    return {
      group: formatIPv4(room, IP_MSFILTER_STRUCT.imsf_multiaddr),
      interfaceAddress: formatIPv4(room, IP_MSFILTER_STRUCT.imsf_interface),
      mode: modeName(readU32(room, IP_MSFILTER_STRUCT.imsf_fmode)),
      sources: Array.from({ length: count }, (_, i) =>
        formatIPv4(room, IP_MSFILTER_STRUCT.imsf_slist + i * IN_ADDR_BYTES),
      ),
    };
  },
};

export const groupFilter: KindCodec<GroupFilter, GroupFilter, GroupMembership> = {
  sizeBytes: GROUP_FILTER.gf_slist + MAX_SOURCES * STORAGE_BYTES,
  encode: (option, value) => {
    const sources = list(`${option}'s sources`, value?.sources, MAX_SOURCES);
    const bytes = new Uint8Array(GROUP_FILTER.gf_slist + sources.length * STORAGE_BYTES);
    putGroupFilter(option, value, bytes);
    writeU32(bytes, GROUP_FILTER.gf_fmode, modeNumber(option, value.mode));
    writeU32(bytes, GROUP_FILTER.gf_numsrc, sources.length);
    for (const [i, source] of sources.entries()) {
      putAddress(`${option}'s source`, source, bytes, GROUP_FILTER.gf_slist + i * STORAGE_BYTES);
    }
    return bytes;
  },
  request: (option, query) => {
    const bytes = new Uint8Array(GROUP_FILTER.gf_slist + MAX_SOURCES * STORAGE_BYTES);
    putGroupFilter(option, query as GroupMembership, bytes);
    writeU32(bytes, GROUP_FILTER.gf_numsrc, MAX_SOURCES);
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, GROUP_FILTER.gf_slist);
    const count = countOf(room, GROUP_FILTER.gf_numsrc, GROUP_FILTER.gf_slist, STORAGE_BYTES);
    return {
      group: addressText(room, GROUP_FILTER.gf_group),
      interfaceIndex: readU32(room, GROUP_FILTER.gf_interface),
      mode: modeName(readU32(room, GROUP_FILTER.gf_fmode)),
      sources: Array.from({ length: count }, (_, i) => addressText(room, GROUP_FILTER.gf_slist + i * STORAGE_BYTES)),
    };
  },
  levelOf,
};

/** Options of either family are at the level of the group's. */
function levelOf(option: string, value: GroupMembership | undefined): number {
  const { group } = object(option, "{ group: string }", value);
  return isIPv6(group) ? SOL_IPV6 : SOL_IP;
}

function putAddress(what: string, address: unknown, bytes: Uint8Array, offset: number): void {
  if (typeof address !== "string") throw wrongType(what, "the text of an address", address);
  if (isIPv4(address)) encodeSockaddr({ family: "inet", address, port: 0 }, bytes, offset);
  else if (isIPv6(address)) encodeSockaddr({ family: "inet6", address, port: 0 }, bytes, offset);
  else throw wrongRange(what, "the text of an address", address);
}

function addressText(bytes: Uint8Array, offset: number): string {
  const address = decodeSockaddr(bytes, offset, STORAGE_BYTES);
  return "address" in address && typeof address.address === "string" ? address.address : "";
}

function putSourceFilter(option: string, value: SourceFilterQuery, bytes: Uint8Array): void {
  bytes.set(encodeIPv4(`${option}'s group`, value?.group), IP_MSFILTER_STRUCT.imsf_multiaddr);
  bytes.set(interfaceAddressOf(option, value), IP_MSFILTER_STRUCT.imsf_interface);
}

function putGroupFilter(option: string, value: GroupMembership, bytes: Uint8Array): void {
  writeU32(bytes, GROUP_FILTER.gf_interface, indexOf(option, value));
  putAddress(`${option}'s group`, value.group, bytes, GROUP_FILTER.gf_group);
}

/** How many entries the kernel says there are, and there is room for. */
function countOf(bytes: Uint8Array, offset: number, listOffset: number, entryBytes: number): number {
  return Math.min(readU32(bytes, offset), Math.floor((bytes.length - listOffset) / entryBytes));
}

function modeNumber(option: string, mode: unknown): number {
  if (mode === "include" || mode === "exclude") return MODES[mode];
  throw wrongType(`${option}'s mode`, '"include" or "exclude"', mode);
}

function modeName(mode: number): SourceFilterMode {
  return mode === MCAST_INCLUDE ? "include" : "exclude";
}

function indexOf(option: string, value: { readonly interfaceIndex?: number }): number {
  const { interfaceIndex = 0 } = object(option, "an object", value);
  return integer(`${option}'s interfaceIndex`, interfaceIndex, 0, INT_MAX);
}

function interfaceAddressOf(option: string, value: { readonly interfaceAddress?: string }): Uint8Array {
  return encodeIPv4(`${option}'s interfaceAddress`, value.interfaceAddress ?? "0.0.0.0");
}

function encodeInterface(option: string, value: MulticastInterface, bytes: Uint8Array): void {
  const index = indexOf(option, value);
  bytes.set(interfaceAddressOf(option, value), IP_MREQN.imr_address);
  writeU32(bytes, IP_MREQN.imr_ifindex, index);
}

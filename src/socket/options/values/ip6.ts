/** Structures at level SOL_IPV6. */
import {
  decodeSockaddr,
  formatIPv6,
  htonl,
  IN6_FLOWLABEL_REQ,
  IN6_PKTINFO,
  IP6_MTUINFO,
  IPV6_FL_A_GET,
  ntohl,
  readU16,
  readU32,
  SOCKADDR_IN6,
  writeU16,
  writeU32,
} from "../../../abi/index.ts";
import { encodeIPv6, INT_MAX, integer, object, padded, unwritable } from "../checks.ts";
import type { KindCodec } from "../codec.ts";

/** IPV6_PKTINFO: the source address of what is sent, and the interface that it leaves by. RFC 3542 section 6.2 */
export interface PacketInfo6 {
  readonly address?: string;
  readonly interfaceIndex?: number;
}

/** IPV6_PATHMTU: how much fits into one packet to the peer. RFC 3542 section 11.3 */
export interface PathMtu {
  readonly address: string;
  readonly mtuBytes: number;
}

/** IPV6_FLOWLABEL_MGR: what to do with a flow label. What is left out is 0, or any address. */
export interface FlowLabel {
  /** Where the flow goes. */
  readonly destination?: string;
  /** The 20 bits of the label. */
  readonly label?: number;
  /** IPV6_FL_A_GET, IPV6_FL_A_PUT or IPV6_FL_A_RENEW. */
  readonly action?: number;
  /** IPV6_FL_S_EXCL … */
  readonly share?: number;
  /** IPV6_FL_F_CREATE … */
  readonly flags?: number;
  readonly expiresSeconds?: number;
  readonly lingerSeconds?: number;
}

/** IPV6_FL_F_ flags that choose which label is read: IPV6_FL_F_REMOTE for the one that the peer uses. */
export interface FlowLabelQuery {
  readonly flags?: number;
}

const LABEL_MAX = 0xfffff;
const U8_MAX = 0xff;
const U16_MAX = 0xffff;

export const packetInfo6: KindCodec<PacketInfo6, PacketInfo6> = {
  sizeBytes: IN6_PKTINFO.size,
  encode: (option, value) => {
    const { address = "::", interfaceIndex = 0 } = object(option, "{ address, interfaceIndex }", value);
    const bytes = new Uint8Array(IN6_PKTINFO.size);
    bytes.set(encodeIPv6(`${option}'s address`, address), IN6_PKTINFO.ipi6_addr);
    writeU32(bytes, IN6_PKTINFO.ipi6_ifindex, integer(`${option}'s interfaceIndex`, interfaceIndex, 0, INT_MAX));
    return bytes;
  },
  decode: (bytes) => {
    const room = padded(bytes, IN6_PKTINFO.size);
    const interfaceIndex = readU32(room, IN6_PKTINFO.ipi6_ifindex);
    return { address: formatIPv6(room, IN6_PKTINFO.ipi6_addr), interfaceIndex };
  },
};

export const pathMtu: KindCodec<PathMtu, never> = {
  sizeBytes: IP6_MTUINFO.size,
  encode: unwritable,
  decode: (bytes) => {
    const room = padded(bytes, IP6_MTUINFO.size);
    const destination = decodeSockaddr(room, IP6_MTUINFO.ip6m_addr, SOCKADDR_IN6.size);
    const address = destination.family === "inet6" ? destination.address : "::";
    return { address, mtuBytes: readU32(room, IP6_MTUINFO.ip6m_mtu) };
  },
};

export const flowLabel: KindCodec<FlowLabel, FlowLabel, FlowLabelQuery> = {
  sizeBytes: IN6_FLOWLABEL_REQ.size,
  encode: encodeFlowLabel,
  request: (option, query) => encodeFlowLabel(option, { flags: query?.flags ?? 0, action: IPV6_FL_A_GET }),
  decode: (bytes) => {
    const room = padded(bytes, IN6_FLOWLABEL_REQ.size);
    return {
      destination: formatIPv6(room, IN6_FLOWLABEL_REQ.flr_dst),
      label: ntohl(readU32(room, IN6_FLOWLABEL_REQ.flr_label)) & LABEL_MAX,
      action: room[IN6_FLOWLABEL_REQ.flr_action] as number,
      share: room[IN6_FLOWLABEL_REQ.flr_share] as number,
      flags: readU16(room, IN6_FLOWLABEL_REQ.flr_flags),
      expiresSeconds: readU16(room, IN6_FLOWLABEL_REQ.flr_expires),
      lingerSeconds: readU16(room, IN6_FLOWLABEL_REQ.flr_linger),
    };
  },
};

function encodeFlowLabel(option: string, value: FlowLabel): Uint8Array {
  const { destination = "::", ...rest } = object(option, "{ action, label, … }", value);
  const field = (name: Exclude<keyof FlowLabel, "destination">, max: number): number =>
    integer(`${option}'s ${name}`, rest[name] ?? 0, 0, max);
  const bytes = new Uint8Array(IN6_FLOWLABEL_REQ.size);
  bytes.set(encodeIPv6(`${option}'s destination`, destination), IN6_FLOWLABEL_REQ.flr_dst);
  writeU32(bytes, IN6_FLOWLABEL_REQ.flr_label, htonl(field("label", LABEL_MAX)));
  bytes[IN6_FLOWLABEL_REQ.flr_action] = field("action", U8_MAX);
  bytes[IN6_FLOWLABEL_REQ.flr_share] = field("share", U8_MAX);
  writeU16(bytes, IN6_FLOWLABEL_REQ.flr_flags, field("flags", U16_MAX));
  writeU16(bytes, IN6_FLOWLABEL_REQ.flr_expires, field("expiresSeconds", U16_MAX));
  writeU16(bytes, IN6_FLOWLABEL_REQ.flr_linger, field("lingerSeconds", U16_MAX));
  return bytes;
}

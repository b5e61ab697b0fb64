/** What the source address of a datagram says about who sent it, read from numeric text as the kernel writes it. */

/**
 * - `unicast`: one host, as far as an address can tell.
 * - `loopback`: this host; the kernel drops such packets where they come in from outside.
 * - `unspecified`: 0.0.0.0/8 ("this network", RFC 1122 section 3.2.1.3) and `::`.
 * - `multicast`: 224.0.0.0/4 and ff00::/8, never a source (RFC 1112 section 7.2, RFC 4291 section 2.7).
 * - `reserved`: 240.0.0.0/4, which holds the limited broadcast 255.255.255.255.
 * - `malformed`: no IP address.
 */
export type SourceKind = "loopback" | "malformed" | "multicast" | "reserved" | "unicast" | "unspecified";

/** What is read from a source address. */
export interface Source {
  readonly kind: SourceKind;
  /**
   * Whom to hold to account: an IPv4 address, or the /64 of an IPv6 address, since one host may use all of its /64
   * (RFC 4291 section 2.5.4). A link-local address stands for itself, since all neighbours share its /64. An IPv4
   * address mapped into IPv6 is that IPv4 address.
   */
  readonly group: string;
}

const V4_PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const MAPPED_PREFIX = /^::ffff:(?=\d+\.)/i;
const V6_GROUPS = 8;
const V6_GROUPS_OF_64_BITS = 4;
/** The longest text with a zone: 45 characters, "%", and the name of an interface. */
const MAX_TEXT = 64;

const MALFORMED: Source = { kind: "malformed", group: "" };

/** Reads numeric address text, with or without a `%zone`. */
export function readSource(address: string): Source {
  if (address.length > MAX_TEXT) return MALFORMED;
  const v4 = V4_PATTERN.exec(address.replace(MAPPED_PREFIX, ""));
  return v4 === null ? readV6(address) : readV4(v4);
}

function readV4(found: RegExpExecArray): Source {
  const octets = found.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return MALFORMED;
  return { kind: kindOfV4(octets[0] as number), group: octets.join(".") };
}

function kindOfV4(first: number): SourceKind {
  if (first === 0) return "unspecified";
  if (first === 127) return "loopback";
  if (first >= 240) return "reserved";
  return first >= 224 ? "multicast" : "unicast";
}

function readV6(address: string): Source {
  const groups = groupsOfV6(address.split("%", 1)[0] as string);
  if (groups === undefined) return MALFORMED;
  const isLinkLocal = ((groups[0] as number) & 0xffc0) === 0xfe80;
  const group = isLinkLocal ? hexOf(groups) : `${hexOf(groups.slice(0, V6_GROUPS_OF_64_BITS))}::/64`;
  return { kind: kindOfV6(groups), group };
}

function hexOf(groups: readonly number[]): string {
  return groups.map((value) => value.toString(16)).join(":");
}

function kindOfV6(groups: readonly number[]): SourceKind {
  const last = groups[V6_GROUPS - 1] as number;
  if (groups.slice(0, -1).every((value) => value === 0) && last <= 1) return last === 1 ? "loopback" : "unspecified";
  return (groups[0] as number) >= 0xff00 ? "multicast" : "unicast";
}

/** The eight 16-bit groups of an IPv6 address without dotted quad (RFC 4291 section 2.2). */
function groupsOfV6(text: string): number[] | undefined {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const written = [...head, ...tail];
  if (written.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = V6_GROUPS - written.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<string>(missing).fill("0"), ...tail].map((group) => Number.parseInt(group, 16));
}

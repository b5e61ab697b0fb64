/**
 * Runs of datagrams that cross the kernel as one (udp(7), UDP_SEGMENT and UDP_GRO).
 *
 * Most of what a small datagram costs is the way through the kernel, once for each. So what one peer sends in a row is
 * taken joined, where the kernel has joined it, with the size of its segments beside it; and answers of one size to one
 * peer leave as one, which the kernel, or the network card, cuts. On the wire nothing changes.
 */
import {
  CMSG_LEN,
  CMSG_SPACE,
  EINVAL,
  EIO,
  EMSGSIZE,
  EOPNOTSUPP,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from "../abi/index.ts";
import { setsockopt } from "../sys/index.ts";

/** Room for what is said of a received run: an int. */
export const JOINED_BYTES: number = CMSG_SPACE(4);
/** Room for what is to be done with a run that is sent: a 16-bit number. */
export const CUT_BYTES: number = CMSG_SPACE(2);
/** The kernel cuts into no more: UDP_MAX_SEGMENTS, 64 before Linux 6.9. */
export const MAX_SEGMENTS = 64;
/** The most that one send may have over IPv4, headers left out. */
export const MAX_RUN_BYTES = 65_507;
/** Longer segments may be too long for the way to the peer, unless a run of that size came from there: RFC 8200, section 5. */
export const SAFE_SEGMENT_BYTES = 1232;

/** What says that this run cannot be cut: of that size, on that way, or by that kernel. */
const CANNOT_CUT: ReadonlySet<number> = new Set([EINVAL, EIO, EMSGSIZE, EOPNOTSUPP]);

/**
 * Says whether runs may be received joined. A socket that somebody else had may have it switched on: whoever reads
 * datagrams one by one switches it off.
 * @returns whether they will; never from what is no UDP socket.
 */
export function setJoined(fd: number, isWanted: boolean): boolean {
  return setsockopt(fd, SOL_UDP, UDP_GRO, new Int32Array([isWanted ? 1 : 0]), 4) === 0 && isWanted;
}

/** Whether a send failed because it was to be cut, and its datagrams may go one by one. */
export function cannotCut(errno: number): boolean {
  return CANNOT_CUT.has(errno);
}

/** The size of the segments, if this control message, in words of 4 bytes from `at` on, tells it; else 0. */
export function joinedSize(words: Uint32Array, at: number): number {
  const isJoined = words[at + 2] === SOL_UDP && words[at + 3] === UDP_GRO && words[at] === CMSG_LEN(4);
  return isJoined ? (words[at + 4] as number) : 0;
}

/** Writes the control message that asks for segments of `sizeBytes`. */
export function storeCut(words: Uint32Array, at: number, sizeBytes: number): void {
  words[at] = CMSG_LEN(2);
  words[at + 1] = 0;
  words[at + 2] = SOL_UDP;
  words[at + 3] = UDP_SEGMENT;
  words[at + 4] = sizeBytes;
}

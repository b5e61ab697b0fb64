/** Who may use a service, and when: `only_from`, `no_access` and `access_times` of xinetd.conf(5). */
import { lookup, lookupService } from "node:dns/promises";
import { isIPv4, isIPv6, parseIPv4, parseIPv6, type SocketAddress } from "../../abi/index.ts";
import type { AddressPattern, InetdService, TimeSpan } from "../model.ts";
import type { Refusal } from "./gate.ts";

const MINUTES_PER_HOUR = 60;
const BITS_PER_BYTE = 8;
const IPV4_BYTES = 4;
/** How long an answer of a look-up is believed, how many are kept, and how long one may take. */
const BELIEVED_MS = 60_000;
const MAX_KEPT = 1024;
const LOOKUP_TIMEOUT_MS = 10_000;
/** How well a host's name matches: as well as its whole address. */
const WHOLE_ADDRESS = 129;

/**
 * Decides by the configuration. The rule that fits the peer's address best decides between `only_from` and `no_access`, and
 * `no_access` where both fit as well. A peer without an address, on a unix socket, fits no rule.
 * @returns why not, or undefined; a promise of it where a host's name in a rule has to be looked up first.
 */
export function checkAccess(
  { access }: InetdService,
  peer: SocketAddress | undefined,
  now: Date,
): Refusal | undefined | Promise<Refusal | undefined> {
  if (access.times.length > 0 && !isWithin(access.times, now)) return "time";
  const { onlyFrom, noAccess } = access;
  if (onlyFrom === undefined && noAccess.length === 0) return undefined;
  const bytes = bytesOf(peer);
  const decide = (allowed: number, denied: number): Refusal | undefined => {
    if (onlyFrom !== undefined && allowed === 0) return "address";
    return denied > 0 && denied >= allowed ? "address" : undefined;
  };
  const allowed = matchOf(onlyFrom ?? [], bytes);
  const denied = matchOf(noAccess, bytes);
  if (typeof allowed === "number" && typeof denied === "number") return decide(allowed, denied);
  return Promise.all([allowed, denied]).then((found) => decide(...found));
}

function isWithin(spans: readonly TimeSpan[], now: Date): boolean {
  const minute = now.getHours() * MINUTES_PER_HOUR + now.getMinutes();
  return spans.some(({ fromMinute, toMinute }) => fromMinute <= minute && minute <= toMinute);
}

/** Four or sixteen bytes; an IPv4 address mapped into IPv6 is that IPv4 address. */
function bytesOf(peer: SocketAddress | undefined): Uint8Array | undefined {
  if (peer?.family !== "inet" && peer?.family !== "inet6") return undefined;
  return parseAddress(peer.address);
}

function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return parseIPv4(text);
  const [plain = ""] = text.split("%");
  if (!isIPv6(plain)) return undefined;
  const bytes = parseIPv6(plain);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(-IPV4_BYTES) : bytes;
}

/** How well the best of the rules fits: 0 for not at all, else more for more bits. */
function matchOf(patterns: readonly AddressPattern[], peer: Uint8Array | undefined): number | Promise<number> {
  if (peer === undefined) return 0;
  let best = 0;
  const pending: Promise<boolean>[] = [];
  for (const pattern of patterns) {
    if (pattern.kind === "network") {
      if (isInside(pattern, peer)) best = Math.max(best, pattern.bits + 1);
      continue;
    }
    const found = isHost(pattern.text, peer);
    if (found === true) best = WHOLE_ADDRESS;
    else if (typeof found === "object") pending.push(found);
  }
  if (pending.length === 0 || best >= WHOLE_ADDRESS) return best;
  return Promise.all(pending).then((found) => (found.includes(true) ? WHOLE_ADDRESS : best));
}

function isInside({ address, bits }: AddressPattern & { readonly kind: "network" }, peer: Uint8Array): boolean {
  if (address.length !== peer.length) return false;
  const whole = Math.floor(bits / BITS_PER_BYTE);
  for (let i = 0; i < whole; i++) if (address[i] !== peer[i]) return false;
  const mask = 0xff & (0xff << (BITS_PER_BYTE - (bits % BITS_PER_BYTE)));
  return mask === 0 || (((address[whole] as number) ^ (peer[whole] as number)) & mask) === 0;
}

interface Kept {
  readonly untilMs: number;
  readonly addresses: readonly string[];
}

/** What look-ups have given: the addresses of a name, and the names of an address. */
const kept = new Map<string, Kept>();

/** Whether a name is one of the peer's: a host's name has its address, or the peer's own name ends in a domain's. */
function isHost(name: string, peer: Uint8Array): boolean | Promise<boolean> {
  const text = Buffer.from(peer).toString("hex");
  const key = name.startsWith(".") ? `${name} ${text}` : name;
  const known = kept.get(key);
  if (known !== undefined && known.untilMs > performance.now()) return known.addresses.includes(text);
  const found = name.startsWith(".") ? addressesInDomain(name, peer) : addressesOf(name);
  return withinTime(found).then((addresses) => {
    keep(key, addresses);
    return addresses.includes(text);
  });
}

function keep(key: string, addresses: readonly string[]): void {
  kept.delete(key);
  // The oldest goes.
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string);
  kept.set(key, { untilMs: performance.now() + BELIEVED_MS, addresses });
}

async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => Buffer.from(parseAddress(address) ?? []).toString("hex"));
}

/** The peer's address, if it has a name in the domain which leads back to it: else anybody's name server could say so. */
async function addressesInDomain(domain: string, peer: Uint8Array): Promise<string[]> {
  const { hostname } = await lookupService(textOf(peer), 0);
  return hostname.toLowerCase().endsWith(domain.toLowerCase()) ? addressesOf(hostname) : [];
}

function textOf(peer: Uint8Array): string {
  if (peer.length === IPV4_BYTES) return peer.join(".");
  return Buffer.from(peer).toString("hex").match(/.{4}/g)?.join(":") ?? "";
}

/** What cannot be found, or not in time, is nobody's. */
function withinTime(found: Promise<readonly string[]>): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve([]), LOOKUP_TIMEOUT_MS);
    const settle = (addresses: readonly string[]): void => {
      clearTimeout(timer);
      resolve(addresses);
    };
    found.then(settle, () => settle([]));
  });
}

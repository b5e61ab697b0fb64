/**
 * Keeps a datagram service from being used against others.
 *
 * Whoever writes a datagram writes its source address too, and can write somebody else's. Three abuses follow, and each
 * has its rule here:
 *
 * - Two services that answer anything are pointed at each other, and talk for ever (CVE-2024-2169). So the source ports
 *   of services are not answered: all below 1024, and those above that answer without being asked twice, ours
 *   included. Where that does not help, because a service stands on a port of its own, the rate limit ends the loop: a
 *   source that has used up its share is not answered at all for a while, and what loops meanwhile is lost for good. It
 *   holds on loopback too, but for ports that the kernel chose, which are clients'.
 *   (A loop slower than the rate, between services far apart on ports that nobody knows, goes on; it is slow.)
 * - Small questions draw large answers to a victim. So an answer is one datagram, no longer than its question.
 * - Many questions draw many answers to a victim, or from addresses that nobody has. So answers are limited per source,
 *   and addresses that can be no source are not answered.
 */
import type { DatagramIntents, DatagramProtocol } from "./datagram.ts";
import { SharedShares, type SharesMemory } from "./shared-shares.ts";
import { readSource, type Source } from "./source-address.ts";
import type { PeerAddress } from "./stream.ts";

/** Why a datagram was not answered. */
export type Refusal = "address" | "amplification" | "port" | "rate";

/** Whom a {@link DatagramGuard} lets have an answer, and how many. */
export interface GuardOptions {
  /** Also answer sources of 127.0.0.0/8 and ::1. On by default: the kernel lets none of them in from outside. */
  readonly allowLoopback?: boolean;
  /** Source ports to answer after all. */
  readonly allowPorts?: readonly number[];
  /** Datagrams of one source that are answered at once before the rate counts. */
  readonly burst?: number;
  /**
   * The first and the last port that the kernel gives to who chooses none, as clients do. Who sends from another has chosen
   * it, as services do, so such a source is held to the rate on loopback too.
   */
  readonly clientPorts?: readonly [number, number];
  /** Bytes by which an answer may be longer than its question; Infinity: any answer, and any number of them. */
  readonly maxGrowthBytes?: number;
  /** Sources that are remembered; then the one is forgotten that was silent for longest. */
  readonly maxSources?: number;
  /**
   * Also hold loopback sources with a client's port to the rate. Nobody outside can send in their name, so a service may do
   * without it: a benchmark or a burst on one's own machine asks more than a stranger may.
   */
  readonly limitLoopback?: boolean;
  /** For how long a source that has used up its share is not answered. */
  readonly quietMs?: number;
  /** Datagrams of one source that are answered per second; Infinity: no limit. */
  readonly ratePerSecond?: number;
  /** Source ports not to answer, besides the known ones: the service's own, for a start. */
  readonly refusePorts?: readonly number[];
}

/** What a guard knows beside its options. */
export interface GuardPlace {
  /** Where all workers of a server count sources together; `maxSources` is this memory's then. */
  readonly shares?: SharesMemory | undefined;
}

/** What holds where {@link GuardOptions} say nothing. The ports are Linux' own (ip_local_port_range, ip(7)). */
export const GUARD_DEFAULTS: Required<GuardOptions> = {
  allowLoopback: true,
  allowPorts: [],
  burst: 512,
  clientPorts: [32_768, 60_999],
  limitLoopback: true,
  maxGrowthBytes: 0,
  maxSources: 16_384,
  quietMs: 1000,
  ratePerSecond: 256,
  refusePorts: [],
};

const PORT_COUNT = 65_536;
/** Ports that take a privilege to send from: services do, clients do not. */
const FIRST_UNPRIVILEGED_PORT = 1024;

/** Where services whose own port is below 1024 listen without privilege: that much further up. */
export const UNPRIVILEGED_SHIFT = 7000;

/** Services that answer any datagram, or nearly any, and so would answer an answer. */
export const ANSWERING_PORTS = {
  echo: 7,
  discard: 9,
  systat: 11,
  daytime: 13,
  netstat: 15,
  qotd: 17,
  chargen: 19,
  time: 37,
  domain: 53,
  tftp: 69,
  ntp: 123,
  snmp: 161,
  rot13: 1067,
  ssdp: 1900,
  mdns: 5353,
  truncate: 5678,
  memcached: 11_211,
} as const;

/** One source's share: a bucket of tokens that fills with time, one token a datagram. */
interface Bucket {
  tokens: number;
  filledAtMs: number;
  quietUntilMs: number;
}

/** Decides whom to answer. Made once for a socket; {@link guarded} applies it to a protocol. */
export class DatagramGuard {
  /** How often each rule has refused. */
  readonly refusals: Record<Refusal, number> = { address: 0, amplification: 0, port: 0, rate: 0 };
  readonly options: Required<GuardOptions>;
  /** What each source port is: looked up for every datagram, so it is an array and no set. */
  readonly #ports: Uint8Array;
  /** The source address in hand, and what it is: the next datagram is often from the same. */
  #address = "";
  #source: Source = readSource("");
  /** In the order of last use. */
  readonly #buckets = new Map<string, Bucket>();
  /** In place of those, where others count too. */
  readonly #shared: SharedShares | undefined;

  /** @throws RangeError for a limit that is no number or too small to answer anybody. */
  constructor(options: GuardOptions = {}, { shares }: GuardPlace = {}) {
    this.options = { ...GUARD_DEFAULTS, ...options };
    const { burst, maxGrowthBytes, maxSources, quietMs, ratePerSecond } = this.options;
    checkLimit("burst", burst, 1);
    checkLimit("maxGrowthBytes", maxGrowthBytes, 0);
    checkLimit("maxSources", maxSources, 1);
    checkLimit("quietMs", quietMs, 0);
    checkLimit("ratePerSecond", ratePerSecond, 0);
    this.#ports = classifyPorts(this.options);
    if (shares !== undefined && SharedShares.canKeep(this.options)) {
      this.#shared = new SharedShares(shares, this.options);
    }
  }

  /** Sources that are remembered at the moment. */
  get sourceCount(): number {
    return this.#buckets.size;
  }

  /**
   * Counts a datagram of `peer`.
   * @param nowMs on a clock that never goes back.
   * @returns why not to answer it, or undefined.
   */
  admit(peer: PeerAddress, nowMs: number): Refusal | undefined {
    // A unix socket's name is the kernel's word, not the sender's, and nothing amplifies on one machine.
    if (peer.family === "unix") return undefined;
    const port = this.#ports[peer.port];
    if (port === REFUSED_PORT) return this.refuse("port");
    if (peer.address !== this.#address) {
      this.#address = peer.address;
      this.#source = readSource(peer.address);
    }
    const { kind, group } = this.#source;
    if (kind === "loopback") {
      if (!this.options.allowLoopback) return this.refuse("address");
      if (!this.options.limitLoopback && port === CLIENTS_PORT) return undefined;
    } else if (kind !== "unicast") {
      return this.refuse("address");
    }
    return this.#takeToken(group, nowMs) ? undefined : this.refuse("rate");
  }

  /** Counts a refusal. */
  refuse(refusal: Refusal): Refusal {
    this.refusals[refusal]++;
    return refusal;
  }

  #takeToken(group: string, nowMs: number): boolean {
    const { burst, quietMs, ratePerSecond } = this.options;
    if (ratePerSecond === Number.POSITIVE_INFINITY) return true;
    if (this.#shared !== undefined) return this.#shared.take(group, nowMs);
    const bucket = this.#bucket(group, nowMs);
    if (nowMs < bucket.quietUntilMs) return false;
    const earned = ((nowMs - bucket.filledAtMs) * ratePerSecond) / 1000;
    bucket.tokens = Math.min(burst, bucket.tokens + earned);
    bucket.filledAtMs = nowMs;
    if (bucket.tokens < 1) {
      bucket.quietUntilMs = nowMs + quietMs;
      return false;
    }
    bucket.tokens--;
    return true;
  }

  /** The bucket of a source, moved to the end of the table: at its beginning is who was silent for longest. */
  #bucket(group: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(group);
    if (bucket !== undefined) {
      this.#buckets.delete(group);
    } else {
      bucket = { tokens: this.options.burst, filledAtMs: nowMs, quietUntilMs: nowMs };
      if (this.#buckets.size >= this.options.maxSources) {
        const [oldest] = this.#buckets.keys();
        this.#buckets.delete(oldest as string);
      }
    }
    this.#buckets.set(group, bucket);
    return bucket;
  }
}

/** A protocol behind a guard; `guard` tells what was refused. */
export interface GuardedDatagramProtocol extends DatagramProtocol {
  readonly guard: DatagramGuard;
}

/**
 * The same protocol, answering only whom and what it may. What is refused is dropped without a word: an error message
 * would be an answer too.
 * @param place where sources are counted together with other workers; by itself it counts alone.
 * @throws RangeError for limits that make no sense.
 */
export function guarded(
  protocol: DatagramProtocol,
  options: GuardOptions = {},
  place: GuardPlace = {},
): GuardedDatagramProtocol {
  const guard = new DatagramGuard(options, place);
  const intents = new GuardedIntents(guard);
  return {
    guard,
    datagram(out, bytes, start, end, fullLength) {
      const { peer } = out;
      if (guard.admit(peer, out.nowMs) !== undefined) return;
      intents.allow(out, peer, fullLength);
      protocol.datagram(intents, bytes, start, end, fullLength);
    },
    timer(out, id) {
      intents.allowNothing(out);
      protocol.timer?.(intents, id);
    },
  };
}

/** The driver, as a protocol behind a guard sees it. */
class GuardedIntents implements DatagramIntents {
  readonly #guard: DatagramGuard;
  #out: DatagramIntents | undefined;
  #bytesLeft = 0;
  #answersLeft = 0;

  constructor(guard: DatagramGuard) {
    this.#guard = guard;
  }

  allow(out: DatagramIntents, peer: PeerAddress, questionBytes: number): void {
    const { maxGrowthBytes } = this.#guard.options;
    this.#out = out;
    const isLimited = maxGrowthBytes !== Number.POSITIVE_INFINITY && peer.family !== "unix";
    this.#bytesLeft = isLimited ? questionBytes + maxGrowthBytes : Number.POSITIVE_INFINITY;
    this.#answersLeft = isLimited ? 1 : Number.POSITIVE_INFINITY;
  }

  /** Without a question there is nothing to answer. */
  allowNothing(out: DatagramIntents): void {
    this.#out = out;
    this.#bytesLeft = 0;
    this.#answersLeft = 0;
  }

  get nowMs(): number {
    return this.#driver.nowMs;
  }

  get unixMs(): number {
    return this.#driver.unixMs;
  }

  get peer(): PeerAddress {
    return this.#driver.peer;
  }

  reply(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    if (this.#answersLeft === 0 || end - start > this.#bytesLeft) {
      this.#guard.refuse("amplification");
      return;
    }
    this.#answersLeft--;
    this.#bytesLeft -= end - start;
    this.#out?.reply(bytes, start, end);
  }

  setTimer(id: number, atMs: number): void {
    this.#driver.setTimer(id, atMs);
  }

  clearTimer(id: number): void {
    this.#driver.clearTimer(id);
  }

  get #driver(): DatagramIntents {
    if (this.#out === undefined) throw new TypeError("a protocol has a driver only while it is called");
    return this.#out;
  }
}

const REFUSED_PORT = 0;
const CHOSEN_PORT = 1;
const CLIENTS_PORT = 2;

/** What each port is. From port 0 there is nobody to answer (RFC 768). */
function classifyPorts({ allowPorts, clientPorts, refusePorts }: Required<GuardOptions>): Uint8Array {
  const ports = new Uint8Array(PORT_COUNT).fill(CHOSEN_PORT, FIRST_UNPRIVILEGED_PORT);
  const [first, last] = clientPorts;
  ports.fill(CLIENTS_PORT, Math.max(first, FIRST_UNPRIVILEGED_PORT), last + 1);
  const known = Object.values(ANSWERING_PORTS);
  const shifted = known.filter((port) => port < FIRST_UNPRIVILEGED_PORT).map((port) => port + UNPRIVILEGED_SHIFT);
  for (const port of [...known, ...shifted, ...refusePorts]) ports[port] = REFUSED_PORT;
  for (const port of allowPorts) ports[port] = CLIENTS_PORT;
  ports[0] = REFUSED_PORT;
  return ports;
}

function checkLimit(name: keyof GuardOptions, value: number, least: number): void {
  if (!(value >= least)) throw new RangeError(`${name} must be a number of at least ${least}, not ${value}`);
}

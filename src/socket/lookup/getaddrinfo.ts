/** Hosts and services by name, to addresses: getaddrinfo(3), RFC 3493 section 6.1. */
import {
  ADDRINFO,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  decodeSockaddr,
  EAI_OVERFLOW,
  MAX_SOCKADDR_BYTES,
  readI32,
  readU32,
  type SocketAddress,
  writeU32,
} from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { type FamilyName, familyNumber, type TypeName, typeNumber } from "../names.ts";
import type { WaitOptions } from "../waits.ts";
import { LookupError, type LookupSubject } from "./errors.ts";
import { copyIn, copyOut, NativeBlock, pointerAt, textAt } from "./memory.ts";
import { familyNameOf, typeNameOf } from "./names.ts";
import { enqueue } from "./queue.ts";
import { hostText, serviceText } from "./text.ts";

/** What is wanted of the answers. Absent is "any" for family, type and protocol, and "no" for flags. */
export interface LookupHints {
  readonly family?: FamilyName | number | undefined;
  readonly type?: TypeName | number | undefined;
  /** An IPPROTO_ number. */
  readonly protocol?: number | undefined;
  /** Without a host, addresses to bind rather than loopback to connect to. AI_PASSIVE */
  readonly passive?: boolean | undefined;
  /** Ask for the canonical name, which the first answer then has. AI_CANONNAME */
  readonly canonicalName?: boolean | undefined;
  /** The host is an address in text: no name is looked up. AI_NUMERICHOST */
  readonly numericHost?: boolean | undefined;
  /** The service is a port in text: no name is looked up. AI_NUMERICSERV */
  readonly numericService?: boolean | undefined;
  /** With family `inet6`, a host without IPv6 addresses gives its IPv4 ones as `::ffff:…`. AI_V4MAPPED */
  readonly v4Mapped?: boolean | undefined;
  /** With `v4Mapped`, those also beside IPv6 addresses. AI_ALL */
  readonly all?: boolean | undefined;
  /** Only families of which this machine has an address other than loopback. AI_ADDRCONFIG */
  readonly addressConfig?: boolean | undefined;
  /** Further AI_ bits, added to those above. */
  readonly flags?: number | undefined;
}

/** Hints, and how long to wait. An aborted look-up goes on in the background until libc lets go of it. */
export interface LookupOptions extends LookupHints, WaitOptions {}

/** One answer: struct addrinfo. Its parts are what `new Socket(family, type, protocol)` and `connect` take. */
export interface AddressInfo {
  /** The AI_ bits of the hints, as libc repeats them. */
  readonly flags: number;
  readonly family: FamilyName | number;
  readonly type: TypeName | number;
  readonly protocol: number;
  readonly address: SocketAddress;
  /** Only of the first answer, and only if asked for. */
  readonly canonicalName?: string;
}

/** Answers of one look-up; a longer list is refused. 64 KiB of DNS hold some 4000 addresses, each in three types. */
export const MAX_ADDRESS_INFOS = 16384;

/**
 * Looks up a host and a service on a thread of libuv's pool, as the system does: /etc/hosts, DNS and whatever else
 * nsswitch.conf(5) names, in RFC 6724's order of preference. getaddrinfo(3)
 *
 *     for (const { address } of await getaddrinfo("localhost", "http", { type: "stream" })) console.log(formatAddress(address));
 *
 * @param host a name, an address in text (`fe80::1%eth0` gives a scope id), or null for this machine.
 * @param service a name, a port, or null for port 0.
 * @throws LookupError EAI_NONAME, EAI_SERVICE …; SystemError ETIMEDOUT after the caller's limit; TypeError and RangeError
 * for arguments that cannot be.
 */
export function getaddrinfo(
  host: string | null,
  service: string | number | null = null,
  options: LookupOptions = {},
): Promise<AddressInfo[]> {
  // Misuse, too, rejects.
  return new Promise((resolve) => {
    const request = new Request(host, service, options);
    resolve(enqueue(SYSCALL, request.subject, options, () => request.run()));
  });
}

/** {@link getaddrinfo} in this thread, which blocks until the answer is there. */
export function getaddrinfoSync(
  host: string | null,
  service: string | number | null = null,
  hints: LookupHints = {},
): AddressInfo[] {
  return new Request(host, service, hints).runSync();
}

const SYSCALL = "getaddrinfo";
const LIST_OFFSET = ADDRINFO.size;
const BLOCK_BYTES = LIST_OFFSET + 8;

class Request {
  readonly subject: LookupSubject;
  readonly #host: string | null;
  readonly #service: string | null;
  readonly #hints: Uint8Array;

  constructor(host: string | null, service: string | number | null, hints: LookupHints) {
    this.#host = host === null ? null : hostText(SYSCALL, host);
    this.#service = service === null ? null : serviceText(SYSCALL, service);
    this.subject = { hostname: host ?? undefined, service: this.#service ?? undefined };
    this.#hints = encodeHints(hints);
  }

  async run(): Promise<AddressInfo[]> {
    using block = this.#prepare();
    const list = block.address + LIST_OFFSET;
    const { result, errno } = await sys.getaddrinfoAsync(this.#host, this.#service, block.address, list);
    return this.#finish(block, result, errno);
  }

  runSync(): AddressInfo[] {
    using block = this.#prepare();
    const result = sys.getaddrinfo(this.#host, this.#service, block.address, block.address + LIST_OFFSET);
    return this.#finish(block, result, sys.lookupErrno());
  }

  /** The hints, and behind them the pointer to the answers. */
  #prepare(): NativeBlock {
    const block = new NativeBlock(BLOCK_BYTES);
    copyIn(block.address, this.#hints);
    return block;
  }

  #finish(block: NativeBlock, result: number, errno: number): AddressInfo[] {
    if (result !== 0) throw new LookupError(SYSCALL, "EAI", result, { ...this.subject, systemErrno: errno });
    const first = pointerAt(copyOut(block.address + LIST_OFFSET, 8), 0);
    try {
      return this.#decode(first);
    } finally {
      // SAFETY: everything was copied out, and nothing else has the address of the list.
      if (first !== 0) sys.freeaddrinfo(first);
    }
  }

  #decode(first: number): AddressInfo[] {
    const infos: AddressInfo[] = [];
    for (let at = first; at !== 0; ) {
      if (infos.length >= MAX_ADDRESS_INFOS) {
        const reason = `the host has more than ${MAX_ADDRESS_INFOS} addresses`;
        throw new LookupError(SYSCALL, "EAI", EAI_OVERFLOW, { ...this.subject, reason });
      }
      const node = copyOut(at, ADDRINFO.size);
      infos.push(decodeInfo(node));
      at = pointerAt(node, ADDRINFO.ai_next);
    }
    return infos;
  }
}

function decodeInfo(node: Uint8Array): AddressInfo {
  const length = Math.min(readU32(node, ADDRINFO.ai_addrlen), MAX_SOCKADDR_BYTES);
  const address = pointerAt(node, ADDRINFO.ai_addr);
  const canonicalName = textAt(pointerAt(node, ADDRINFO.ai_canonname));
  return {
    flags: readI32(node, ADDRINFO.ai_flags),
    family: familyNameOf(readI32(node, ADDRINFO.ai_family)),
    type: typeNameOf(readI32(node, ADDRINFO.ai_socktype)),
    protocol: readI32(node, ADDRINFO.ai_protocol),
    address: decodeSockaddr(address === 0 ? new Uint8Array(0) : copyOut(address, length)),
    ...(canonicalName === undefined ? undefined : { canonicalName }),
  };
}

/** The hints that are flags, with their bits. */
const FLAGS = {
  addressConfig: AI_ADDRCONFIG,
  all: AI_ALL,
  canonicalName: AI_CANONNAME,
  numericHost: AI_NUMERICHOST,
  numericService: AI_NUMERICSERV,
  passive: AI_PASSIVE,
  v4Mapped: AI_V4MAPPED,
} as const;

function encodeHints(hints: LookupHints): Uint8Array {
  const { family = 0, type = 0, protocol = 0 } = hints;
  let flags = hints.flags ?? 0;
  checkInt("flags", flags);
  checkInt("protocol", protocol);
  for (const [name, bit] of Object.entries(FLAGS)) {
    if (hints[name as keyof typeof FLAGS] === true) flags |= bit;
  }
  const bytes = new Uint8Array(ADDRINFO.size);
  writeU32(bytes, ADDRINFO.ai_flags, flags);
  writeU32(bytes, ADDRINFO.ai_family, familyNumber(family));
  writeU32(bytes, ADDRINFO.ai_socktype, typeNumber(type));
  writeU32(bytes, ADDRINFO.ai_protocol, protocol);
  return bytes;
}

function checkInt(name: string, value: number): void {
  if (!Number.isInteger(value) || value !== (value | 0)) {
    throw new RangeError(`${name} is an int of C, not ${String(value)}`);
  }
}

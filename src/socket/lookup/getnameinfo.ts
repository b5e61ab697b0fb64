/** Addresses to names of hosts and services: getnameinfo(3), RFC 3493 section 6.2. */
import {
  encodeSockaddr,
  NI_DGRAM,
  NI_MAXHOST,
  NI_MAXSERV,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
} from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { type AddressLike, formatAddress, toAddress } from "../address.ts";
import type { WaitOptions } from "../waits.ts";
import { LookupError, type LookupSubject } from "./errors.ts";
import { copyIn, NativeBlock } from "./memory.ts";
import { enqueue } from "./queue.ts";

/** How the names are wanted. */
export interface NameFlags {
  /** The address in text, without a look-up. NI_NUMERICHOST */
  readonly numericHost?: boolean | undefined;
  /** The port in digits, without a look-up. NI_NUMERICSERV */
  readonly numericService?: boolean | undefined;
  /** Fail with EAI_NONAME where the host has no name, instead of giving its address. NI_NAMEREQD */
  readonly nameRequired?: boolean | undefined;
  /** The service's name with datagrams, where that is another. NI_DGRAM */
  readonly datagram?: boolean | undefined;
  /** Of local hosts only the first part of the name. NI_NOFQDN */
  readonly noDomain?: boolean | undefined;
  /** Further NI_ bits, added to those above. */
  readonly flags?: number | undefined;
}

/** Flags, and how long to wait. */
export interface NameOptions extends NameFlags, WaitOptions {}

/** The names that an address has. */
export interface NameInfo {
  readonly host: string;
  readonly service: string;
}

/**
 * The names of an address, looked up on a thread of libuv's pool. getnameinfo(3)
 *
 *     const { host, service } = await getnameinfo({ family: "inet", address: "127.0.0.1", port: 80 }); // "localhost", "http"
 *
 * @param address an address, or an endpoint's text.
 * @throws LookupError EAI_NONAME, EAI_FAMILY …; SystemError ETIMEDOUT after the caller's limit; TypeError and RangeError
 * for arguments that cannot be.
 */
export function getnameinfo(address: AddressLike, options: NameOptions = {}): Promise<NameInfo> {
  // Misuse, too, rejects.
  return new Promise((resolve) => {
    const request = new Request(address, options);
    resolve(enqueue(SYSCALL, request.subject, options, () => request.run()));
  });
}

/** {@link getnameinfo} in this thread, which blocks until the answer is there. */
export function getnameinfoSync(address: AddressLike, flags: NameFlags = {}): NameInfo {
  return new Request(address, flags).runSync();
}

const SYSCALL = "getnameinfo";

const FLAGS = {
  datagram: NI_DGRAM,
  nameRequired: NI_NAMEREQD,
  noDomain: NI_NOFQDN,
  numericHost: NI_NUMERICHOST,
  numericService: NI_NUMERICSERV,
} as const;

class Request {
  readonly subject: LookupSubject;
  readonly #sockaddr: Uint8Array;
  readonly #flags: number;

  constructor(address: AddressLike, flags: NameFlags) {
    const parsed = toAddress(address);
    this.#sockaddr = encodeSockaddr(parsed);
    this.#flags = flagBits(flags);
    this.subject = { hostname: formatAddress(parsed) };
  }

  async run(): Promise<NameInfo> {
    using block = this.#prepare();
    const { result, errno } = await sys.getnameinfoAsync(...this.#arguments(block.address));
    return this.#finish(block, result, errno);
  }

  runSync(): NameInfo {
    using block = this.#prepare();
    const result = sys.getnameinfo(...this.#arguments(block.address));
    return this.#finish(block, result, sys.lookupErrno());
  }

  /** Room for the host, then the service, then the address. */
  #prepare(): NativeBlock {
    const block = new NativeBlock(NI_MAXHOST + NI_MAXSERV + this.#sockaddr.length);
    copyIn(block.address + NI_MAXHOST + NI_MAXSERV, this.#sockaddr);
    return block;
  }

  #arguments(host: number): [number, number, number, number, number, number, number] {
    const service = host + NI_MAXHOST;
    return [service + NI_MAXSERV, this.#sockaddr.length, host, NI_MAXHOST, service, NI_MAXSERV, this.#flags];
  }

  #finish(block: NativeBlock, result: number, errno: number): NameInfo {
    if (result !== 0) throw new LookupError(SYSCALL, "EAI", result, { ...this.subject, systemErrno: errno });
    return { host: sys.readText(block.address), service: sys.readText(block.address + NI_MAXHOST) };
  }
}

function flagBits(flags: NameFlags): number {
  let bits = flags.flags ?? 0;
  if (!Number.isInteger(bits) || bits !== (bits | 0)) throw new RangeError(`flags is an int of C, not ${String(bits)}`);
  for (const [name, bit] of Object.entries(FLAGS)) {
    if (flags[name as keyof typeof FLAGS] === true) bits |= bit;
  }
  return bits;
}

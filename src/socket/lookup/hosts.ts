/**
 * The classic look-ups of hosts: gethostbyname(3). They know one family at a time, no services and no scope ids;
 * getaddrinfo has replaced them (RFC 3493 section 6). They are here for programs and lessons that need them.
 */
import {
  AF_INET,
  AF_INET6,
  HOST_NOT_FOUND,
  HOSTENT,
  inet_ntop,
  inet_pton,
  readI32,
  splitZone,
} from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { type FamilyName, familyNumber } from "../names.ts";
import type { WaitOptions } from "../waits.ts";
import { type EntryOutcome, findEntry, findEntrySync } from "./entry.ts";
import { LookupError } from "./errors.ts";
import { copyIn, copyOut, listAt, NativeBlock, pointerAt, textAt } from "./memory.ts";
import { familyNameOf } from "./names.ts";
import { enqueue } from "./queue.ts";
import { hostText } from "./text.ts";

/** struct hostent. */
export interface HostEntry {
  /** The official name: h_name. */
  readonly name: string;
  /** Other names: h_aliases. */
  readonly aliases: readonly string[];
  /** The family of all addresses: h_addrtype. */
  readonly addressType: FamilyName | number;
  /** The size of each address in bytes, 4 or 16: h_length. */
  readonly length: number;
  /** The addresses in text: h_addr_list. */
  readonly addresses: readonly string[];
}

/** The family that a classic look-up is for. */
export type HostFamily = "inet" | "inet6" | typeof AF_INET | typeof AF_INET6;

/**
 * A host's IPv4 addresses, looked up on a thread of libuv's pool. gethostbyname(3)
 *
 *     const { addresses } = await gethostbyname("localhost"); // ["127.0.0.1"]
 *
 * @throws LookupError HOST_NOT_FOUND, NO_DATA, TRY_AGAIN …; SystemError ETIMEDOUT after the caller's limit; TypeError
 */
export function gethostbyname(name: string, options: WaitOptions = {}): Promise<HostEntry> {
  return byName("gethostbyname", name, AF_INET, options);
}

/** {@link gethostbyname} in this thread, which blocks until the answer is there. */
export function gethostbynameSync(name: string): HostEntry {
  return byNameSync("gethostbyname", name, AF_INET);
}

/** A host's addresses of one family. gethostbyname2(3) @throws as {@link gethostbyname} */
export function gethostbyname2(name: string, family: HostFamily, options: WaitOptions = {}): Promise<HostEntry> {
  return byName("gethostbyname2", name, family, options);
}

/** {@link gethostbyname2} in this thread, which blocks until the answer is there. */
export function gethostbyname2Sync(name: string, family: HostFamily): HostEntry {
  return byNameSync("gethostbyname2", name, family);
}

/**
 * The host that has an address, looked up on a thread of libuv's pool. gethostbyaddr(3)
 * @param address an IPv4 or IPv6 address in text, without a zone.
 * @throws LookupError HOST_NOT_FOUND …; SystemError ETIMEDOUT after the caller's limit; TypeError for what is no address
 */
export function gethostbyaddr(address: string, options: WaitOptions = {}): Promise<HostEntry> {
  return new Promise((resolve) => {
    const { bytes, family } = parseHost(address);
    const run = async (): Promise<HostEntry> => {
      using block = new NativeBlock(bytes.length);
      copyIn(block.address, bytes);
      return await findEntry(
        "gethostbyaddr",
        (memory) => sys.gethostbyaddr_rAsync(block.address, bytes.length, family, memory),
        (outcome) => readHost("gethostbyaddr", address, outcome),
      );
    };
    resolve(enqueue("gethostbyaddr", { hostname: address }, options, run));
  });
}

/** {@link gethostbyaddr} in this thread, which blocks until the answer is there. */
export function gethostbyaddrSync(address: string): HostEntry {
  const { bytes, family } = parseHost(address);
  using block = new NativeBlock(bytes.length);
  copyIn(block.address, bytes);
  return findEntrySync(
    "gethostbyaddr",
    (memory) => sys.gethostbyaddr_r(block.address, bytes.length, family, memory),
    (outcome) => readHost("gethostbyaddr", address, outcome),
  );
}

function byName(syscall: string, name: string, family: HostFamily, options: WaitOptions): Promise<HostEntry> {
  // Misuse, too, rejects.
  return new Promise((resolve) => {
    const number = hostFamily(family);
    const text = hostText(syscall, name);
    const run = (): Promise<HostEntry> =>
      findEntry(
        syscall,
        (memory) => sys.gethostbyname2_rAsync(text, number, memory),
        (outcome) => readHost(syscall, name, outcome),
      );
    resolve(enqueue(syscall, { hostname: name }, options, run));
  });
}

function byNameSync(syscall: string, name: string, family: HostFamily): HostEntry {
  const number = hostFamily(family);
  const text = hostText(syscall, name);
  return findEntrySync(
    syscall,
    (memory) => sys.gethostbyname2_r(text, number, memory),
    (outcome) => readHost(syscall, name, outcome),
  );
}

function hostFamily(family: HostFamily): number {
  const number = familyNumber(family);
  if (number === AF_INET || number === AF_INET6) return number;
  throw new TypeError(`the classic look-ups know the families inet and inet6, not ${String(family)}`);
}

function parseHost(address: string): { bytes: Uint8Array; family: number } {
  for (const family of [AF_INET, AF_INET6]) {
    const bytes = typeof address === "string" ? inet_pton(family, address) : null;
    if (bytes !== null) return { bytes, family };
  }
  const zoned = typeof address === "string" && splitZone(address)?.zone !== undefined;
  const rule = zoned ? "; struct hostent has no place for a zone" : "";
  throw new TypeError(`${JSON.stringify(address)} is no IPv4 or IPv6 address${rule}`);
}

function readHost(syscall: string, hostname: string, { found, result, hostErrno }: EntryOutcome): HostEntry {
  if (found === 0) {
    throw new LookupError(syscall, "H_ERRNO", hostErrno || HOST_NOT_FOUND, { hostname, systemErrno: -result });
  }
  const bytes = copyOut(found, HOSTENT.size);
  const family = readI32(bytes, HOSTENT.h_addrtype);
  const length = family === AF_INET6 ? 16 : 4;
  return {
    name: textAt(pointerAt(bytes, HOSTENT.h_name)) ?? "",
    aliases: listAt(pointerAt(bytes, HOSTENT.h_aliases), sys.readText),
    addressType: familyNameOf(family),
    length: readI32(bytes, HOSTENT.h_length),
    addresses: listAt(pointerAt(bytes, HOSTENT.h_addr_list), (at) => inet_ntop(family, copyOut(at, length))),
  };
}

/** Services by name and port: getservbyname(3), services(5). */
import { ENOENT, htons, ntohs, readI32, SERVENT } from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { checked } from "../errors.ts";
import type { WaitOptions } from "../waits.ts";
import { type EntryOutcome, findEntry, findEntrySync } from "./entry.ts";
import { copyOut, listAt, pointerAt, textAt } from "./memory.ts";
import { enqueue } from "./queue.ts";
import { checkPort, checkText } from "./text.ts";

/** struct servent. */
export interface ServiceEntry {
  /** The official name: s_name. */
  readonly name: string;
  /** Other names: s_aliases. */
  readonly aliases: readonly string[];
  /** In host byte order, unlike s_port. */
  readonly port: number;
  /** The protocol, `tcp`: s_proto. */
  readonly protocol: string;
}

/**
 * The entry of a service, looked up on a thread of libuv's pool; null where there is none. getservbyname(3)
 *
 *     (await getservbyname("http", "tcp"))?.port; // 80
 *
 * @param protocol `tcp`, `udp` …, or null for whichever comes first.
 * @throws SystemError ETIMEDOUT after the caller's limit; TypeError for what is no name
 */
export function getservbyname(
  name: string,
  protocol: string | null = null,
  options: WaitOptions = {},
): Promise<ServiceEntry | null> {
  // Misuse, too, rejects.
  return new Promise((resolve) => {
    checkName(name, protocol);
    const call = (memory: sys.EntryMemory): Promise<sys.AsyncResult> =>
      sys.getservbyname_rAsync(name, protocol, memory);
    const run = (): Promise<ServiceEntry | null> => findEntry("getservbyname", call, reader("getservbyname"));
    resolve(enqueue("getservbyname", { service: name }, options, run));
  });
}

/** {@link getservbyname} in this thread. */
export function getservbynameSync(name: string, protocol: string | null = null): ServiceEntry | null {
  checkName(name, protocol);
  const call = (memory: sys.EntryMemory): number => sys.getservbyname_r(name, protocol, memory);
  return findEntrySync("getservbyname", call, reader("getservbyname"));
}

/**
 * The entry of the service that has a port, looked up on a thread of libuv's pool; null where there is none.
 * getservbyport(3)
 * @param port in host byte order, unlike C's.
 * @param protocol `tcp`, `udp` …, or null for whichever comes first.
 * @throws RangeError for a number that is no port; else as {@link getservbyname}
 */
export function getservbyport(
  port: number,
  protocol: string | null = null,
  options: WaitOptions = {},
): Promise<ServiceEntry | null> {
  return new Promise((resolve) => {
    checkNumber(port, protocol);
    const call = (memory: sys.EntryMemory): Promise<sys.AsyncResult> =>
      sys.getservbyport_rAsync(htons(port), protocol, memory);
    const run = (): Promise<ServiceEntry | null> => findEntry("getservbyport", call, reader("getservbyport"));
    resolve(enqueue("getservbyport", { service: String(port) }, options, run));
  });
}

/** {@link getservbyport} in this thread. */
export function getservbyportSync(port: number, protocol: string | null = null): ServiceEntry | null {
  checkNumber(port, protocol);
  const call = (memory: sys.EntryMemory): number => sys.getservbyport_r(htons(port), protocol, memory);
  return findEntrySync("getservbyport", call, reader("getservbyport"));
}

function checkName(name: string, protocol: string | null): void {
  checkText("a service", name);
  if (protocol !== null) checkText("a protocol", protocol);
}

function checkNumber(port: number, protocol: string | null): void {
  checkPort(port);
  if (protocol !== null) checkText("a protocol", protocol);
}

function reader(syscall: string): (outcome: EntryOutcome) => ServiceEntry | null {
  return ({ found, result }) => {
    if (found === 0) {
      // musl says ENOENT for a service that is not there, glibc where there is no /etc/services.
      if (result !== -ENOENT) checked(syscall, result);
      return null;
    }
    const bytes = copyOut(found, SERVENT.size);
    return {
      name: textAt(pointerAt(bytes, SERVENT.s_name)) ?? "",
      aliases: listAt(pointerAt(bytes, SERVENT.s_aliases), sys.readText),
      port: ntohs(readI32(bytes, SERVENT.s_port) & 0xffff),
      protocol: textAt(pointerAt(bytes, SERVENT.s_proto)) ?? "",
    };
  };
}

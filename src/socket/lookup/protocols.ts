/** Protocols by name and number: getprotobyname(3), protocols(5). */
import { ENOENT, PROTOENT, readI32 } from "../../abi/index.ts";
import * as sys from "../../sys/index.ts";
import { checked } from "../errors.ts";
import { findEntrySync } from "./entry.ts";
import { copyOut, listAt, pointerAt, textAt } from "./memory.ts";
import { checkText } from "./text.ts";

/** struct protoent. */
export interface ProtocolEntry {
  /** The official name: p_name. */
  readonly name: string;
  /** Other names: p_aliases. */
  readonly aliases: readonly string[];
  /** An IPPROTO_ number: p_proto. */
  readonly protocol: number;
}

/**
 * The entry of a protocol, `tcp`; null where there is none. One call reads a short file: there is nothing to wait for,
 * so there is no asynchronous form. getprotobyname(3)
 *
 *     getprotobyname("tcp")?.protocol; // 6
 *
 * @throws TypeError for what is no name
 */
export function getprotobyname(name: string): ProtocolEntry | null {
  checkText("a protocol", name);
  return find(
    "getprotobyname",
    (memory) => sys.getprotobyname_r(name, memory),
    () => sys.getprotobyname(name),
  );
}

/** The entry of a protocol's number; null where there is none. getprotobynumber(3) @throws RangeError */
export function getprotobynumber(protocol: number): ProtocolEntry | null {
  if (!Number.isInteger(protocol) || protocol !== (protocol | 0)) {
    throw new RangeError(`a protocol is an int of C, not ${String(protocol)}`);
  }
  return find(
    "getprotobynumber",
    (memory) => sys.getprotobynumber_r(protocol, memory),
    () => sys.getprotobynumber(protocol),
  );
}

function find(
  syscall: string,
  reentrant: (memory: sys.EntryMemory) => number,
  fromTable: () => number,
): ProtocolEntry | null {
  // musl answers from a constant table of its own, where the reentrant calls are not needed and do not exist.
  if (!sys.hasReentrantProtocols) return readEntry(fromTable());
  return findEntrySync(syscall, reentrant, ({ found, result }) => {
    if (found === 0 && result !== -ENOENT) checked(syscall, result);
    return readEntry(found);
  });
}

function readEntry(found: number): ProtocolEntry | null {
  if (found === 0) return null;
  const bytes = copyOut(found, PROTOENT.size);
  return {
    name: textAt(pointerAt(bytes, PROTOENT.p_name)) ?? "",
    aliases: listAt(pointerAt(bytes, PROTOENT.p_aliases), sys.readText),
    protocol: readI32(bytes, PROTOENT.p_proto),
  };
}

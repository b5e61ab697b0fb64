/**
 * The reentrant calls of <netdb.h>: they fill a struct and the room behind it, and say ERANGE when the room is too
 * small. Then they are made again with more.
 */
import { ERANGE, readI32 } from "../../abi/index.ts";
import type { AsyncResult, EntryMemory } from "../../sys/index.ts";
import { SystemError } from "../errors.ts";
import { copyOut, NativeBlock, pointerAt } from "./memory.ts";

/** Room for the names and lists of an entry: the first does for nearly all; more than the last is refused. */
const ROOM_SIZES_BYTES = [8 * 1024, 128 * 1024, 2 * 1024 * 1024] as const;

/** Room for the largest of the structs, struct hostent. */
const ENTRY_BYTES = 32;
const FOUND_OFFSET = ENTRY_BYTES;
const HOST_ERRNO_OFFSET = FOUND_OFFSET + 8;
/** What is before the room; libc wants the room aligned for pointers. */
const HEAD_BYTES = 48;

/** What a call has left behind. Good until the function that is given it returns. */
export interface EntryOutcome {
  /** The address of the struct; 0 for none. */
  readonly found: number;
  /** 0 or `-errno`. */
  readonly result: number;
  /** Of the host calls. */
  readonly hostErrno: number;
}

/** Makes a call until its room is enough, and reads what it left. @throws SystemError ERANGE */
export function findEntrySync<Entry>(
  syscall: string,
  call: (memory: EntryMemory) => number,
  read: (outcome: EntryOutcome) => Entry,
): Entry {
  for (const roomBytes of ROOM_SIZES_BYTES) {
    using block = new NativeBlock(HEAD_BYTES + roomBytes);
    const result = call(memoryOf(block, roomBytes));
    if (result !== -ERANGE) return read(outcomeOf(block, result));
  }
  throw new SystemError(syscall, ERANGE);
}

/** {@link findEntrySync} with a call that runs on another thread. */
export async function findEntry<Entry>(
  syscall: string,
  call: (memory: EntryMemory) => Promise<AsyncResult>,
  read: (outcome: EntryOutcome) => Entry,
): Promise<Entry> {
  for (const roomBytes of ROOM_SIZES_BYTES) {
    using block = new NativeBlock(HEAD_BYTES + roomBytes);
    const { result } = await call(memoryOf(block, roomBytes));
    if (result !== -ERANGE) return read(outcomeOf(block, result));
  }
  throw new SystemError(syscall, ERANGE);
}

function memoryOf({ address }: NativeBlock, roomBytes: number): EntryMemory {
  return {
    entry: address,
    found: address + FOUND_OFFSET,
    hostErrno: address + HOST_ERRNO_OFFSET,
    room: address + HEAD_BYTES,
    roomBytes,
  };
}

function outcomeOf({ address }: NativeBlock, result: number): EntryOutcome {
  const head = copyOut(address, HEAD_BYTES);
  return { found: pointerAt(head, FOUND_OFFSET), result, hostErrno: readI32(head, HOST_ERRNO_OFFSET) };
}

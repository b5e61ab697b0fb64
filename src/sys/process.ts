/** Calls about processes, and the memory that they share. Each returns the call's result, or `-errno`. */
import { abiFor } from "../abi/index.ts";
import { bindAll, errno, hasSymbol, type Memory } from "./ffi.ts";
import { architecture } from "./platform.ts";
import { closeFromTable, processTable } from "./table.ts";

const native = bindAll(processTable);
const closeFrom = hasSymbol("posix_spawn_file_actions_addclosefrom_np") ? bindAll(closeFromTable) : undefined;
const { SYS_pidfd_open, SYS_pidfd_send_signal } = abiFor(architecture).SYS;
const result = (value: number): number => (value < 0 ? -errno() : value);

/**
 * Memory as a file without a name: what processes that inherit the descriptor map as MAP_SHARED is the same memory.
 * memfd_create(2)
 */
export function memfd_create(name: string, flags: number): number {
  return result(native.memfd_create(name, flags));
}

/** Gives a file its length; what is new reads as zeros. ftruncate(2) */
export function ftruncate(fd: number, length: number): number {
  return result(native.ftruncate(fd, length));
}

/** A descriptor that stands for a process, and polls readable when that has ended. pidfd_open(2) */
export function pidfd_open(pid: number, flags: number): number {
  return result(native.pidfd_open(SYS_pidfd_open, pid, flags));
}

/** Sends a signal to the very process that the descriptor stands for; `info` may be null. pidfd_send_signal(2) */
export function pidfd_send_signal(pidfd: number, signal: number, info: Memory, flags: number): number {
  return result(native.pidfd_send_signal(SYS_pidfd_send_signal, pidfd, signal, info, flags));
}

/**
 * Starts a program. Unlike the other calls it returns the error itself, negated here. posix_spawn(3)
 *
 * SAFETY: `argv` and `envp` are arrays of addresses that end with 0. The caller keeps the texts behind them reachable
 * until the call returns; the new process has its own copy then.
 */
export function posix_spawn(
  pid: Int32Array,
  path: string,
  fileActions: Memory,
  attributes: Memory,
  argv: BigUint64Array,
  envp: BigUint64Array,
): number {
  return 0 - native.posix_spawn(pid, path, fileActions, attributes, argv, envp);
}

/**
 * Room for what the calls below fill, which only libc knows the inside of: glibc's posix_spawn_file_actions_t and
 * posix_spawnattr_t take 80 and 336 bytes, musl's as many or fewer.
 */
export const SPAWN_OBJECT_BYTES = 512;

/** Makes an empty list of what happens in the new process before the program starts. posix_spawn_file_actions_init(3) */
export function posix_spawn_file_actions_init(actions: Uint8Array): number {
  return 0 - native.posix_spawn_file_actions_init(actions);
}

/** Gives back what the list has grown by. posix_spawn_file_actions_destroy(3) */
export function posix_spawn_file_actions_destroy(actions: Uint8Array): number {
  return 0 - native.posix_spawn_file_actions_destroy(actions);
}

/** Adds a dup2(2); of a descriptor onto itself, it is kept open over the exec. posix_spawn_file_actions_adddup2(3) */
export function posix_spawn_file_actions_adddup2(actions: Uint8Array, fd: number, newFd: number): number {
  return 0 - native.posix_spawn_file_actions_adddup2(actions, fd, newFd);
}

/** Adds an open(2), whose result gets this number. posix_spawn_file_actions_addopen(3) */
export function posix_spawn_file_actions_addopen(
  actions: Uint8Array,
  fd: number,
  path: string,
  flags: number,
  mode: number,
): number {
  return 0 - native.posix_spawn_file_actions_addopen(actions, fd, path, flags, mode);
}

/** Adds a chdir(2). posix_spawn_file_actions_addchdir_np(3) */
export function posix_spawn_file_actions_addchdir_np(actions: Uint8Array, path: string): number {
  return 0 - native.posix_spawn_file_actions_addchdir_np(actions, path);
}

/**
 * Adds that all descriptors from this number up are closed. A libc that cannot do so (musl, glibc before 2.34) leaves what
 * is not close-on-exec open. posix_spawn_file_actions_addclosefrom_np(3)
 */
export function posix_spawn_file_actions_addclosefrom_np(actions: Uint8Array, from: number): number {
  return closeFrom === undefined ? 0 : 0 - closeFrom.posix_spawn_file_actions_addclosefrom_np(actions, from);
}

/** Makes attributes that change nothing. posix_spawnattr_init(3) */
export function posix_spawnattr_init(attributes: Uint8Array): number {
  return 0 - native.posix_spawnattr_init(attributes);
}

/** Says which of the attributes hold: POSIX_SPAWN_ constants. posix_spawnattr_setflags(3) */
export function posix_spawnattr_setflags(attributes: Uint8Array, flags: number): number {
  return 0 - native.posix_spawnattr_setflags(attributes, flags);
}

/** Signals that are to do what they do by default, a sigset_t. posix_spawnattr_setsigdefault(3) */
export function posix_spawnattr_setsigdefault(attributes: Uint8Array, signals: Uint8Array): number {
  return 0 - native.posix_spawnattr_setsigdefault(attributes, signals);
}

/**
 * Sets what a signal does: SIG_DFL (0) or SIG_IGN (1). Returns what it did before. The whole process is affected, and
 * Node's own handler is lost. signal(2)
 */
export function signal(number: number, handler: number): number {
  const previous = native.signal(number, handler);
  return previous === SIG_ERR ? -errno() : previous;
}

/** Waits for children and takes their status; `info` receives a siginfo_t. waitid(2) */
export function waitid(type: number, id: number, info: Memory, options: number): number {
  return result(native.waitid(type, id, info, options));
}

const SIG_ERR = -1;

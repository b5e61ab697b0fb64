/** Calls about processes, and the memory that they share. Each returns the call's result, or `-errno`. */
import { abiFor } from "../abi/index.ts";
import { bindAll, errno, type Memory } from "./ffi.ts";
import { architecture } from "./platform.ts";
import { processTable } from "./table.ts";

const native = bindAll(processTable);
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

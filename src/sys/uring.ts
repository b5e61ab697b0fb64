/** The three calls of io_uring(7). Each returns the call's result, or `-errno`. */
import { abiFor } from "../abi/index.ts";
import { bindAll, errno, type Memory } from "./ffi.ts";
import { architecture } from "./platform.ts";
import { uringTable } from "./table.ts";

const native = bindAll(uringTable);
const { SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup } = abiFor(architecture).SYS;
const result = (value: number): number => (value < 0 ? -errno() : value);

/** Makes a ring; `params` is a struct io_uring_params, in and out. io_uring_setup(2) */
export function io_uring_setup(entries: number, params: Memory): number {
  return result(native.io_uring_setup(SYS_io_uring_setup, entries, params));
}

/**
 * Submits and waits; `argument` is the address of a struct io_uring_getevents_arg (with IORING_ENTER_EXT_ARG) or 0.
 * SAFETY: what the submitted entries name belongs to the kernel until their completions arrive. io_uring_enter(2)
 */
export function io_uring_enter(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  argument: number,
  argumentSize: number,
): number {
  return result(native.io_uring_enter(SYS_io_uring_enter, fd, toSubmit, minComplete, flags, argument, argumentSize));
}

/** SAFETY: memory registered with a ring must outlive it. io_uring_register(2) */
export function io_uring_register(fd: number, opcode: number, argument: Memory, count: number): number {
  return result(native.io_uring_register(SYS_io_uring_register, fd, opcode, argument, count));
}

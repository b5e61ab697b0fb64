/** Calls on any descriptor. Each returns the call's result, or `-errno`. */
import { bindAll, errno, type Memory } from "./ffi.ts";
import { ioTable } from "./table.ts";

const native = bindAll(ioTable);
const result = (value: number): number => (value < 0 ? -errno() : value);

/** Gives a descriptor back. It is gone even when this reports an error, EINTR included. close(2) */
export function close(fd: number): number {
  return result(native.close(fd));
}

/** A second descriptor of the same open file, without FD_CLOEXEC. dup(2) */
export function dup(fd: number): number {
  return result(native.dup(fd));
}

/** dup3(2) */
export function dup3(fd: number, newFd: number, flags: number): number {
  return result(native.dup3(fd, newFd, flags));
}

/** The commands whose argument is an int, or that have none. fcntl(2) */
export function fcntl(fd: number, command: number, argument = 0): number {
  return result(native.fcntl(fd, command, argument));
}

/** flock(2) */
export function flock(fd: number, operation: number): number {
  return result(native.flock(fd, operation));
}

/** The requests whose argument is a pointer. ioctl(2) */
export function ioctl(fd: number, request: number, argument: Memory): number {
  return result(native.ioctl(fd, request, argument));
}

/** The requests whose argument is passed by value. ioctl(2) */
export function ioctlValue(fd: number, request: number, argument: number): number {
  return result(native.ioctlValue(fd, request, argument));
}

/** open(2) */
export function open(path: string, flags: number, mode = 0): number {
  return result(native.open(path, flags, mode));
}

/** Makes a pipe and writes its two descriptors, reading end first, to `pair`. pipe2(2) */
export function pipe2(pair: Int32Array, flags: number): number {
  return result(native.pipe2(pair, flags));
}

/** read(2) */
export function read(fd: number, memory: Memory, length: number): number {
  return result(native.read(fd, memory, length));
}

/** readv(2). SAFETY: `iovecs` holds addresses; the caller keeps the arrays behind them until the call returns. */
export function readv(fd: number, iovecs: Memory, count: number): number {
  return result(native.readv(fd, iovecs, count));
}

/** `offset` is one 64-bit number, in and out, or null. sendfile(2) */
export function sendfile(outFd: number, inFd: number, offset: Memory, length: number): number {
  return result(native.sendfile(outFd, inFd, offset, length));
}

/** The offsets are one 64-bit number each, in and out, or null. splice(2) */
export function splice(
  inFd: number,
  inOffset: Memory,
  outFd: number,
  outOffset: Memory,
  length: number,
  flags: number,
): number {
  return result(native.splice(inFd, inOffset, outFd, outOffset, length, flags));
}

/** write(2) */
export function write(fd: number, memory: Memory, length: number): number {
  return result(native.write(fd, memory, length));
}

/** writev(2). SAFETY: as for {@link readv}. */
export function writev(fd: number, iovecs: Memory, count: number): number {
  return result(native.writev(fd, iovecs, count));
}

/**
 * The reactor's own descriptors. Descriptors belong to the process, so a worker that is terminated would leave those of
 * its reactor open for good: no JavaScript of its runs any more. libc's close() itself is therefore the hook that Node
 * calls when the thread's environment ends.
 */
import { addCleanupHook, close, removeCleanupHook, symbolAddress } from "../sys/index.ts";

const closeHook = symbolAddress("close");

/** Sees to it that a descriptor is closed at the latest when this thread ends. Returns it. */
export function keepDescriptor(fd: number): number {
  addCleanupHook(closeHook, fd);
  return fd;
}

/** Closes a descriptor that was kept. */
export function closeKept(fd: number): void {
  removeCleanupHook(closeHook, fd);
  close(fd);
}

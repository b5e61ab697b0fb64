/**
 * Descriptors of workers. They belong to the process, so a worker that is terminated would leave its sockets open, and
 * their peers waiting, for good: no JavaScript of its runs any more. libc's close() itself is therefore the hook that
 * Node calls when the thread's environment ends. In the main thread, the process ends with it.
 */
import { isMainThread } from "node:worker_threads";
import { addCleanupHook, removeCleanupHook, symbolAddress } from "../sys/index.ts";

const closeHook: number = isMainThread ? 0 : symbolAddress("close");

/** Sees to it that the descriptor is closed at the latest when this thread ends. */
export function keep(fd: number): void {
  if (!isMainThread) addCleanupHook(closeHook, fd);
}

/** The descriptor is about to be closed in the ordinary way. */
export function release(fd: number): void {
  if (!isMainThread) removeCleanupHook(closeHook, fd);
}

/** Making a close send a reset instead of an orderly end. */
import { SO_LINGER, SOL_SOCKET } from "../abi/index.ts";
import { setsockopt } from "../sys/index.ts";

/** struct linger { on, 0 s }: what is unsent is dropped and the peer sees ECONNRESET (socket(7), tcp(7)). */
const RESET_ON_CLOSE = new Int32Array([1, 0]);

/** Unix sockets have no reset and ignore this. */
export function resetOnClose(fd: number): void {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE, RESET_ON_CLOSE.byteLength);
}

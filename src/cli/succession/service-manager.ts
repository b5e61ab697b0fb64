/**
 * Telling a service manager such as systemd how it goes, by a datagram to the socket that NOTIFY_SOCKET names: that we
 * serve, reload, stop, and which process is the main one. sd_notify(3)
 */
import { Socket, type SocketAddress } from "../../socket/index.ts";

/** How long a manager may leave its queue full. */
const TIMEOUT_MS = 100;

/**
 * Tells a manager, if there is one; a manager that does not listen is none.
 * @param assignments such as `READY=1`
 */
export function notifyManager(...assignments: readonly string[]): void {
  const path = process.env.NOTIFY_SOCKET;
  if (!path) return;
  try {
    using socket = new Socket("unix", "dgram");
    socket.sendToSync(assignments.join("\n"), addressOf(path), { timeoutMs: TIMEOUT_MS });
  } catch {
    // The unit is better off without a notification than without its service.
  }
}

function addressOf(path: string): SocketAddress {
  return path.startsWith("@")
    ? { family: "unix", kind: "abstract", name: path.slice(1) }
    : { family: "unix", kind: "path", path };
}

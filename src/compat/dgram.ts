/** UDP sockets with the interface of `node:dgram`. What differs is told in docs/guide/compat.md. */
import type { SocketOptions, SocketType } from "node:dgram";
import { type RemoteListener, Socket } from "./dgram-socket.ts";

export { type BindRequest, type DatagramSocketOptions, type RemoteListener, Socket } from "./dgram-socket.ts";

/**
 * Makes a UDP socket; `bind` starts to receive, and so does the first `send`.
 *
 *     const socket = createSocket("udp4", (message, peer) => socket.send(message, peer.port, peer.address));
 *     socket.bind(7007, "127.0.0.1");
 *
 * @param options the type, `"udp4"` or `"udp6"`, or Node's own options with it.
 * @throws TypeError ERR_SOCKET_BAD_TYPE
 */
export function createSocket(options: SocketType | SocketOptions, callback?: RemoteListener): Socket {
  return new Socket(options, callback);
}

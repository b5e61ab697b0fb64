/** TCP and unix stream sockets with the interface of `node:net`. What differs is told in docs/guide/compat.md. */
import type { NetConnectOpts } from "node:net";
import { normalizeArguments } from "./net-arguments.ts";
import { Server, type ServerOptions } from "./net-server.ts";
import { Socket, type SocketOptions } from "./net-socket.ts";

export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from "node:net";
export { Server, type ServerOptions } from "./net-server.ts";
export { Socket, Socket as Stream, type SocketOptions } from "./net-socket.ts";

/**
 * Makes a server; `listen` starts it. The listener gets each connection.
 *
 *     createServer((socket) => socket.pipe(socket)).listen(7007, "127.0.0.1");
 */
export function createServer(
  options?: ServerOptions | ((socket: Socket) => void),
  connectionListener?: (socket: Socket) => void,
): Server {
  return new Server(options, connectionListener);
}

/**
 * Makes a socket and connects it: to a port, at a host or at this one, or to a unix socket's path.
 *
 *     const socket = connect({ host: "127.0.0.1", port: 7007 }, () => socket.end("hello"));
 */
export function connect(options: NetConnectOpts & SocketOptions, connectionListener?: () => void): Socket;
export function connect(port: number | string, host?: string, connectionListener?: () => void): Socket;
export function connect(port: number | string, connectionListener?: () => void): Socket;
export function connect(path: string, connectionListener?: () => void): Socket;
export function connect(...args: unknown[]): Socket {
  const [options] = normalizeArguments(args);
  const socket = new Socket(options as SocketOptions);
  const timeout = options.timeout;
  if (timeout) socket.setTimeout(timeout as number);
  return Reflect.apply(socket.connect, socket, args);
}

/** The same as {@link connect}. */
export { connect as createConnection };

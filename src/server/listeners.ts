/** The sockets that a server listens on: opened at an endpoint, or taken over from whoever had them before. */
import { lstatSync, unlinkSync } from "node:fs";
import { F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK, SOCK_DGRAM, SOCK_STREAM } from "../abi/index.ts";
import {
  checked,
  formatEndpoint,
  listenSync,
  parseEndpoint,
  Socket,
  type SocketAddress,
  type Transport,
} from "../socket/index.ts";
import { fcntl } from "../sys/index.ts";
import type { Kind } from "./task.ts";

export interface Listeners {
  /** All at one address; each non-blocking. */
  readonly fds: readonly number[];
  readonly kind: Kind;
  /** What the kernel bound. */
  readonly endpoint: string;
  /** Removes a unix socket's file, unless another has taken its place. */
  removePath(): void;
}

/**
 * Listens at an endpoint.
 * @param count how many sockets, among which the kernel spreads what comes (SO_REUSEPORT, socket(7)). Of a unix socket
 * there is one: its path is one file.
 * @throws SystemError EADDRINUSE, EACCES, EADDRNOTAVAIL …
 */
export function openListeners(listen: string, count: number, backlog: number): Listeners {
  const { transport, address } = parseEndpoint(listen);
  const isPort = transport === "tcp" || transport === "udp";
  const isShared = isPort && count > 1;
  const options = {
    // Inherited by the connections that are accepted: answers are not held back for more to come.
    ...(transport === "tcp" && { TCP_NODELAY: true }),
    ...(isShared && { SO_REUSEPORT: true }),
  };
  const sockets = [listenSync(listen, { backlog, options })];
  try {
    const endpoint = formatEndpoint({ transport, address: (sockets[0] as Socket).localAddress });
    while (isShared && sockets.length < count) sockets.push(listenSync(endpoint, { backlog, options }));
    const removePath = pathRemover(address);
    return { fds: sockets.map((socket) => socket.detach()), kind: kindOf(transport), endpoint, removePath };
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/**
 * Takes over sockets that listen already, and owns them from now on.
 * @throws TypeError for a descriptor that is no such socket, or for several at different addresses; SystemError EBADF.
 */
export function adoptListeners(fds: readonly number[]): Listeners {
  const sockets = fds.map((fd) => Socket.from(fd));
  const [first] = sockets;
  if (first === undefined) throw new TypeError("there is no descriptor to listen on");
  const address = first.localAddress;
  const transport = transportOf(first);
  const endpoint = formatEndpoint({ transport, address });
  for (const socket of sockets) {
    if (formatEndpoint({ transport: transportOf(socket), address: socket.localAddress }) !== endpoint) {
      throw new TypeError(`descriptors ${fds.join(", ")} are not all at ${endpoint}`);
    }
    if (socket.type === SOCK_STREAM && !socket.getOption("SO_ACCEPTCONN")) {
      throw new TypeError(`descriptor ${socket.fd} is a stream socket that does not listen`);
    }
  }
  for (const fd of fds) {
    checked("fcntl", fcntl(fd, F_SETFD, FD_CLOEXEC));
    checked("fcntl", fcntl(fd, F_SETFL, checked("fcntl", fcntl(fd, F_GETFL)) | O_NONBLOCK));
  }
  for (const socket of sockets) socket.detach();
  return { fds, kind: kindOf(transport), endpoint, removePath: pathRemover(address) };
}

function transportOf(socket: Socket): Transport {
  const { type, localAddress } = socket;
  if (localAddress.family === "unix") return type === SOCK_DGRAM ? "unix+dgram" : "unix";
  if (localAddress.family !== "inet" && localAddress.family !== "inet6") {
    throw new TypeError(`descriptor ${socket.fd} is a socket of a family that servers do not know`);
  }
  return type === SOCK_DGRAM ? "udp" : "tcp";
}

function kindOf(transport: Transport): Kind {
  return transport === "udp" || transport === "unix+dgram" ? "datagram" : "stream";
}

function pathRemover(address: SocketAddress): () => void {
  if (address.family !== "unix" || address.kind !== "path") return () => {};
  const path = address.path as string;
  const own = lstatSync(path, { throwIfNoEntry: false });
  return () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && found.ino === own?.ino && found.dev === own.dev) unlinkSync(path);
  };
}

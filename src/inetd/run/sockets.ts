/** The sockets that services listen on: opened, or given to the super-server at its start. */
import { chmodSync, lstatSync, type Stats, unlinkSync } from "node:fs";
import { F_SETFD, FD_CLOEXEC, IPPROTO_TCP, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../abi/index.ts";
import { type ActivatedSocket, formatEndpoint, listen, type OptionValues, type Socket } from "../../socket/index.ts";
import { fcntl } from "../../sys/index.ts";
import type { InetdService, ListenPlace } from "../model.ts";
import { ServiceProblem } from "./host.ts";

const TYPES = { stream: SOCK_STREAM, dgram: SOCK_DGRAM, seqpacket: SOCK_SEQPACKET } as const;

/** What two services with the same socket have in common. */
export function socketKey({ type, endpoint, activatedName, mode, v6Only }: ListenPlace): string {
  return JSON.stringify([type, endpoint, activatedName, mode, v6Only]);
}

/**
 * Opens a service's socket.
 * @param activated those that the super-server was started with; what is taken is removed.
 * @throws ServiceProblem
 */
export async function openSocket(service: InetdService, activated: ActivatedSocket[]): Promise<Socket> {
  const { listen: place, origin } = service;
  const socket = place.endpoint === undefined ? takeActivated(service, activated) : await openEndpoint(service, place);
  if (socket.type !== TYPES[place.type]) {
    socket.close();
    throw new ServiceProblem(origin, `${service.id} is a ${place.type} service, and its socket is none`, undefined);
  }
  fcntl(socket.fd, F_SETFD, FD_CLOEXEC);
  socket.setNonBlocking(true);
  adjustSocket(socket, place);
  return socket;
}

/** The files of unix sockets that were opened here, which go with them. */
const files = new WeakMap<Socket, { readonly path: string; readonly stats: Stats }>();

/** Closes a service's socket. A unix socket's file is removed, unless another has taken its place. */
export function closeSocket(socket: Socket): void {
  socket.close();
  const file = files.get(socket);
  if (file === undefined) return;
  const found = lstatSync(file.path, { throwIfNoEntry: false });
  if (found?.ino === file.stats.ino && found.dev === file.stats.dev) unlinkSync(file.path);
}

/** Sets what can be set of a socket that listens already; connections inherit it. */
export function adjustSocket(socket: Socket, { type, backlog, keepAlive, noDelay }: ListenPlace): void {
  if (type !== "dgram") socket.listen(backlog);
  if (type === "stream" && socket.protocol === IPPROTO_TCP) {
    socket.setOptions({ SO_KEEPALIVE: keepAlive, TCP_NODELAY: noDelay });
  }
}

/** The endpoint that the kernel bound, for tables. */
export function endpointOf(socket: Socket, { type }: ListenPlace): string {
  const address = socket.localAddress;
  const isUnix = address.family === "unix";
  if (isUnix) {
    const suffix = { stream: "", dgram: "+dgram", seqpacket: "+seqpacket" } as const;
    return formatEndpoint({ transport: `unix${suffix[type]}`, address });
  }
  return formatEndpoint({ transport: type === "dgram" ? "udp" : "tcp", address });
}

function takeActivated({ id, origin, listen: place }: InetdService, activated: ActivatedSocket[]): Socket {
  const index = activated.findIndex(({ name, socket }) => name === place.activatedName && socket !== undefined);
  const found = activated.splice(index, index < 0 ? 0 : 1)[0]?.socket;
  if (found !== undefined) return found;
  const names = activated.map(({ name }) => name).join(", ") || "none";
  throw new ServiceProblem(
    origin,
    `${id} wants the socket "${place.activatedName}" that the super-server was started with, and there is none`,
    `the names in LISTEN_FDNAMES are: ${names}`,
  );
}

async function openEndpoint({ id, origin }: InetdService, place: ListenPlace): Promise<Socket> {
  const { endpoint = "", backlog, v6Only, mode } = place;
  const options: OptionValues = v6Only === undefined ? {} : { IPV6_V6ONLY: v6Only };
  try {
    const socket = await listen(endpoint, { backlog, options });
    const address = socket.localAddress;
    if (address.family === "unix" && address.kind === "path") {
      const path = address.path as string;
      files.set(socket, { path, stats: lstatSync(path) });
      if (mode !== undefined) chmodSync(path, mode);
    }
    return socket;
  } catch (error) {
    throw new ServiceProblem(origin, `${id} cannot listen: ${(error as Error).message}`, undefined, { cause: error });
  }
}

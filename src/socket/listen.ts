/** From an endpoint's text to a listening socket in one call. */
import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { EADDRINUSE, SOCK_DGRAM, SOMAXCONN } from "../abi/index.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { isSystemError, SystemError } from "./errors.ts";
import type { OptionValues } from "./options.ts";
import { resolveEndpoint } from "./resolve-host.ts";
import { Socket } from "./socket.ts";
import type { WaitOptions } from "./waits.ts";

/** How to listen. */
export interface ListenOptions {
  /** Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`. SOMAXCONN by default. */
  readonly backlog?: number | undefined;
  /** Options by their C names, set before the address is taken; those that need a bound socket, after. */
  readonly options?: OptionValues | undefined;
  /**
   * SO_REUSEADDR. On for TCP by default, as servers want it: a restart need not wait for the TIME_WAIT of earlier
   * connections, and two listeners still cannot have one address. Off elsewhere: for UDP it would let sockets share.
   */
  readonly reuseAddress?: boolean | undefined;
  /**
   * Whether a unix socket's file that nobody listens at any more is removed first. On by default. A file that somebody
   * listens at, or that is no socket, is never touched.
   */
  readonly replaceStale?: boolean | undefined;
}

/**
 * Listens at an endpoint; for a datagram endpoint, binds. A unix socket's file is removed when the socket is closed.
 *
 *     using listener = await listen("tcp://127.0.0.1:7007");
 *     for await (const connection of listener) {
 *       using peer = connection;
 *       await peer.sendAll("hello\n");
 *     }
 *
 * @param endpoint such as `tcp://127.0.0.1:0` (the kernel chooses the port: see `localAddress`), `tcp://[::]:7007`,
 * `udp://127.0.0.1:7007`, `unix:///run/x.sock`, `unix+seqpacket://@control`. Of a host name, the first address.
 * @throws TypeError or RangeError for an endpoint or an option that cannot be; SystemError EADDRINUSE (its message says
 * who holds the address, where that can be found out), EADDRNOTAVAIL, EACCES …
 */
export async function listen(endpoint: string, options: ListenOptions & WaitOptions = {}): Promise<Socket> {
  return open(await resolveEndpoint(endpoint, options), options);
}

/** {@link listen}, without a look-up: the host has to be numeric. */
export function listenSync(endpoint: string, options: ListenOptions = {}): Socket {
  return open(parseEndpoint(endpoint), options);
}

function open(endpoint: Endpoint, options: ListenOptions): Socket {
  const { family, type, protocol, transport } = endpoint;
  const socket = new Socket(family, type, protocol);
  try {
    if (options.reuseAddress ?? transport === "tcp") socket.reuseAddress = true;
    if (options.options !== undefined) socket.setOptions(options.options, "before");
    const path = pathOf(endpoint);
    if (path === undefined) socket.bind(endpoint.address);
    else bindPath(socket, endpoint, path, options.replaceStale ?? true);
    if (type !== SOCK_DGRAM) socket.listen(options.backlog ?? SOMAXCONN);
    socket.setOptions(options.options ?? {}, "after");
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function pathOf({ address }: Endpoint): string | undefined {
  return address.family === "unix" && address.kind === "path" ? (address.path as string) : undefined;
}

function bindPath(socket: Socket, endpoint: Endpoint, path: string, replaceStale: boolean): void {
  try {
    socket.bind(endpoint.address);
  } catch (error) {
    if (!isSystemError(error, "EADDRINUSE") || !replaceStale) throw error;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isSocket()) {
      throw new SystemError("bind", EADDRINUSE, { path, cause: "a file that is no socket has this path" });
    }
    if (found !== undefined) {
      if (!isStale(endpoint)) throw error;
      removeIfSame(path, found);
    }
    socket.bind(endpoint.address);
  }
  const own = lstatSync(path);
  socket.onClose(() => tidyUp(path, own));
}

/** Closing never fails: who has given up its rights since leaves a file behind, and the next listener replaces it. */
function tidyUp(path: string, own: Stats): void {
  try {
    removeIfSame(path, own);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

/** Nobody has the socket of this path any more: connecting is refused. Any other outcome leaves room for somebody. */
function isStale({ family, type, protocol, address }: Endpoint): boolean {
  using probe = new Socket(family, type, protocol);
  try {
    probe.connectSync(address, { timeoutMs: 0 });
    return false;
  } catch (error) {
    return isSystemError(error, "ECONNREFUSED");
  }
}

/** A file that has taken the place of the one that was looked at is somebody else's. */
function removeIfSame(path: string, expected: Stats): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.ino === expected.ino && found.dev === expected.dev) unlinkSync(path);
}

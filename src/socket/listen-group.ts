/** Several listeners at one address, among which the kernel spreads what comes: SO_REUSEPORT. socket(7) */
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { type ListenOptions, listen, listenSync } from "./listen.ts";
import type { Socket } from "./socket.ts";
import type { WaitOptions } from "./waits.ts";

/** Sockets in one group. */
export const MAX_GROUP_SIZE = 1024;

/**
 * Opens a group of sockets at one port, one for each process or thread that is to serve: the kernel chooses among them by a
 * hash of both ends, so that one peer's datagrams reach one socket. Sockets of other processes of the same user may join
 * by setting SO_REUSEPORT, too.
 *
 * Each listener has a queue of its own. Closing one resets the connections in it that nobody has accepted, unless
 * net.ipv4.tcp_migrate_req is set.
 *
 *     const sockets = await listenGroup("tcp://127.0.0.1:7007", 4);
 *
 * @param endpoint as for `listen`; with port 0 the kernel chooses one for the whole group.
 * @param size how many sockets, from 1 to {@link MAX_GROUP_SIZE}.
 * @throws TypeError for a unix endpoint; RangeError for a size that cannot be; otherwise as `listen`.
 */
export async function listenGroup(
  endpoint: string,
  size: number,
  options: ListenOptions & WaitOptions = {},
): Promise<Socket[]> {
  const transport = checkGroup(endpoint, size);
  const shared = withReusePort(options);
  const group: Socket[] = [];
  try {
    group.push(await listen(endpoint, shared));
    completeGroup(group, transport, size, shared);
    return group;
  } catch (error) {
    for (const socket of group) socket.close();
    throw error;
  }
}

/** {@link listenGroup}, without a look-up: the host has to be numeric. */
export function listenGroupSync(endpoint: string, size: number, options: ListenOptions = {}): Socket[] {
  const transport = checkGroup(endpoint, size);
  const shared = withReusePort(options);
  const group: Socket[] = [];
  try {
    group.push(listenSync(endpoint, shared));
    completeGroup(group, transport, size, shared);
    return group;
  } catch (error) {
    for (const socket of group) socket.close();
    throw error;
  }
}

function checkGroup(endpoint: string, size: number): "tcp" | "udp" {
  if (!Number.isInteger(size) || size < 1 || size > MAX_GROUP_SIZE) {
    throw new RangeError(`a group has from 1 to ${MAX_GROUP_SIZE} sockets, not ${size}`);
  }
  const { transport } = parseEndpoint(endpoint, { names: true });
  if (transport !== "tcp" && transport !== "udp") {
    throw new TypeError(`${endpoint} cannot be shared: SO_REUSEPORT is about ports`);
  }
  return transport;
}

function withReusePort<T extends ListenOptions>(options: T): T {
  return { ...options, options: { ...options.options, SO_REUSEPORT: true } };
}

/** The others listen exactly where the first one does: it knows the port, and which of a name's addresses it took. */
function completeGroup(group: Socket[], transport: "tcp" | "udp", size: number, shared: ListenOptions): void {
  const exact = formatEndpoint({ transport, address: (group[0] as Socket).localAddress });
  while (group.length < size) group.push(listenSync(exact, shared));
}

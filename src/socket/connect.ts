/** From an endpoint's text to a connected socket in one call. */
import type { AddressLike } from "./address.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import type { OptionValues } from "./options.ts";
import { resolveEndpoint } from "./resolve-host.ts";
import { Socket, type SyncWaitOptions } from "./socket.ts";
import { checkWait, deadlineOf, type WaitOptions } from "./waits.ts";

/** How to connect. */
export interface ConnectOptions extends WaitOptions {
  /** Options by their C names, set before the connection is made. */
  readonly options?: OptionValues | undefined;
  /** The own address to connect from, or the one that a unix datagram socket gets its answers at. */
  readonly local?: AddressLike | undefined;
}

/**
 * Connects to an endpoint. A host name is looked up, and its addresses are tried one after the other.
 *
 *     using socket = await connect("tcp://localhost:7007", { timeoutMs: 1000, options: { TCP_NODELAY: true } });
 *
 * @param endpoint such as `tcp://127.0.0.1:7007`, `udp://[::1]:53`, `unix:///run/x.sock`, `unix://@abstract`.
 * @throws TypeError or RangeError for an endpoint or an option that cannot be; Error with `code` ENOTFOUND for a name
 * without an address; SystemError ECONNREFUSED, ETIMEDOUT … of the last address tried; the signal's reason.
 */
export async function connect(endpoint: string, options: ConnectOptions = {}): Promise<Socket> {
  checkWait(options);
  const limits = { signal: options.signal, deadlineMs: deadlineOf(options, performance.now()) };
  const endpoints = await resolveEndpoint(endpoint, limits);
  let failure: unknown;
  for (const candidate of endpoints) {
    const socket = prepare(candidate, options);
    try {
      await socket.connect(candidate.address, limits);
      return socket;
    } catch (error) {
      socket.close();
      options.signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

/** {@link connect}, blocking the thread; the host has to be numeric. */
export function connectSync(
  endpoint: string,
  options: Omit<ConnectOptions, keyof WaitOptions> & SyncWaitOptions = {},
): Socket {
  const parsed = parseEndpoint(endpoint);
  const socket = prepare(parsed, options);
  try {
    socket.connectSync(parsed.address, options);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function prepare({ family, type, protocol }: Endpoint, { options, local }: ConnectOptions): Socket {
  const socket = new Socket(family, type, protocol);
  try {
    if (options !== undefined) socket.setOptions(options);
    if (local !== undefined) socket.bind(local);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

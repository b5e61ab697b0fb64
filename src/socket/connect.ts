/** From an endpoint's text to a connected socket in one call. */
import type { AddressLike } from "./address.ts";
import { connectByName, type NameConnectOptions } from "./connect-by-name.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { OptionValues } from "./options.ts";
import { prepare } from "./prepare.ts";
import type { Socket, SyncWaitOptions } from "./socket.ts";
import { checkWait, type WaitOptions } from "./waits.ts";

/** How to connect. */
export interface ConnectOptions extends WaitOptions {
  /** Options by their C names, set before the socket is bound and connected; those that need a connection, after. */
  readonly options?: OptionValues | undefined;
  /** The own address to connect from, or the one that a unix datagram socket gets its answers at. */
  readonly local?: AddressLike | undefined;
}

/**
 * Connects to an endpoint, or to a host and a service by their names. A name is looked up, and its addresses are tried
 * as {@link connectByName} tells.
 *
 *     using socket = await connect("tcp://localhost:7007", { timeoutMs: 1000, options: { TCP_NODELAY: true } });
 *     using other = await connect("localhost", "http");
 *
 * @param endpoint such as `tcp://127.0.0.1:7007`, `udp://[::1]:53`, `unix:///run/x.sock`, `unix://@abstract`.
 * @throws TypeError or RangeError for an endpoint or an option that cannot be; LookupError EAI_NONAME … for a name
 * without an address; SystemError ECONNREFUSED, ETIMEDOUT …; ConnectError where several addresses failed; the signal's
 * reason.
 */
export function connect(endpoint: string, options?: ConnectOptions): Promise<Socket>;
/** Connects to a host and a service by their names: {@link connectByName}. */
export function connect(host: string, service: string | number, options?: NameConnectOptions): Promise<Socket>;
export async function connect(
  target: string,
  serviceOrOptions: string | number | ConnectOptions = {},
  options: NameConnectOptions = {},
): Promise<Socket> {
  if (typeof serviceOrOptions !== "object") return await connectByName(target, serviceOrOptions, options);
  checkWait(serviceOrOptions);
  const parsed = parseEndpoint(target, { names: true });
  if (!("address" in parsed)) {
    const { host, port, type, protocol } = parsed;
    return await connectByName(host, port, { ...serviceOrOptions, type, protocol });
  }
  const socket = prepare(parsed, serviceOrOptions);
  try {
    await socket.connect(parsed.address, serviceOrOptions);
    socket.setOptions(serviceOrOptions.options ?? {}, "after");
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
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
    socket.setOptions(options.options ?? {}, "after");
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

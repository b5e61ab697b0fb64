/** From the host name of an endpoint to an address, for the helper that listens. */
import { AF_INET, AF_INET6 } from "../abi/index.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { getaddrinfo } from "./lookup/getaddrinfo.ts";
import type { WaitOptions } from "./waits.ts";

/**
 * The endpoint that a text stands for: of a host name, its first address in the order of getaddrinfo(3).
 * @throws TypeError or RangeError as {@link parseEndpoint}; LookupError EAI_NONAME … for a name without an address;
 * SystemError ETIMEDOUT; the signal's reason.
 */
export async function resolveEndpoint(text: string, options: WaitOptions): Promise<Endpoint> {
  const endpoint = parseEndpoint(text, { names: true });
  if ("address" in endpoint) return endpoint;
  const { transport, type, protocol, host, port } = endpoint;
  const { signal, timeoutMs, deadlineMs } = options;
  const [first] = await getaddrinfo(host, port, { type, protocol, signal, timeoutMs, deadlineMs });
  if (first === undefined) throw new RangeError(`host "${host}" has no addresses`);
  const { address } = first;
  return { transport, family: address.family === "inet6" ? AF_INET6 : AF_INET, type, protocol, address };
}

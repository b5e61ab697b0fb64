/** From the host name of an endpoint to addresses, for the helpers that connect and listen. */
import { lookup } from "node:dns/promises";
import { AF_INET, AF_INET6, type SocketAddress } from "../abi/index.ts";
import { type Endpoint, type NamedEndpoint, parseEndpoint } from "./endpoint.ts";
import { timeoutError } from "./errors.ts";
import { deadlineOf, type WaitOptions } from "./waits.ts";

/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 16;

/**
 * The endpoints that a text stands for: one, or one for each address of its host name, in the order of getaddrinfo(3).
 * @throws TypeError or RangeError as {@link parseEndpoint}; Error with `code` ENOTFOUND or EAI_AGAIN for a name without
 * an address; SystemError ETIMEDOUT; the signal's reason.
 */
export async function resolveEndpoint(text: string, options: WaitOptions): Promise<[Endpoint, ...Endpoint[]]> {
  const endpoint = parseEndpoint(text, { names: true });
  if ("address" in endpoint) return [endpoint];
  const found = await limited(lookup(endpoint.host, { all: true, order: "verbatim" }), options);
  const [first, ...others] = found.slice(0, MAX_ADDRESSES).map(({ address, family }) => {
    return withAddress(endpoint, { family: family === 6 ? "inet6" : "inet", address, port: endpoint.port });
  });
  if (first === undefined) throw new RangeError(`host "${endpoint.host}" has no addresses`);
  return [first, ...others];
}

function withAddress(named: NamedEndpoint, address: SocketAddress): Endpoint {
  const { transport, type, protocol } = named;
  return { transport, family: address.family === "inet6" ? AF_INET6 : AF_INET, type, protocol, address };
}

/** Ends the wait, though not the look-up itself, when the caller's time or patience is over. */
async function limited<T>(work: Promise<T>, options: WaitOptions): Promise<T> {
  const { signal } = options;
  const nowMs = performance.now();
  const limitMs = deadlineOf(options, nowMs) - nowMs;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    if (Number.isFinite(limitMs)) {
      timer = setTimeout(() => reject(timeoutError("getaddrinfo", limitMs)), Math.max(0, limitMs));
    }
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

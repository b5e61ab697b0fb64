/** Socket addresses as the methods of `Socket` take them and as messages show them. */
import { encodeSockaddr, type SocketAddress } from "../abi/index.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { SystemErrorDetails } from "./errors.ts";

/** An address, or an endpoint whose host is numeric: `"tcp://127.0.0.1:7007"`, `"unix://@name"`. */
export type AddressLike = SocketAddress | string;

/** @throws TypeError or RangeError naming the part that is wrong. */
export function toAddress(address: AddressLike): SocketAddress {
  if (typeof address === "string") return parseEndpoint(address).address;
  if (typeof address === "object" && address !== null && "family" in address) return address;
  throw new TypeError(`${String(address)} is no socket address: give an object with a family, or an endpoint's text`);
}

/** struct sockaddr for the kernel. @throws TypeError or RangeError naming the part that is wrong. */
export function toSockaddr(address: AddressLike): Uint8Array {
  return encodeSockaddr(toAddress(address));
}

/**
 * `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `@abstract`, `(unnamed)`; other families as JSON.
 *
 *     formatAddress({ family: "inet6", address: "::1", port: 80 }); // "[::1]:80"
 */
export function formatAddress(address: SocketAddress): string {
  switch (address.family) {
    case "inet":
      return `${address.address}:${address.port}`;
    case "inet6":
      return `[${address.address}${address.scopeId === undefined ? "" : `%${address.scopeId}`}]:${address.port}`;
    case "unix":
      return formatUnix(address);
    default:
      return JSON.stringify(address);
  }
}

/** The fields of an error about this address. */
export function addressDetails(address: SocketAddress | undefined): SystemErrorDetails {
  if (address === undefined) return {};
  switch (address.family) {
    case "inet":
    case "inet6":
      return { address: address.address, port: address.port };
    case "unix":
      return address.kind === "unnamed" ? {} : { path: formatUnix(address) };
    default:
      return { address: formatAddress(address) };
  }
}

function formatUnix(address: SocketAddress & { family: "unix" }): string {
  if (address.kind === "unnamed") return "(unnamed)";
  return address.kind === "abstract" ? `@${toText(address.name)}` : toText(address.path);
}

/** Bytes that are no UTF-8 are shown one by one, so that a message stays readable. */
function toText(bytes: string | Uint8Array): string {
  return typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1");
}

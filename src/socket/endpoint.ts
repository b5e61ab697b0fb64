/**
 * Endpoints: addresses as people write them, with the transport in front.
 *
 *   tcp://127.0.0.1:7007   udp://[::1]:53   unix:///run/x.sock   unix://@abstract
 *   unix+dgram:///run/log.sock   unix+seqpacket://@control
 *
 * What follows `unix://` is the path or the name as it stands, without any escapes; a path may be relative.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_TCP,
  IPPROTO_UDP,
  isIPv4,
  isIPv6,
  MAX_ABSTRACT_NAME_BYTES,
  MAX_UNIX_PATH_BYTES,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  type SocketAddress,
  splitZone,
} from "../abi/index.ts";
import { if_nametoindex } from "../sys/index.ts";

/** The scheme of an endpoint. */
export type Transport = "tcp" | "udp" | "unix" | "unix+dgram" | "unix+seqpacket";

const TRANSPORTS: { readonly [T in Transport]: { readonly type: number; readonly protocol: number } } = {
  tcp: { type: SOCK_STREAM, protocol: IPPROTO_TCP },
  udp: { type: SOCK_DGRAM, protocol: IPPROTO_UDP },
  unix: { type: SOCK_STREAM, protocol: 0 },
  "unix+dgram": { type: SOCK_DGRAM, protocol: 0 },
  "unix+seqpacket": { type: SOCK_SEQPACKET, protocol: 0 },
};

/** Where to connect or listen, and what kind of socket that takes. */
export interface Endpoint {
  readonly transport: Transport;
  /** AF_INET, AF_INET6 or AF_UNIX. */
  readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
  readonly type: number;
  /** IPPROTO_TCP, IPPROTO_UDP or 0. */
  readonly protocol: number;
  readonly address: SocketAddress;
}

/** An endpoint whose host is a name, still to be looked up. */
export interface NamedEndpoint {
  readonly transport: "tcp" | "udp";
  readonly type: number;
  readonly protocol: number;
  readonly host: string;
  readonly port: number;
}

const MAX_PORT = 65535;
/** RFC 1035 section 2.3.4. */
const MAX_HOST_NAME_LENGTH = 253;
/** RFC 1123 section 2.1, and the underscore that is met in practice. */
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/**
 * Reads an endpoint whose host is numeric.
 *
 *     parseEndpoint("udp://[::1]:53").address; // { family: "inet6", address: "::1", port: 53 }
 *
 * @param text such as `tcp://127.0.0.1:7007`.
 * @throws TypeError for text of another form, a host name included; RangeError for a part that is out of its range.
 */
export function parseEndpoint(text: string): Endpoint;
/** Reads an endpoint whose host may also be a name, `tcp://localhost:7007`. */
export function parseEndpoint(text: string, options: { readonly names: true }): Endpoint | NamedEndpoint;
export function parseEndpoint(text: string, options?: { readonly names: true }): Endpoint | NamedEndpoint {
  const { transport, rest } = splitScheme(text);
  const kind = TRANSPORTS[transport];
  if (transport !== "tcp" && transport !== "udp") {
    return { transport, family: AF_UNIX, ...kind, address: parseUnix(text, rest) };
  }
  const { host, bracketed, port } = splitHost(text, rest);
  if (bracketed) return { transport, family: AF_INET6, ...kind, address: parseInet6(text, host, port) };
  if (isIPv4(host)) return { transport, family: AF_INET, ...kind, address: { family: "inet", address: host, port } };
  checkName(text, host);
  if (options?.names === true) return { transport, ...kind, host, port };
  throw new TypeError(`host ${quote(host)} of ${quote(text)} is a name; an IP address is wanted here`);
}

/**
 * The endpoint of an address: the text that {@link parseEndpoint} reads.
 *
 *     using listener = await listen("tcp://127.0.0.1:0");
 *     formatEndpoint({ transport: "tcp", address: listener.localAddress }); // "tcp://127.0.0.1:40967"
 */
export function formatEndpoint({ transport, address }: Pick<Endpoint, "transport" | "address">): string {
  switch (address.family) {
    case "inet":
      return `${transport}://${address.address}:${address.port}`;
    case "inet6": {
      const zone = address.scopeId === undefined ? "" : `%${address.scopeId}`;
      return `${transport}://[${address.address}${zone}]:${address.port}`;
    }
    case "unix":
      if (address.kind === "path" && typeof address.path === "string") return `${transport}://${address.path}`;
      if (address.kind === "abstract" && typeof address.name === "string") return `${transport}://@${address.name}`;
      throw new TypeError("an unnamed socket, or one whose name is no UTF-8, has no endpoint");
    default:
      throw new TypeError(`addresses of family ${address.family} have no endpoint`);
  }
}

function splitScheme(text: string): { transport: Transport; rest: string } {
  if (typeof text !== "string") throw new TypeError(`an endpoint is a string, not ${String(text)}`);
  const end = text.indexOf("://");
  const scheme = text.slice(0, Math.max(end, 0));
  if (end > 0 && Object.hasOwn(TRANSPORTS, scheme)) {
    return { transport: scheme as Transport, rest: text.slice(end + "://".length) };
  }
  const known = Object.keys(TRANSPORTS).map((name) => `${name}://`);
  const fault = end > 0 ? `has the unknown scheme ${quote(scheme)}` : "has no scheme";
  const likely = end > 0 ? undefined : guess(text);
  const example = likely === undefined ? "" : `, such as ${likely}`;
  throw new TypeError(`endpoint ${quote(text)} ${fault}; it begins with one of ${known.join(", ")}${example}`);
}

/** What was meant by an endpoint without its scheme. */
function guess(text: string): string | undefined {
  if (/^[./@]/.test(text)) return `unix://${text}`;
  if (/:\d+$/.test(text)) return `tcp://${text}`;
  return undefined;
}

function splitHost(text: string, rest: string): { host: string; bracketed: boolean; port: number } {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(rest);
  if (parts === null) {
    const fault = rest.startsWith("[") ? "no closing bracket, or something but a port after it" : "more than one colon";
    throw new TypeError(`endpoint ${quote(text)} has ${fault}; an IPv6 address stands in brackets, as in [::1]:7007`);
  }
  const [, inBrackets, plain = "", port] = parts;
  const host = inBrackets ?? plain;
  if (host === "") throw new TypeError(`endpoint ${quote(text)} has no host`);
  if (port === undefined || port === "") {
    throw new TypeError(`endpoint ${quote(text)} has no port; it ends with :PORT, a number from 0 to ${MAX_PORT}`);
  }
  if (!/^[0-9]+$/.test(port)) {
    throw new TypeError(`port ${quote(port)} of ${quote(text)} is no decimal number from 0 to ${MAX_PORT}`);
  }
  if (Number(port) > MAX_PORT) {
    throw new RangeError(`port ${port} of ${quote(text)} is above ${MAX_PORT}, the highest there is`);
  }
  return { host, bracketed: inBrackets !== undefined, port: Number(port) };
}

function parseInet6(text: string, host: string, port: number): SocketAddress {
  const parts = splitZone(host);
  if (parts === null || !isIPv6(host)) {
    throw new RangeError(`host ${quote(host)} of ${quote(text)} is no IPv6 address`);
  }
  const { address, zone } = parts;
  if (zone === undefined) return { family: "inet6", address, port };
  const scopeId = /^[0-9]{1,9}$/.test(zone) ? Number(zone) : if_nametoindex(zone);
  if (scopeId > 0) return { family: "inet6", address, port, scopeId };
  throw new RangeError(`zone ${quote(zone)} of ${quote(text)} is no interface of this machine`);
}

function checkName(text: string, host: string): void {
  if (/^[0-9.]+$/.test(host)) {
    const rule = "it has four decimal parts from 0 to 255, without leading zeros";
    throw new RangeError(`host ${quote(host)} of ${quote(text)} is no IPv4 address: ${rule}`);
  }
  if (host.length > MAX_HOST_NAME_LENGTH) {
    throw new RangeError(`a host name of ${host.length} characters is over the limit of ${MAX_HOST_NAME_LENGTH}`);
  }
  if (!HOST_NAME.test(host)) {
    throw new TypeError(`host ${quote(host)} of ${quote(text)} is neither an IP address nor a host name`);
  }
}

function parseUnix(text: string, rest: string): SocketAddress {
  if (rest === "" || rest === "@") {
    throw new TypeError(`endpoint ${quote(text)} has no path; write a path, or @ and an abstract name`);
  }
  if (rest.includes("\0")) throw new TypeError(`endpoint ${quote(text)} has a NUL, which no path may have`);
  const isAbstract = rest.startsWith("@");
  const bytes = Buffer.byteLength(isAbstract ? rest.slice(1) : rest);
  const maxBytes = isAbstract ? MAX_ABSTRACT_NAME_BYTES : MAX_UNIX_PATH_BYTES;
  if (bytes > maxBytes) {
    const what = isAbstract ? "name" : "path";
    throw new RangeError(`the ${what} of ${quote(text)} has ${bytes} bytes; sun_path has room for ${maxBytes}`);
  }
  if (isAbstract) return { family: "unix", kind: "abstract", name: rest.slice(1) };
  return { family: "unix", kind: "path", path: rest };
}

function quote(text: string): string {
  return JSON.stringify(text);
}

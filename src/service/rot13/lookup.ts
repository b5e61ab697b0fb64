/**
 * From names to addresses in two ways, with every answer shown. The old way asks for the host and the service apart, one
 * family at a time; the new one asks for both at once and gets all that would do, in order of preference.
 */
import { AF, nameOf, SOCK_DGRAM } from "../../abi/index.ts";
import {
  type AddressInfo,
  formatAddress,
  formatEndpoint,
  getaddrinfo,
  gethostbyname,
  getservbyname,
  isLookupError,
  parseEndpoint,
  type SocketAddress,
} from "../../socket/index.ts";
import { findPort, readServices, SHIPPED_SERVICES } from "./services-file.ts";

export const LOOKUPS = ["classic", "modern"] as const;
export type Lookup = (typeof LOOKUPS)[number];

export interface LookupRequest {
  readonly way: Lookup;
  /** Its host is looked up, and its transport kept; its port gives way to the service's. */
  readonly endpoint: string;
  /** The name of the service. */
  readonly service: string;
  /** A services file to look in where the system's knows no such service. */
  readonly servicesFile: string | undefined;
  readonly signal: AbortSignal;
  /** Told of each call and what it returned. */
  readonly show: (text: string) => void;
}

/**
 * The endpoints to try, in order.
 * @throws LookupError for a host that is none; RangeError for a service that neither list has, or a unix endpoint.
 */
export async function lookUp(request: LookupRequest): Promise<string[]> {
  const parsed = parseEndpoint(request.endpoint, { names: true });
  const { transport } = parsed;
  if (transport !== "tcp" && transport !== "udp")
    throw new RangeError("--lookup needs a host: a tcp:// or udp:// endpoint");
  const host = "host" in parsed ? parsed.host : addressText(parsed.address);
  const infos =
    request.way === "classic"
      ? await classic(request, host, transport)
      : await modern(request, host, transport, parsed.type === SOCK_DGRAM);
  return infos.map((address) => formatEndpoint({ transport, address }));
}

/** A numeric host, which is looked up as well: it comes back as it is. */
function addressText(address: SocketAddress): string {
  return address.family === "inet" || address.family === "inet6" ? address.address : "";
}

type Found = AddressInfo["address"];

async function classic(
  { service, servicesFile, signal, show }: LookupRequest,
  host: string,
  protocol: string,
): Promise<Found[]> {
  const entry = await gethostbyname(host, { signal });
  const { name, aliases, addressType, length, addresses } = entry;
  const family = typeof addressType === "number" ? nameOf(AF, addressType) : `AF_${addressType.toUpperCase()}`;
  show(
    `gethostbyname("${host}") = { h_name: "${name}", h_aliases: [${aliases.join(", ")}], h_addrtype: ${family}, h_length: ${length}, h_addr_list: [${addresses.join(", ")}] }`,
  );
  const found = await getservbyname(service, protocol, { signal });
  if (found === null) show(`getservbyname("${service}", "${protocol}") = NULL`);
  else {
    const list = found.aliases.join(", ");
    show(
      `getservbyname("${service}", "${protocol}") = { s_name: "${found.name}", s_aliases: [${list}], s_port: htons(${found.port}), s_proto: "${found.protocol}" }`,
    );
  }
  const port = found?.port ?? portFromFile(service, protocol, servicesFile, show);
  return addresses.map((address) => ({ family: "inet", address, port }));
}

async function modern(
  { service, servicesFile, signal, show }: LookupRequest,
  host: string,
  protocol: string,
  isDatagram: boolean,
): Promise<Found[]> {
  const hints = { type: isDatagram ? "dgram" : "stream", signal } as const;
  const call = (name: string): string =>
    `getaddrinfo("${host}", "${name}", { ai_socktype: SOCK_${hints.type.toUpperCase()} })`;
  let infos: AddressInfo[];
  try {
    infos = await getaddrinfo(host, service, hints);
    show(`${call(service)} = ${listed(infos)}`);
  } catch (error) {
    // Some libraries say of an unknown service what they say of an unknown host.
    if (!isLookupError(error, "EAI_SERVICE") && !isLookupError(error, "EAI_NONAME")) throw error;
    show(`${call(service)} = ${error.code}`);
    const port = String(portFromFile(service, protocol, servicesFile, show));
    infos = await getaddrinfo(host, port, hints);
    show(`${call(port)} = ${listed(infos)}`);
  }
  return infos.map(({ address }) => address);
}

function listed(infos: readonly AddressInfo[]): string {
  return `[${infos.map(({ address }) => formatAddress(address)).join(", ")}]`;
}

function portFromFile(
  service: string,
  protocol: string,
  path: string = SHIPPED_SERVICES,
  show: (text: string) => void,
): number {
  const port = findPort(readServices(path), service, protocol);
  if (port === undefined)
    throw new RangeError(`neither /etc/services nor ${path} has a service "${service}" over ${protocol}`);
  show(`${path}: ${service} ${port}/${protocol}`);
  return port;
}

/** From a host's name and a service's to a connected socket, as Happy Eyeballs has it: RFC 8305. */
import type { SocketAddress } from "../abi/index.ts";
import { formatAddress, toAddress } from "./address.ts";
import type { ConnectOptions } from "./connect.ts";
import { connectFailure } from "./connect-error.ts";
import { timeoutError } from "./errors.ts";
import type { HappyEyeballsOptions } from "./happy-eyeballs.ts";
import { type AddressInfo, getaddrinfo, type LookupHints } from "./lookup/getaddrinfo.ts";
import { familyNumber, typeNumber } from "./names.ts";
import { prepare } from "./prepare.ts";
import { race } from "./race.ts";
import type { Socket } from "./socket.ts";
import { checkWait, deadlineOf } from "./waits.ts";

/** How to connect to a host that is given by name. */
export interface NameConnectOptions
  extends ConnectOptions,
    Pick<HappyEyeballsOptions, "attemptDelayMs" | "firstFamilyCount" | "resolutionDelayMs">,
    Pick<LookupHints, "family" | "type" | "protocol" | "numericHost" | "numericService" | "addressConfig"> {
  /**
   * Two look-ups, one for each family, so that a name server that is slow with one does not hold up the other. Then
   * IPv6 goes first; with the one look-up of the default, the order is RFC 6724's.
   */
  readonly separateLookups?: boolean | undefined;
}

/**
 * Connects to the first address of a host that answers. Addresses are tried 250 ms apart, or at once after a failure,
 * IPv6 and IPv4 in turns; the sockets that lose are closed.
 *
 *     using socket = await connectByName("localhost", "http", { timeoutMs: 5000 });
 *
 * @param host a name, an address in text, or null for this machine.
 * @param service a name from services(5), or a port.
 * @throws LookupError EAI_NONAME …; SystemError ECONNREFUSED … where the host has one address; {@link ConnectError},
 * with the errors of all, where it has several; SystemError ETIMEDOUT after the caller's limit; the signal's reason;
 * TypeError and RangeError for arguments that cannot be.
 */
export async function connectByName(
  host: string | null,
  service: string | number,
  options: NameConnectOptions = {},
): Promise<Socket> {
  checkWait(options);
  const startMs = performance.now();
  const deadlineMs = deadlineOf(options, startMs);
  const lookups = new AbortController();
  const lookUp = async (family: LookupHints["family"]): Promise<Candidate[]> => {
    const hints = { ...hintsOf(options), family, signal: lookups.signal };
    return distinct(await getaddrinfo(host, service, hints));
  };
  const bySeparate = options.separateLookups === true && options.family === undefined && options.local === undefined;
  try {
    return await race<Candidate, Socket>(
      () => (bySeparate ? [lookUp("inet6"), lookUp("inet")] : [lookUp(familyOf(options))]),
      {
        attemptDelayMs: options.attemptDelayMs,
        firstFamilyCount: options.firstFamilyCount,
        resolutionDelayMs: options.resolutionDelayMs,
        preferredFamily: bySeparate ? "inet6" : undefined,
        signal: options.signal,
        deadlineMs,
        attempt: (candidate, signal) => connectTo(candidate, options, signal),
        dispose: (socket) => socket.close(),
        failed: (errors) => connectFailure(host ?? "this machine", String(service), errors),
        expired: (_errors, tried) => {
          const syscall = tried.length === 0 ? "getaddrinfo" : "connect";
          const hint =
            tried.length === 0
              ? undefined
              : `tried were ${tried.map(({ address }) => formatAddress(address)).join(", ")}`;
          return timeoutError(syscall, deadlineMs - startMs, { subject: `${host ?? "this machine"} ${service}`, hint });
        },
      },
    );
  } finally {
    lookups.abort();
  }
}

/** An address to try. */
interface Candidate {
  readonly family: string;
  readonly info: AddressInfo;
  readonly address: SocketAddress;
}

async function connectTo({ info, address }: Candidate, options: ConnectOptions, signal: AbortSignal): Promise<Socket> {
  const { protocol } = info;
  const socket = prepare({ family: familyNumber(info.family), type: typeNumber(info.type), protocol }, options);
  try {
    await socket.connect(address, { signal });
    socket.setOptions(options.options ?? {}, "after");
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function hintsOf(options: NameConnectOptions): LookupHints {
  const { type = "stream", protocol, numericHost, numericService, addressConfig } = options;
  return { type, protocol, numericHost, numericService, addressConfig };
}

/** A socket that is bound first can only connect within its own address's family. */
function familyOf({ family, local }: NameConnectOptions): LookupHints["family"] {
  if (family !== undefined || local === undefined) return family;
  const own = toAddress(local).family;
  return own === "inet" || own === "inet6" ? own : undefined;
}

/** /etc/hosts may name an address twice. */
function distinct(infos: readonly AddressInfo[]): Candidate[] {
  const byText = new Map<string, Candidate>();
  for (const info of infos) {
    const text = `${info.type} ${info.protocol} ${formatAddress(info.address)}`;
    if (!byText.has(text)) byText.set(text, { family: info.address.family, info, address: info.address });
  }
  return [...byText.values()];
}

/**
 * The client of rot13. It can look its server up by name, the old way or the new, and show what each call returned; and
 * it can load a server from many threads, each of which blocks in its own conversation.
 */
import { rot13 } from "../../protocol/index.ts";
import { isSystemError } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { callMirror, type Mirror, mirrorOptions } from "../mirror-client.ts";
import { wholeNumber } from "../option-values.ts";
import { load } from "./load.ts";
import { LOOKUPS, type Lookup, lookUp } from "./lookup.ts";

const MAX_THREADS = 64;
const DEFAULT_SERVICE = "rot13";

interface Rot13Options {
  readonly message?: string;
  readonly count?: number;
  readonly lookup?: Lookup;
  readonly service?: string;
  readonly services?: string;
  readonly threads?: number;
}

const mirror: Mirror = {
  name: "rot13",
  answer(bytes) {
    const answer = new Uint8Array(bytes.length);
    rot13(answer, bytes);
    return answer;
  },
};

export const rot13Client: ServiceClient = {
  options: [
    ...mirrorOptions,
    {
      flags: "--lookup <way>",
      description:
        "look host and service up by name and show each call: classic (gethostbyname, getservbyname) or modern (getaddrinfo)",
      parse: readLookup,
      words: LOOKUPS,
    },
    { flags: "--service <name>", description: "with --lookup: the service's name", default: DEFAULT_SERVICE },
    {
      flags: "--services <file>",
      description: "with --lookup: a services(5) file for what /etc/services has not (default: the one that ships)",
    },
    {
      flags: "--threads <number>",
      description: "load the server from so many threads, each with --count messages (default: 1000)",
      parse: wholeNumber("--threads", 1, MAX_THREADS),
    },
  ],
  async call(call) {
    const { lookup, service = DEFAULT_SERVICE, services, threads } = call.options as Rot13Options;
    if (lookup === undefined) {
      return threads === undefined ? await callMirror(mirror, call) : await load(mirror, call, threads);
    }
    const { output, signal } = call;
    const show = (text: string): void =>
      (output.notice ?? output.event)?.({ name: "lookup", text, fields: { call: text } });
    const endpoints = await lookUp({
      way: lookup,
      endpoint: call.endpoint,
      service,
      servicesFile: services,
      signal,
      show,
    });
    return await tryEach(call, endpoints, show);
  },
};

function readLookup(text: string): Lookup {
  const way = LOOKUPS.find((known) => known === text);
  if (way !== undefined) return way;
  throw new RangeError(`--lookup takes one of ${LOOKUPS.join(", ")}, not "${text}"`);
}

/** A host may have several addresses, of which not each has a server: the first that answers is used. */
async function tryEach(
  call: ClientCall,
  endpoints: readonly string[],
  show: (text: string) => void,
): Promise<ExitStatus> {
  const { threads } = call.options as Rot13Options;
  for (const [index, endpoint] of endpoints.entries()) {
    show(`connect(${endpoint})`);
    const there = { ...call, endpoint, input: call.input };
    try {
      return threads === undefined ? await callMirror(mirror, there) : await load(mirror, there, threads);
    } catch (error) {
      if (!isSystemError(error, "ECONNREFUSED") || index === endpoints.length - 1) throw error;
      show(error.message);
    }
  }
  return EXIT.NOHOST;
}

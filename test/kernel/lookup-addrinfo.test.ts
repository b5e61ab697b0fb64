/** getaddrinfo and getnameinfo, against Python's on the same machine. Nothing here asks a name server. */
import { setMaxListeners } from "node:events";
import fc from "fast-check";
import {
  type AddressInfo,
  getaddrinfo,
  getaddrinfoSync,
  getnameinfo,
  getnameinfoSync,
  isLookupError,
  LookupError,
  type LookupHints,
  type SocketAddress,
} from "portolan";
import { AF, AI, EAI, EAI_SYSTEM, IPPROTO, NI, SOCK } from "portolan/abi";
import { describe, expect, it } from "vitest";
import { failureOf } from "../support/socket-pairs.ts";
import { needsPython, python } from "./lookup-python.ts";

/** Arguments of Python's getaddrinfo: host, service, family, type, protocol, flags. */
type Query = readonly [string | null, string | number | null, number, number, number, number];
/** Family, type, protocol, canonical name, address. */
type Answer = readonly [number, number, number, string, readonly (string | number)[]][] | { readonly error: number };

const ADDRINFO_PROGRAM = `
def ask(query):
    try:
        return socket.getaddrinfo(*query)
    except socket.gaierror as error:
        return {"error": error.errno}
print(json.dumps([ask(query) for query in queries]))
`;

const { AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC } = AF;
const { SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } = SOCK;
const NUMERIC = AI.AI_NUMERICHOST;

const queries: readonly Query[] = [
  ["localhost", null, AF_UNSPEC, 0, 0, 0],
  ["localhost", "http", AF_UNSPEC, 0, 0, 0],
  ["localhost", "http", AF_INET, SOCK_STREAM, 0, AI.AI_CANONNAME],
  ["localhost", 80, AF_INET, 0, 0, 0],
  ["localhost", "domain", AF_INET, SOCK_DGRAM, 0, 0],
  ["127.0.0.1", "http", AF_UNSPEC, 0, 0, 0],
  ["127.0.0.1", "tcpmux", AF_UNSPEC, 0, 0, 0],
  ["127.0.0.1", "domain", AF_UNSPEC, 0, 0, 0],
  ["127.0.0.1", "80", AF_UNSPEC, 0, IPPROTO.IPPROTO_UDP, 0],
  ["127.0.0.1", "0", AF_UNSPEC, SOCK_RAW, 0, 0],
  ["127.0.0.1", 7, AF_UNSPEC, SOCK_STREAM, 0, NUMERIC | AI.AI_CANONNAME],
  ["::1", "http", AF_UNSPEC, 0, 0, 0],
  ["::1", 80, AF_INET6, SOCK_STREAM, 0, AI.AI_CANONNAME],
  ["fe80::1%lo", 80, AF_UNSPEC, SOCK_STREAM, 0, 0],
  ["fe80::1%1", "ssh", AF_INET6, 0, 0, NUMERIC],
  ["ff02::1%lo", 5353, AF_UNSPEC, SOCK_DGRAM, 0, 0],
  ["::ffff:127.0.0.1", 80, AF_UNSPEC, SOCK_STREAM, 0, 0],
  ["127.0.0.1", 80, AF_INET6, SOCK_STREAM, 0, NUMERIC | AI.AI_V4MAPPED],
  ["127.1", 80, AF_UNSPEC, SOCK_STREAM, 0, NUMERIC],
  ["0x7f000001", 80, AF_UNSPEC, SOCK_STREAM, 0, NUMERIC],
  [null, 80, AF_UNSPEC, SOCK_STREAM, 0, 0],
  [null, 80, AF_UNSPEC, 0, 0, AI.AI_PASSIVE],
  [null, "http", AF_INET, SOCK_STREAM, 0, AI.AI_PASSIVE],
  [null, "http", AF_INET6, SOCK_STREAM, 0, AI.AI_PASSIVE | AI.AI_ADDRCONFIG],
  [null, "80", AF_UNSPEC, SOCK_STREAM, 0, AI.AI_NUMERICSERV],
  // What cannot be.
  [null, null, AF_UNSPEC, 0, 0, 0],
  ["", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["venus", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["256.0.0.1", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["1.2.3.4.5", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["::g", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["fe80::1%nosuch0", 80, AF_UNSPEC, 0, 0, NUMERIC],
  ["127.0.0.1", 80, AF_INET6, 0, 0, NUMERIC],
  ["::1", 80, AF_INET, 0, 0, NUMERIC],
  ["127.0.0.1", "no-such-service", AF_UNSPEC, 0, 0, 0],
  ["127.0.0.1", "no-such-service", AF_UNSPEC, SOCK_STREAM, 0, 0],
  ["127.0.0.1", "http", AF_UNSPEC, SOCK_RAW, 0, 0],
  ["127.0.0.1", "http", AF_UNSPEC, 0, 0, AI.AI_NUMERICSERV],
  ["127.0.0.1", "tcpmux", AF_UNSPEC, SOCK_DGRAM, 0, 0],
  ["127.0.0.1", 80, AF_UNSPEC, SOCK_STREAM, IPPROTO.IPPROTO_UDP, 0],
  ["127.0.0.1", 80, AF_UNSPEC, SOCK_SEQPACKET, 0, 0],
  ["127.0.0.1", 80, AF_UNSPEC, 77, 0, 0],
  ["127.0.0.1", 80, AF_UNIX, 0, 0, 0],
  ["127.0.0.1", 80, 77, 0, 0, 0],
  ["127.0.0.1", 80, AF_UNSPEC, 0, 0, 1 << 29],
  [null, 80, AF_UNSPEC, 0, 0, AI.AI_CANONNAME],
];

function hintsOf([, , family, type, protocol, flags]: Query): LookupHints {
  return { family, type, protocol, flags };
}

/** Our answers in Python's form. */
function asPython(infos: readonly AddressInfo[]): Answer {
  return infos.map(({ family, type, protocol, canonicalName, address }) => [
    family === "inet" ? AF_INET : family === "inet6" ? AF_INET6 : Number(family),
    typeof type === "number" ? type : SOCK[`SOCK_${type.toUpperCase()}` as keyof typeof SOCK],
    protocol,
    canonicalName ?? "",
    sockaddrAsPython(address),
  ]);
}

function sockaddrAsPython(address: SocketAddress): (string | number)[] {
  if (address.family === "inet") return [address.address, address.port];
  if (address.family !== "inet6") throw new Error(`a look-up gave ${address.family}`);
  return [address.address, address.port, address.flowinfo ?? 0, address.scopeId ?? 0];
}

async function ours(look: () => AddressInfo[] | Promise<AddressInfo[]>): Promise<Answer> {
  try {
    return asPython(await look());
  } catch (error) {
    if (isLookupError(error)) return { error: error.errno };
    throw error;
  }
}

describe("getaddrinfo", () => {
  it("gives what Python gives, in the same order, and the same errors", async (context) => {
    needsPython(context);
    const theirs = python<Answer[]>(ADDRINFO_PROGRAM, queries);
    for (const [index, query] of queries.entries()) {
      const [host, service] = query;
      const name = JSON.stringify(query);
      const blocking = await ours(() => getaddrinfoSync(host, service, hintsOf(query)));
      expect({ name, answer: blocking }).toEqual({ name, answer: theirs[index] });
      const waiting = await ours(() => getaddrinfo(host, service, hintsOf(query)));
      expect({ name, answer: waiting }).toEqual({ name, answer: theirs[index] });
    }
  });

  it("names every field of an answer", async () => {
    const hints = { family: "inet", type: "stream", numericHost: true, canonicalName: true } as const;
    expect(await getaddrinfo("127.0.0.1", 7007, hints)).toEqual([
      {
        flags: AI.AI_NUMERICHOST | AI.AI_CANONNAME,
        family: "inet",
        type: "stream",
        protocol: IPPROTO.IPPROTO_TCP,
        address: { family: "inet", address: "127.0.0.1", port: 7007 },
        canonicalName: "127.0.0.1",
      },
    ]);
    const scoped = getaddrinfoSync("fe80::1%lo", 7007, { type: "dgram", numericHost: true });
    expect(scoped.map(({ address }) => address)).toEqual([
      { family: "inet6", address: "fe80::1", port: 7007, scopeId: 1 },
    ]);
  });

  it("turns each friendly hint into its flag", () => {
    const friendly: LookupHints[] = [
      { passive: true },
      { numericHost: true },
      { numericService: true },
      { v4Mapped: true },
      { v4Mapped: true, all: true },
      { canonicalName: true },
      { addressConfig: true },
    ];
    const seen = friendly.map((hints) => getaddrinfoSync("127.0.0.1", "80", { type: "stream", ...hints })[0]?.flags);
    expect(seen).toEqual([
      AI.AI_PASSIVE,
      AI.AI_NUMERICHOST,
      AI.AI_NUMERICSERV,
      AI.AI_V4MAPPED,
      AI.AI_V4MAPPED | AI.AI_ALL,
      AI.AI_CANONNAME,
      AI.AI_ADDRCONFIG,
    ]);
  });

  it("fails with C's name, the number, the names asked for, and what it usually means", async () => {
    const error = await failureOf(() => getaddrinfo("venus", "http", { numericHost: true }));
    expect(error).toBeInstanceOf(LookupError);
    expect(error).toMatchObject({
      name: "LookupError",
      code: "EAI_NONAME",
      errno: EAI.EAI_NONAME,
      syscall: "getaddrinfo",
      hostname: "venus",
      service: "http",
    });
    expect(error.message).toMatch(/^getaddrinfo EAI_NONAME venus service http: .+: the name is misspelt/);
    expect(isLookupError(error, "EAI_NONAME")).toBe(true);
    expect(isLookupError(error, "EAI_AGAIN")).toBe(false);
    expect(isLookupError(new Error("x"))).toBe(false);
  });

  it("has the system's error as the cause of EAI_SYSTEM", () => {
    const error = new LookupError("getaddrinfo", "EAI", EAI_SYSTEM, { hostname: "venus", systemErrno: 24 });
    expect(error).toMatchObject({ code: "EAI_SYSTEM", errno: EAI_SYSTEM, cause: { code: "EMFILE", errno: -24 } });
    expect(error.message).toContain("EMFILE");
  });

  it("refuses ports that glibc would cut to 16 bits", async () => {
    expect(await failureOf(() => getaddrinfoSync("127.0.0.1", "99999"))).toMatchObject({ code: "EAI_SERVICE" });
    for (const port of [-1, 65536, 1.5, Number.NaN]) {
      expect(() => getaddrinfoSync("127.0.0.1", port)).toThrow(RangeError);
    }
  });

  it.each([
    ["a NUL in the host", () => getaddrinfo("a\0b")],
    ["half a surrogate pair", () => getaddrinfo("a\ud800")],
    ["a host that is no string", () => getaddrinfo(7 as never)],
    ["a service that is no name", () => getaddrinfo("127.0.0.1", {} as never)],
    ["a NUL in the service", () => getaddrinfo("127.0.0.1", "ht\0tp")],
    ["a family that is none", () => getaddrinfo("127.0.0.1", 80, { family: "ipv5" as never })],
    ["flags that are no int", () => getaddrinfo("127.0.0.1", 80, { flags: 2 ** 40 })],
    ["a protocol that is no int", () => getaddrinfo("127.0.0.1", 80, { protocol: 1.5 })],
  ])("refuses %s by a rejection, before any call", async (_what, call) => {
    const error = await failureOf(call);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  it("gives letters beyond ASCII their xn-- form, and refuses those that have none", async () => {
    const numericHost = true;
    expect(await failureOf(() => getaddrinfo("bücher.example", 80, { numericHost }))).toMatchObject({
      code: "EAI_NONAME",
      hostname: "bücher.example",
    });
    // Digits of full width are digits: RFC 5895 section 2.
    expect(getaddrinfoSync("１２７.0.0.1", 80, { numericHost, type: "stream" })).toMatchObject([
      { address: { address: "127.0.0.1" } },
    ]);
    expect(await failureOf(() => getaddrinfo("ü ü", 80, { numericHost }))).toMatchObject({ code: "EAI_IDN_ENCODE" });
  });

  it("refuses names longer than NI_MAXHOST allows, without a call", async () => {
    expect(await failureOf(() => getaddrinfo("a".repeat(1025)))).toMatchObject({ code: "EAI_NONAME" });
  });

  it("queues more look-ups than libuv's pool and koffi take at once", async () => {
    const ports = Array.from({ length: 500 }, (_, index) => index + 1);
    const answers = await Promise.all(ports.map((port) => getaddrinfo("127.0.0.1", port, { type: "stream" })));
    expect(answers.map(([first]) => first?.address)).toEqual(
      ports.map((port) => ({ family: "inet", address: "127.0.0.1", port })),
    );
  });

  it("bounds what waits in line, and works again afterwards", async () => {
    const settled = await Promise.allSettled(Array.from({ length: 5000 }, () => getaddrinfo("127.0.0.1", 80)));
    const refused = settled.filter((outcome) => outcome.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => isLookupError(reason, "EAI_AGAIN"))).toBe(true);
    expect(await getaddrinfo("127.0.0.1", 80, { type: "stream" })).toHaveLength(1);
  });

  it("is let go by a signal, at once or while it waits in line", async () => {
    const reason = new Error("enough");
    await expect(getaddrinfo("127.0.0.1", 80, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    setMaxListeners(100, controller.signal);
    const inLine = Array.from({ length: 100 }, () => getaddrinfo("127.0.0.1", 80, { signal: controller.signal }));
    controller.abort(reason);
    const settled = await Promise.allSettled(inLine);
    expect(settled.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual(inLine.map(() => reason));
    expect(await getaddrinfo("127.0.0.1", 80, { type: "stream" })).toHaveLength(1);
  });

  it("fails with ETIMEDOUT when no time is left", async () => {
    const limits = [{ timeoutMs: 0 }, { deadlineMs: performance.now() - 1 }];
    for (const limit of limits) {
      const error = await failureOf(() => getaddrinfo("127.0.0.1", 80, limit));
      expect(error).toMatchObject({ code: "ETIMEDOUT", syscall: "getaddrinfo" });
    }
    expect(await getaddrinfo("127.0.0.1", 80, { type: "stream", timeoutMs: 1e12 })).toHaveLength(1);
  });

  it("throws nothing but its own errors, whatever the host, service and hints", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.string({ maxLength: 2000 }),
      fc.stringMatching(/^[0-9a-fA-Fx.:%]{0,50}$/),
    );
    const int = fc.oneof(fc.constantFrom(0, 1, 2, 3, 6, 10, 17), fc.integer());
    await fc.assert(
      fc.asyncProperty(text, fc.option(fc.oneof(text, int)), int, int, int, int, async (...drawn) => {
        const [host, service, family, type, protocol, flags] = drawn;
        // Without this flag a name server would be asked.
        const hints = { family, type, protocol, flags: flags | AI.AI_NUMERICHOST };
        const isOwn = (error: unknown): boolean => {
          return isLookupError(error) || error instanceof TypeError || error instanceof RangeError;
        };
        const waiting = await getaddrinfo(host, service, hints).catch((error: unknown) => error);
        let blocking: unknown;
        try {
          blocking = getaddrinfoSync(host, service, hints);
        } catch (error) {
          blocking = error;
        }
        for (const outcome of [waiting, blocking]) expect(Array.isArray(outcome) || isOwn(outcome)).toBe(true);
        expect(Array.isArray(waiting)).toBe(Array.isArray(blocking));
      }),
      { numRuns: 500 },
    );
  });
});

describe("getnameinfo", () => {
  const cases: readonly (readonly [SocketAddress, number])[] = [
    [{ family: "inet", address: "127.0.0.1", port: 80 }, 0],
    [{ family: "inet", address: "127.0.0.1", port: 53 }, NI.NI_DGRAM],
    [{ family: "inet", address: "127.0.0.1", port: 80 }, NI.NI_NUMERICHOST],
    [{ family: "inet", address: "127.0.0.1", port: 80 }, NI.NI_NUMERICSERV],
    [{ family: "inet", address: "127.0.0.1", port: 1 }, NI.NI_NUMERICHOST | NI.NI_NUMERICSERV],
    [{ family: "inet", address: "192.0.2.1", port: 65535 }, NI.NI_NUMERICHOST],
    [{ family: "inet6", address: "::1", port: 80 }, NI.NI_NUMERICHOST],
    [{ family: "inet6", address: "fe80::1", port: 22, scopeId: 1 }, NI.NI_NUMERICHOST],
    [{ family: "inet6", address: "fe80::1", port: 22, scopeId: 4_000_000 }, NI.NI_NUMERICHOST | NI.NI_NUMERICSERV],
    [{ family: "inet", address: "127.0.0.1", port: 80 }, NI.NI_NAMEREQD | NI.NI_NUMERICHOST],
    [{ family: "inet", address: "127.0.0.1", port: 80 }, 1 << 29],
  ];
  const PROGRAM = `
def ask(query):
    try:
        return socket.getnameinfo(tuple(query[0]), query[1])
    except socket.gaierror as error:
        return error.errno
print(json.dumps([ask(query) for query in queries]))
`;

  it("gives what Python gives", async (context) => {
    needsPython(context);
    const theirs = python(
      PROGRAM,
      cases.map(([address, flags]) => [sockaddrAsPython(address), flags]),
    );
    const outcome = (error: unknown): unknown => (isLookupError(error) ? error.errno : error);
    const answers: unknown[] = [];
    for (const [address, flags] of cases) {
      const waiting = await getnameinfo(address, { flags }).then(({ host, service }) => [host, service], outcome);
      let blocking: unknown;
      try {
        const { host, service } = getnameinfoSync(address, { flags });
        blocking = [host, service];
      } catch (error) {
        blocking = outcome(error);
      }
      expect(waiting).toEqual(blocking);
      answers.push(waiting);
    }
    expect(answers).toEqual(theirs);
  });

  it("takes endpoints, and friendly flags", async () => {
    const flags = { numericHost: true, numericService: true } as const;
    expect(getnameinfoSync("tcp://[::1]:7007", flags)).toEqual({ host: "::1", service: "7007" });
    expect(await getnameinfo("udp://127.0.0.1:7007", flags)).toEqual({ host: "127.0.0.1", service: "7007" });
  });

  it("fails for families that it does not know", async () => {
    const packet: SocketAddress = { family: "netlink", pid: 1, groups: 0 };
    expect(await failureOf(() => getnameinfo(packet))).toMatchObject({ code: "EAI_FAMILY", syscall: "getnameinfo" });
    expect(await failureOf(() => getnameinfoSync(packet))).toMatchObject({ code: "EAI_FAMILY" });
    expect(await failureOf(() => getnameinfo("nonsense"))).toBeInstanceOf(TypeError);
  });
});

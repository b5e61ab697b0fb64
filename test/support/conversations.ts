/**
 * One short conversation with each service, by sockets that are not ours wherever Node has them, for suites that serve
 * the services in many ways.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectPortolan, type Socket as PortolanSocket } from "portolan";
import { expect } from "vitest";

const patienceMs = 30_000;
const MAX_DATAGRAM_BYTES = 65_535;
const SECONDS_1900_TO_1970 = 2_208_988_800;
const MS_PER_SECOND = 1000;
const BOTH_LETTERS = "Hello, World! 123 [@`{] \xe4\n";
const BOTH_LETTERS_TURNED = "Uryyb, Jbeyq! 123 [@`{] \xe4\n";

export type Kind = "stream" | "datagram";

export interface EndpointKind {
  readonly name: string;
  readonly kind: Kind;
  readonly listen: () => string;
}

let sockets = 0;

/** The endpoints to try, for a service's transports. */
export function endpointKinds(transports: readonly string[], directory: string): EndpointKind[] {
  const all: (EndpointKind & { transport: string })[] = [
    { transport: "tcp", name: "TCP over IPv4", kind: "stream", listen: () => "tcp://127.0.0.1:0" },
    { transport: "tcp", name: "TCP over IPv6", kind: "stream", listen: () => "tcp://[::1]:0" },
    {
      transport: "unix",
      name: "a unix socket",
      kind: "stream",
      listen: () => `unix://${join(directory, `${sockets++}.sock`)}`,
    },
    { transport: "udp", name: "UDP over IPv4", kind: "datagram", listen: () => "udp://127.0.0.1:0" },
    { transport: "udp", name: "UDP over IPv6", kind: "datagram", listen: () => "udp://[::1]:0" },
    {
      transport: "udp",
      name: "a unix datagram socket",
      kind: "datagram",
      listen: () => `unix+dgram://${join(directory, `${sockets++}.sock`)}`,
    },
  ];
  return all.filter(({ transport }) => transports.includes(transport));
}

/** Where an endpoint is, as Node's sockets take it. */
export function placeOf(endpoint: string): { host: string; port: number } | { path: string } {
  const [, scheme, rest = ""] = /^(\w+):\/\/(.*)$/.exec(endpoint) ?? [];
  if (scheme === "unix") return { path: rest.replace(/^@/, "\0") };
  const colon = rest.lastIndexOf(":");
  return { host: rest.slice(0, colon).replace(/[[\]]/g, ""), port: Number(rest.slice(colon + 1)) };
}

export function dial(endpoint: string): Socket {
  return connect({ ...placeOf(endpoint), allowHalfOpen: true });
}

/** All that arrives until the peer ends its side, or until `isEnough` says so. */
export async function readUntil(socket: Socket, isEnough: (all: Buffer) => boolean = () => false): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const timer = setTimeout(() => socket.destroy(new Error("the server said nothing for too long")), patienceMs);
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk as Buffer);
      timer.refresh();
      if (isEnough(Buffer.concat(chunks))) break;
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** Sends bytes, ends, and gives all that came back. */
export async function converse(endpoint: string, bytes: Uint8Array | string): Promise<Buffer> {
  const socket = dial(endpoint);
  socket.end(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return await readUntil(socket);
}

/** A socket that has a name and talks to a unix datagram server: Node has none of this kind, so it is ours. */
async function unixDatagramTo(endpoint: string): Promise<PortolanSocket> {
  const local = { family: "unix", kind: "unnamed" } as const;
  return await connectPortolan(endpoint, { local });
}

/** Sends a datagram and gives the one that comes back. */
export async function askDatagram(endpoint: string, bytes: Uint8Array | string): Promise<Buffer> {
  if (endpoint.startsWith("unix")) {
    using socket = await unixDatagramTo(endpoint);
    await socket.send(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return Buffer.from(await socket.recv(MAX_DATAGRAM_BYTES, { timeoutMs: patienceMs }));
  }
  const { host, port } = placeOf(endpoint) as { host: string; port: number };
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const question = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  try {
    const answer = once(socket, "message", { signal: AbortSignal.timeout(patienceMs) });
    socket.send(question, port, host);
    return (await answer)[0] as Buffer;
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

/** Sends a datagram and makes sure that none comes back before a later question to another service is answered. */
export async function expectSilence(endpoint: string, bytes: string, quietMs = 50): Promise<void> {
  if (endpoint.startsWith("unix")) {
    using socket = await unixDatagramTo(endpoint);
    await socket.send(bytes);
    await expect(socket.recv(MAX_DATAGRAM_BYTES, { timeoutMs: quietMs })).rejects.toMatchObject({ code: "ETIMEDOUT" });
    return;
  }
  const { host, port } = placeOf(endpoint) as { host: string; port: number };
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    socket.connect(port, host);
    await once(socket, "connect");
    let heard: string | undefined;
    socket.on("message", (message) => {
      heard = message.toString("latin1");
    });
    socket.send(bytes);
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    expect(heard).toBeUndefined();
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

/** The pattern of RFC 864: 95 printing characters as a ring, 72 on a line, each line one further. */
export function chargenPattern(lines: number): string {
  const ring = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
  return Array.from({ length: lines }, (_, line) => {
    const start = line % ring.length;
    return `${(ring + ring).slice(start, start + 72)}\r\n`;
  }).join("");
}

function expectNow868(answer: Buffer): void {
  expect(answer).toHaveLength(4);
  expectRecent((answer.readUInt32BE() - SECONDS_1900_TO_1970) * MS_PER_SECOND);
}

function expectDaytime(answer: Buffer): void {
  expect(answer.toString("latin1")).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n$/);
  expectRecent(Date.parse(answer.toString().trim()));
}

/** The server's clock is ours; a second that it leaves away, and what a busy machine may take to bring the answer, apart. */
function expectRecent(momentMs: number): void {
  expect(momentMs).toBeGreaterThan(Date.now() - patienceMs - MS_PER_SECOND);
  expect(momentMs).toBeLessThanOrEqual(Date.now());
}

/** Checks made against an endpoint, by the kind of socket. */
export type Conversation = { readonly [K in Kind]?: (endpoint: string) => Promise<void> };

export const conversations: Readonly<Record<string, Conversation>> = {
  chargen: {
    async stream(endpoint) {
      const wanted = chargenPattern(200);
      const socket = dial(endpoint);
      const all = await readUntil(socket, ({ length }) => length >= wanted.length);
      socket.destroy();
      expect(all.toString("latin1").slice(0, wanted.length)).toBe(wanted);
    },
    async datagram(endpoint) {
      const answer = await askDatagram(endpoint, "x".repeat(600));
      expect(answer.length).toBeLessThanOrEqual(512);
      expect(chargenPattern(95).startsWith(answer.toString("latin1"))).toBe(true);
    },
  },
  counter: {
    stream: async (endpoint) =>
      expect((await converse(endpoint, "add\nadd 41\nread\nquit\n")).toString()).toBe("1\r\n42\r\n42\r\n"),
  },
  daytime: {
    stream: async (endpoint) => expectDaytime(await converse(endpoint, "")),
    datagram: async (endpoint) => expectDaytime(await askDatagram(endpoint, "")),
  },
  discard: {
    stream: async (endpoint) => expect(await converse(endpoint, "x".repeat(300_000))).toHaveLength(0),
    datagram: (endpoint) => expectSilence(endpoint, "hello"),
  },
  echo: {
    stream: async (endpoint) => expect((await converse(endpoint, "hello\n")).toString()).toBe("hello\n"),
    datagram: async (endpoint) => expect((await askDatagram(endpoint, "hello")).toString()).toBe("hello"),
  },
  hangman: {
    async stream(endpoint) {
      const lines = (await converse(endpoint, "?\nabcdefg\n/quit\n")).toString().split("\r\n");
      expect(lines[1]).toMatch(/^_( _)* {2}12 lives left$/);
      expect(lines).toEqual([
        expect.stringMatching(/^Hangman: /),
        lines[1],
        "A letter from a to z, please, or the whole word.",
        lines[1],
        "It is not abcdefg.",
        lines[1]?.replace("12", "11"),
        "Goodbye.",
        "",
      ]);
    },
  },
  random: {
    async stream(endpoint) {
      const request = Buffer.alloc(8);
      request.writeBigUInt64BE(5000n << 16n);
      const answer = await converse(endpoint, request);
      expect(answer).toHaveLength(5000);
      expect(new Set(answer).size).toBeGreaterThan(200);
    },
  },
  rot13: {
    stream: async (endpoint) =>
      expect((await converse(endpoint, BOTH_LETTERS)).toString("latin1")).toBe(BOTH_LETTERS_TURNED),
    datagram: async (endpoint) =>
      expect((await askDatagram(endpoint, BOTH_LETTERS)).toString("latin1")).toBe(BOTH_LETTERS_TURNED),
  },
  squares: {
    async stream(endpoint) {
      const first = (await converse(endpoint, "name ann\nclaim 2 3\n2 3\nquit\n")).toString();
      expect(first).toMatch(/You are ann now\.\r\n2 3 is yours\.\r\n2 3 is occupied by you\.\r\nGoodbye\.\r\n$/);
      const second = (await converse(endpoint, "claim 2 3\nboard\n")).toString();
      expect(second).toMatch(/2 3 is occupied by ann\.\r\n {2}1 2 3 4 5\r\n.*\r\n.*\r\n3 \. A \. \. \.\r\n/);
    },
  },
  time: {
    stream: async (endpoint) => expectNow868(await converse(endpoint, "")),
    datagram: async (endpoint) => expectNow868(await askDatagram(endpoint, "")),
  },
  "time-query": {
    async datagram(endpoint) {
      const request = Buffer.alloc(13);
      request.writeUInt8(1);
      request.writeUInt32BE(0xdeadbeef, 1);
      const answer = await askDatagram(endpoint, request);
      expect(answer).toHaveLength(13);
      expect(answer.readUInt8()).toBe(2);
      expect(answer.readUInt32BE(1)).toBe(0xdeadbeef);
      expectRecent(Number(answer.readBigUInt64BE(5)));
    },
  },
  truncate: {
    async datagram(endpoint) {
      expect((await askDatagram(endpoint, "hello world")).toString()).toBe("hello wo");
      expect((await askDatagram(endpoint, "hello")).toString()).toBe("hello");
    },
  },
};

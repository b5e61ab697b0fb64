/** Clients that mean no good, for suites that see what a server is worth after them. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "portolan";
import type { Chance } from "./chance.ts";
import { dial, placeOf } from "./conversations.ts";

/** Many times more than any line that a service takes. */
const ENDLESS_BYTES = 1 << 18;
const ENDLESS_PIECE_BYTES = 1 << 16;
const LONGEST_NOISE_BYTES = 4096;
const DRIBBLED_BYTES = 64;
/** Of an answer without an end, so much is read, or so long waited for more. */
const ENOUGH_BYTES = 4096;
const ENOUGH_MS = 50;
/** Longer than an echo of everything here. */
const LONGEST_ANSWER_BYTES = 4 << 20;
const NEWLINE = 0x0a;
/** The longest datagram that IPv4 takes (65,535 less both headers), what Ethernet takes, and what services look at. */
const DATAGRAM_LENGTHS = [0, 1, 2, 7, 8, 9, 12, 13, 14, 63, 64, 511, 512, 513, 1472, 1473, 4096, 9000, 65_507];
const RANDOM_DATAGRAMS = 20;
/** Half of what a receive buffer holds by default (rmem_default, socket(7)), and what each costs there beside its bytes. */
const MOST_UNDERWAY_BYTES = 100_000;
const DATAGRAM_COST_BYTES = 1024;

/** What one client does. */
export interface Play {
  readonly name: string;
  /** Written one after the other, each when the kernel has taken the one before. */
  readonly pieces: readonly Buffer[];
  /** `end`: half-close and read all; `reset`: RST in place of that; `end-reset`: RST straight after the half-close. */
  readonly ending: "end" | "end-reset" | "reset";
  /** Whether the pieces are the service's sample, so that its answer is due. */
  readonly isSample?: true;
}

/** All that a server is to live through, from a sample of what the service understands. */
export function streamPlays(sample: Buffer, chance: Chance): Play[] {
  const boundaries = Array.from({ length: Math.max(0, sample.length - 1) }, (_, at) => at + 1);
  const dribble = Array.from(sample, (byte) => Buffer.of(byte));
  const half = sample.subarray(0, sample.length >> 1);
  return [
    { name: "the sample, whole", pieces: [sample], ending: "end", isSample: true },
    ...boundaries.map(
      (at): Play => ({
        name: `the sample, cut at ${at}`,
        pieces: [sample.subarray(0, at), sample.subarray(at)],
        ending: "end",
        isSample: true,
      }),
    ),
    { name: "the sample, byte by byte", pieces: dribble, ending: "end", isSample: true },
    {
      name: "noise, byte by byte",
      pieces: Array.from(noise(DRIBBLED_BYTES, chance), (b) => Buffer.of(b)),
      ending: "end",
    },
    ...Array.from(
      { length: 8 },
      (_, at): Play => ({
        name: `noise ${at}`,
        pieces: cut(noise(chance.between(1, LONGEST_NOISE_BYTES), chance), chance),
        ending: "end",
      }),
    ),
    ...Array.from(
      { length: 4 },
      (_, at): Play => ({ name: `a spoilt sample ${at}`, pieces: [spoilt(sample, chance)], ending: "end" }),
    ),
    { name: "a line of letters without an end", pieces: endless(() => 0x61), ending: "end" },
    { name: "a line of telnet's commands without an end", pieces: endless(() => 0xff), ending: "end" },
    { name: "a line of noise without an end", pieces: endless(() => withoutNewline(chance)), ending: "end" },
    ...(["reset", "end-reset"] as const).flatMap((ending): Play[] => [
      { name: `nothing, ${ending}`, pieces: [], ending },
      { name: `half of the sample, ${ending}`, pieces: [half], ending },
      { name: `the sample, ${ending}`, pieces: [sample], ending },
      { name: `noise, ${ending}`, pieces: [noise(LONGEST_NOISE_BYTES, chance)], ending },
      { name: `a line without an end, ${ending}`, pieces: endless(() => 0x7a), ending },
    ]),
  ];
}

/** Plays it. @returns what the server answered, as far as the client listened. */
export async function playStream(endpoint: string, play: Play, isEndless: boolean): Promise<Buffer> {
  if (play.ending === "end") return await writeAndListen(endpoint, play.pieces, isEndless);
  await writeAndReset(endpoint, play);
  return Buffer.alloc(0);
}

async function writeAndListen(endpoint: string, pieces: readonly Buffer[], isEndless: boolean): Promise<Buffer> {
  const socket = dial(endpoint);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // A server may well hang up on this.
  socket.on("error", () => {});
  socket.setNoDelay();
  const chunks: Buffer[] = [];
  let enough: NodeJS.Timeout | undefined;
  socket.on("data", (chunk: Buffer) => {
    // An answer without an end would fill the memory.
    if (!isEndless && socket.bytesRead <= LONGEST_ANSWER_BYTES) chunks.push(chunk);
    else if (!isEndless) socket.destroy();
    else if (enough !== undefined && socket.bytesRead >= ENOUGH_BYTES) socket.resetAndDestroy();
  });
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await Promise.race([closed, new Promise<void>((resolve) => socket.write(piece, () => resolve()))]);
  }
  // Who half-closes and then goes is not seen to go before the next byte is sent to him, which may be in a minute.
  if (isEndless && !socket.destroyed) enough = setTimeout(() => socket.resetAndDestroy(), ENOUGH_MS);
  else if (!socket.destroyed) socket.end();
  await closed;
  clearTimeout(enough);
  return Buffer.concat(chunks);
}

/** Writes what the kernel takes without waiting, never reads, and resets: SO_LINGER of 0, socket(7). */
async function writeAndReset(endpoint: string, { pieces, ending }: Play): Promise<void> {
  using socket = await connect(endpoint);
  socket.setOption("SO_LINGER", { enabled: true, seconds: 0 });
  try {
    for (const piece of pieces) {
      if (socket.trySend(piece) === undefined) break;
    }
    if (ending === "end-reset") socket.shutdown("write");
  } catch {
    // The server was quicker to hang up.
  }
}

/** Datagrams of every length that matters, and of random ones. */
export function hostileDatagrams(sample: Buffer, chance: Chance): Buffer[] {
  const lengths = [
    ...DATAGRAM_LENGTHS,
    ...Array.from({ length: RANDOM_DATAGRAMS }, () => chance.between(0, LONGEST_NOISE_BYTES)),
  ];
  const spoiltSamples = Array.from({ length: 8 }, () => spoilt(sample, chance));
  const cuts = Array.from(sample, (_, at) => sample.subarray(0, at));
  return [...lengths.map((length) => noise(length, chance)), ...spoiltSamples, ...cuts];
}

/**
 * Sends datagrams, as many at a time as the server's buffer is sure to hold.
 * @param taken waits until the server has taken so many of these
 */
export async function playDatagrams(
  endpoint: string,
  datagrams: readonly Buffer[],
  taken: (count: number) => Promise<void>,
): Promise<void> {
  const { host, port } = placeOf(endpoint) as { host: string; port: number };
  const socket = createSocket("udp4");
  try {
    let underwayBytes = 0;
    for (const [at, datagram] of datagrams.entries()) {
      underwayBytes += datagram.length + DATAGRAM_COST_BYTES;
      if (underwayBytes > MOST_UNDERWAY_BYTES) {
        await taken(at);
        underwayBytes = datagram.length + DATAGRAM_COST_BYTES;
      }
      await new Promise<void>((resolve, reject) => {
        socket.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error)));
      });
    }
    await taken(datagrams.length);
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

/** Bytes without sense: of any value, of text, of lines, or of telnet. */
function noise(length: number, chance: Chance): Buffer {
  const flavour = chance.oneOf(["any", "text", "lines", "telnet"]);
  if (flavour === "any") return chance.bytes(length);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) {
    if (flavour === "text") bytes[at] = chance.between(0x20, 0x7e);
    else if (flavour === "lines") bytes[at] = chance.oneOf([0x00, 0x0a, 0x0d, 0x20, 0x2f, 0x31, 0x61]);
    else bytes[at] = chance.oneOf([0xff, 0xfa, 0xf0, 0xfd, 0x0a, chance.between(0, 255)]);
  }
  return bytes;
}

/** The sample with some of its bytes changed, left out or doubled. */
function spoilt(sample: Buffer, chance: Chance): Buffer {
  return Buffer.concat(
    Array.from(sample, (byte) => {
      const luck = chance.between(0, 9);
      if (luck === 0) return Buffer.alloc(0);
      if (luck === 1) return Buffer.of(byte, byte);
      return Buffer.of(luck === 2 ? chance.between(0, 255) : byte);
    }),
  );
}

function cut(bytes: Buffer, chance: Chance): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + chance.between(1, 512));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

function endless(next: () => number): Buffer[] {
  const piece = Buffer.alloc(ENDLESS_PIECE_BYTES);
  for (let at = 0; at < piece.length; at += 1) piece[at] = next();
  return Array.from({ length: ENDLESS_BYTES / ENDLESS_PIECE_BYTES }, () => piece);
}

function withoutNewline(chance: Chance): number {
  const byte = chance.between(0, 255);
  return byte === NEWLINE ? 0 : byte;
}

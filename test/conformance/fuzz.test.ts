/**
 * Every service under every design lives through hostile clients: bytes without sense, its own words cut at every boundary
 * and byte by byte, lines without an end, resets at every moment, datagrams of every length. Afterwards it serves a
 * well-behaved client, and holds no connection and no descriptor more than before.
 *
 * Everything comes from one seed, which is printed: `PORTOLAN_SEED=N` plays it again.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { closeThreadReactor } from "portolan/reactor";
import { designs, type Server, type ServerDesign, type ServerEvent, serve } from "portolan/server";
import { type ServiceEntry, services } from "portolan/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Chance, seedOfThisRun } from "../support/chance.ts";
import { conversations, converse } from "../support/conversations.ts";
import { hostileDatagrams, type Play, playDatagrams, playStream, streamPlays } from "../support/hostile.ts";
import { until } from "../support/until.ts";

const seed = seedOfThisRun();
console.log(`fuzz: PORTOLAN_SEED=${seed}`);
afterAll(closeThreadReactor);

/** Hostile clients at the same time. */
const CLIENTS = 16;
const patienceMs = 30_000;
/** A child takes its time to start, so that each of these designs gets one hostile client and one other. */
const SPAWNING = new Set(["process", "thread"]);
/** The threads and children of these are there beforehand: one is enough to see whether it lives. */
const ONE_WORKER = new Set(["pool", "prefork"]);

interface Speech {
  /** Something that the service understands, in several parts if it can. */
  readonly sample: Buffer;
  /** What its answers have in common, wherever the sample was cut; absent where they have nothing. */
  readonly essence?: (answer: Buffer) => string;
  /** Whether an answer may go on for ever. */
  readonly isEndless?: true;
  /**
   * After how long without a byte a connection is closed: noise may ask for a byte in a minute, and a client that leaves
   * meanwhile is missed by select(2) and io_uring, for which a connection at rest is nothing to be told of.
   */
  readonly idleMs?: number;
  /** In place of the conversation of the suite of services, where that one expects to be the first client. */
  readonly sane?: (endpoint: string) => Promise<void>;
}

const exactly = (answer: Buffer): string => answer.toString("latin1");
const words = (text: string): Buffer => Buffer.from(text, "latin1");

/** A random stream's request: how many bytes, and how long to wait before each chunk of 1024. */
function randomRequest(length: number, delayMs: number): Buffer {
  const request = Buffer.alloc(8);
  request.writeBigUInt64BE((BigInt(length) << 16n) | BigInt(delayMs));
  return request;
}

const speeches: Readonly<Record<string, Speech>> = {
  chargen: { sample: words("anything\r\n"), isEndless: true },
  counter: {
    sample: words("read\nbogus\nread\r\nquit\n"),
    essence: exactly,
    sane: async (endpoint) => expect((await converse(endpoint, "read\nquit\n")).toString()).toMatch(/^\d+\r\n$/),
  },
  daytime: { sample: words("any") },
  discard: { sample: words("one\r\ntwo\r\n"), essence: exactly },
  echo: { sample: words("one\r\ntwo\0\xff\r\n"), essence: exactly },
  hangman: {
    sample: words("?\n\xff\xfb\x01abcdefg\r\n/quit\n"),
    essence: (answer) => exactly(answer).replaceAll(/^_( _)*/gm, "_"),
  },
  random: { sample: randomRequest(3000, 1), essence: ({ length }) => `${length} bytes`, isEndless: true, idleMs: 500 },
  rot13: { sample: words("Hello, World! \xe4\n"), essence: exactly },
  squares: {
    sample: words("board\nbogus\n6 6\nquit\n"),
    // The board is everybody's, and "1 1" is not rare among noise: what a client is told of it depends on the others.
    essence: (answer) =>
      exactly(answer)
        .replaceAll(/player-\d+/g, "player")
        .split("\r\n")
        .filter((line) => /^(Squares|Type|A square|Goodbye)/.test(line))
        .join("\n"),
    sane: async (endpoint) =>
      expect((await converse(endpoint, "board\nquit\n")).toString()).toMatch(/\r\nGoodbye\.\r\n$/),
  },
  time: { sample: words("any") },
  "time-query": { sample: Buffer.from("01deadbeef0000000000000000", "hex") },
  truncate: { sample: words("hello world") },
};

const offered = { stream: "tcp", datagram: "udp" } as const;

function spokenOver(kind: "stream" | "datagram"): { service: string; entry: ServiceEntry }[] {
  const spoken = services.filter(({ transports }) => transports.includes(offered[kind]));
  return spoken.map((entry) => ({ service: entry.name, entry }));
}

it("knows something to say to every service", () => {
  expect(Object.keys(speeches)).toEqual(services.map(({ name }) => name));
});

describe.each(designs.map((design) => ({ name: design.name, design })))("$name", ({ design }) => {
  const victims = new Map<string, Victim>();
  // All at once: each takes its time to start, and most of that is waiting.
  beforeAll(async () => {
    const wanted = (["stream", "datagram"] as const).flatMap((kind) =>
      spokenOver(kind).map(({ service, entry }) => ({ key: `${service} ${kind}`, entry, kind })),
    );
    await Promise.all(
      wanted.map(async ({ key, entry, kind }) => victims.set(key, await startVictim(entry, design, kind))),
    );
  });
  afterAll(() => Promise.all([...victims.values()].map(({ server }) => server.stop())));

  it.each(spokenOver("stream"))("$service, streams", async ({ service, entry }) => {
    const speech = speeches[service] as Speech;
    const chance = new Chance(seed + services.indexOf(entry));
    const all = streamPlays(speech.sample, chance);
    // Of another kind for each service, so that a design that spawns sees most kinds.
    const plays = SPAWNING.has(design.name) ? [chance.oneOf(all)] : all;
    await livesThrough(entry, victims.get(`${service} stream`) as Victim, "stream", async (server) => {
      const answers = new Set<string>();
      await inParallel(plays, async (play) => {
        const isDue = play.isSample !== undefined && speech.essence !== undefined;
        const isEndless = speech.isEndless === true && !isDue;
        const answer = await playStream(server.endpoint, play, isEndless);
        if (isDue) answers.add(speech.essence?.(answer) ?? "");
      });
      // Where the words were cut makes no difference to the answer.
      expect([...answers].slice(1), `seed ${seed}`).toEqual([]);
      await until(() => server.counters().accepted === plays.length, patienceMs);
      if (speech.idleMs === undefined) expect(server.counters().timedOut).toBe(0);
    });
  });

  it.each(spokenOver("datagram"))("$service, datagrams", async ({ service, entry }) => {
    const speech = speeches[service] as Speech;
    const chance = new Chance(seed + services.indexOf(entry));
    const all = hostileDatagrams(speech.sample, chance);
    const datagrams = SPAWNING.has(design.name) ? [chance.oneOf(all)] : all;
    await livesThrough(entry, victims.get(`${service} datagram`) as Victim, "datagram", async (server) => {
      await playDatagrams(server.endpoint, datagrams, (count) =>
        until(() => server.counters().datagramsIn === count, patienceMs),
      );
    });
  });
});

/** A server, and what it has complained of. */
interface Victim {
  readonly server: Server;
  readonly complaints: readonly ServerEvent[];
}

async function startVictim(entry: ServiceEntry, design: ServerDesign, kind: "stream" | "datagram"): Promise<Victim> {
  const complaints: ServerEvent[] = [];
  const { idleMs } = speeches[entry.name] as Speech;
  // The socket of a peer that was there once is closed when it has been silent for long.
  const ownPatience = design.name === "per-peer" && kind === "datagram" ? { idleMs: 200 } : {};
  const server = await serve(entry.reference(), {
    listen: `${offered[kind]}://127.0.0.1:0`,
    design: design.name,
    limits: idleMs === undefined ? ownPatience : { idleMs },
    report: (event) => void complaints.push(event),
    ...(ONE_WORKER.has(design.name) ? { workers: 1 } : {}),
  });
  return { server, complaints };
}

/** Has it attacked, and sees it as it was before. */
async function livesThrough(
  entry: ServiceEntry,
  { server, complaints }: Victim,
  kind: "stream" | "datagram",
  attack: (server: Server) => Promise<void>,
): Promise<void> {
  const before = descriptors();
  await attack(server);
  const talk = speeches[entry.name]?.sane ?? conversations[entry.name]?.[kind];
  await talk?.(server.endpoint);
  await until(() => server.counters().active === 0, patienceMs);
  await until(() => descriptors() <= before, patienceMs);
  // What a peer does may be an error of its connection; that a protocol throws is one of ours.
  expect(complaints, `seed ${seed}`).toEqual([]);
}

/** Plays them all, a few at a time. */
async function inParallel(plays: readonly Play[], play: (play: Play) => Promise<void>): Promise<void> {
  const left = plays.values();
  const one = async (): Promise<void> => {
    for (const next of left) await play(next);
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
}

/** Sockets, pipes and files of this process and of its children; what loops wait by, they make when they first need it. */
function descriptors(): number {
  const children = readdirSync("/proc/self/task").flatMap((thread) =>
    readText(`/proc/self/task/${thread}/children`).split(" ").filter(Boolean),
  );
  return ["self", ...children].reduce((sum, pid) => sum + openIn(pid), 0);
}

function openIn(pid: string): number {
  try {
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`/proc/${pid}/fd/${fd}`));
    return links.filter((link) => link !== "" && !link.startsWith("anon_inode:")).length;
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

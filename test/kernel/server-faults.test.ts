/**
 * A server among clients that misbehave: the real command in a process of its own, watched through /proc, with Node's
 * own sockets as clients. Others are served, memory stays bounded, every descriptor comes back.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { needsDescriptors } from "../support/processes.ts";
import { startServer } from "../support/served.ts";
import { until } from "../support/until.ts";

const IDLE = 10_000;
const BUSY = 1_000;
/** Descriptors that the two kinds of clients take here, with room for the rest of the process. */
const NEEDED_DESCRIPTORS = IDLE + BUSY + 500;

const testLimitMs = 120_000;

const MIB = 1024 * 1024;
/**
 * What a client that never reads costs at the very most: `maxBytes` of answers, and with io_uring as much again of what came
 * before the kernel saw that it is to stop (the head of src/reactor/uring/reactor.ts).
 */
const HELD_EACH: Readonly<Record<string, number>> = { epoll: MIB, uring: 2 * MIB };
/** The loop's own buffers, which are touched only under load, and what V8 has not yet collected. */
const OTHER_MEMORY = 32 * MIB;

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory in bytes. */
function memoryOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1]) * 1024;
}

const clients = new Set<Socket>();
afterEach(() => {
  for (const client of clients) client.destroy();
  clients.clear();
});

async function dial(port: number): Promise<Socket> {
  const client = connect({ port, host: "127.0.0.1" });
  clients.add(client);
  client.on("error", () => {});
  client.setNoDelay(true);
  await once(client, "connect");
  return client;
}

async function dialMany(port: number, count: number): Promise<Socket[]> {
  const many: Socket[] = [];
  while (many.length < count) {
    const batch = Math.min(500, count - many.length);
    many.push(...(await Promise.all(Array.from({ length: batch }, () => dial(port)))));
  }
  return many;
}

/** One question and its answer. */
async function askOnce(client: Socket, text: string): Promise<void> {
  client.write(text);
  let heard = "";
  while (heard.length < text.length) heard += String((await once(client, "data"))[0]);
  expect(heard).toBe(text);
}

describe.each(["epoll", "uring"])("a %s server", (design) => {
  it("holds 10,000 idle connections and serves 1,000 busy ones", { timeout: testLimitMs }, async (context) => {
    needsDescriptors(context, NEEDED_DESCRIPTORS);
    await using server = await startServer(design);
    await askOnce(await dial(server.port), "warm");
    const before = descriptorsOf(server.pid);
    const idle = await dialMany(server.port, IDLE);
    const busy = await dialMany(server.port, BUSY);
    await until(() => descriptorsOf(server.pid) >= before + IDLE + BUSY);
    for (let round = 0; round < 5; round++) {
      await Promise.all(busy.map((client, i) => askOnce(client, `round ${round} of client ${i}`)));
    }
    for (const client of [...idle, ...busy]) client.destroy();
    await until(() => descriptorsOf(server.pid) <= before);
  });

  it("bounds what a client that never reads may cost, and serves the others", { timeout: testLimitMs }, async () => {
    await using server = await startServer(design);
    const other = await dial(server.port);
    await askOnce(other, "before");
    const memoryBefore = memoryOf(server.pid);
    const deaf = await dialMany(server.port, 20);
    const chunk = Buffer.alloc(1 << 20);
    for (const client of deaf) {
      client.pause();
      for (let i = 0; i < 64; i++) client.write(chunk);
    }
    // The server stops reading from a client whose answers wait, so the clients' own buffers must fill and stay full.
    let stuck = -1;
    await until(() => {
      const waiting = deaf.reduce((sum, client) => sum + client.writableLength, 0);
      const isStill = waiting === stuck && waiting > 0;
      stuck = waiting;
      return isStill;
    });
    for (let i = 0; i < 100; i++) await askOnce(other, `meanwhile ${i}`);
    // Against the 64 megabytes that each has tried to make it hold.
    expect(memoryOf(server.pid) - memoryBefore).toBeLessThan(
      deaf.length * (HELD_EACH[design] as number) + OTHER_MEMORY,
    );
  });

  it("is not held up by a client that sends byte by byte", async () => {
    await using server = await startServer(design);
    const slow = await dial(server.port);
    const fast = await dial(server.port);
    for (const letter of "slowly, one byte at a time") {
      await askOnce(slow, letter);
      for (let i = 0; i < 10; i++) await askOnce(fast, `fast ${i}`);
    }
  });

  it("survives 1,000 resets at once, and loses no descriptor", { timeout: testLimitMs }, async () => {
    await using server = await startServer(design);
    const other = await dial(server.port);
    await askOnce(other, "before");
    const before = descriptorsOf(server.pid);
    for (let round = 0; round < 3; round++) {
      const rude = await dialMany(server.port, 1000);
      rude.forEach((client, i) => {
        if (i % 2 === 0) client.write("unanswered");
      });
      for (const client of rude) client.resetAndDestroy();
      await askOnce(other, `after round ${round}`);
      await until(() => descriptorsOf(server.pid) <= before);
    }
  });
});

/** The small services over UDP, against who would use them against others: loops, amplification, floods. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeThreadReactor } from "portolan/reactor";
import { designs, serve } from "portolan/server";
import { findService, type ServiceEntry, services } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { askDatagram } from "../support/conversations.ts";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { until } from "../support/until.ts";

afterAll(closeThreadReactor);

/** Two services under each design, six times: on a slow machine that takes its time. */
const LIMIT_MS = 120_000;
/** Far more than the share of a source, also for several workers on a busy machine, and far less than a second of a loop. */
const MOST_AT_UNKNOWN_PORTS = 20_000;

type Counted = { in: number; out: number }[];

describe("services that a forged datagram points at each other", () => {
  const module = new URL("../fixtures/namespace/forged-datagrams.mjs", import.meta.url);
  const silent: Counted = [
    { in: 1, out: 0 },
    { in: 0, out: 0 },
  ];

  it(
    "die out at once, under every design, over IPv4 and IPv6",
    async (context) => {
      const refusal = namespaceRefusal();
      if (refusal !== undefined) context.skip(refusal);
      const told = (await runInNamespace(module, [], LIMIT_MS)) as Record<string, Record<string, Counted>>;
      const ways = [
        ...designs.map(({ name }) => `${name} over IPv4`),
        ...["epoll", "iterative", "uring"].map((name) => `${name} over IPv6`),
      ];
      expect(Object.keys(told).sort()).toEqual(ways.sort());
      for (const [way, pairs] of Object.entries(told)) {
        expect(pairs["echo and chargen at their ports"], way).toEqual(silent);
        expect(pairs["echo and daytime without privilege"], way).toEqual(silent);
        expect(pairs["chargen and rot13"], way).toEqual(silent);
        expect(pairs["echo and itself at a port of its own"], way).toEqual([{ in: 1, out: 0 }]);
        // At ports that nobody can know, the share of a source ends it: some hundred datagrams for each worker. A worker for
        // each datagram is slower than the rate, and is not tried.
        const loops = Object.entries(pairs).filter(([pair]) => pair.endsWith("ports of their own"));
        expect(loops, way).toHaveLength(/^(process|thread) /.test(way) ? 0 : 2);
        for (const [pair, [first, second]] of loops) {
          expect(first?.out, `${way}: ${pair}`).toBeGreaterThanOrEqual(1);
          expect((first?.out ?? 0) + (second?.out ?? 0), `${way}: ${pair}`).toBeLessThan(MOST_AT_UNKNOWN_PORTS);
        }
      }
    },
    LIMIT_MS + 10_000,
  );
});

/** Sends all from one socket, and gives what came back within a short while. */
async function flood(endpoint: string, questions: readonly Uint8Array[]): Promise<Buffer[]> {
  const port = Number(endpoint.split(":")[2]);
  const socket = createSocket("udp4");
  const answers: Buffer[] = [];
  socket.on("message", (message) => answers.push(message));
  try {
    for (const question of questions) {
      await new Promise((resolve) => socket.send(question, port, "127.0.0.1", resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return answers;
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

describe("a service over UDP", () => {
  const workers = new Map([
    ["pool", 2],
    ["prefork", 2],
  ]);
  it.each(designs.map(({ name }) => name))("answers one source only so much, under %s", async (design) => {
    const reference = (findService("echo") as ServiceEntry).reference({ limitLoopback: true, burst: 5, rate: 1 });
    const count = workers.get(design);
    const how = { listen: "udp://127.0.0.1:0", design, ...(count !== undefined && { workers: count }) };
    await using server = await serve(reference, how);
    const questions = Array.from({ length: 150 }, () => Buffer.from("hello"));
    await flood(server.endpoint, questions);
    await until(() => server.counters().datagramsIn === questions.length && server.counters().datagramsOut >= 5);
    // Each of several workers counts for itself. A busy machine may take seconds for this, and each earns one more answer.
    expect(server.counters().datagramsOut).toBeLessThan(75);
  });

  it.each(designs.map(({ name }) => name))(
    "knows what a datagram measured that did not fit, under %s",
    async (design) => {
      const reference = (findService("truncate") as ServiceEntry).reference({ buffer: 5, tell: true });
      await using server = await serve(reference, { listen: "udp://127.0.0.1:0", design });
      expect(String(await askDatagram(server.endpoint, "hello world"))).toBe("hello [5 of 11 bytes]\n");
      expect(String(await askDatagram(server.endpoint, "hello"))).toBe("hello");
    },
  );

  /** What an answer may have more than its question: time and daytime are asked with nothing. */
  const growth: Readonly<Record<string, number>> = { daytime: 80, time: 4 };
  const named = services.filter(({ transports }) => transports.includes("udp"));
  it.each(named.map(({ name }) => name))("answers %s with no more than it was asked with, and once", async (name) => {
    const reference = (findService(name) as ServiceEntry).reference();
    for (const size of [0, 1, 13, 1400]) {
      await using server = await serve(reference, { listen: "udp://127.0.0.1:0", placement: "node" });
      const answers = await flood(server.endpoint, [Buffer.alloc(size, "\x01")]);
      await until(() => server.counters().datagramsIn === 1);
      expect(answers.length).toBeLessThanOrEqual(1);
      expect(answers[0]?.length ?? 0).toBeLessThanOrEqual(size + (growth[name] ?? 0));
    }
  });
});

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

/** Sends all from one source, by turns from so many ports, and gives what came back within a short while. */
async function flood(endpoint: string, questions: readonly Uint8Array[], ports = 1): Promise<Buffer[]> {
  const port = Number(endpoint.split(":")[2]);
  const sockets = Array.from({ length: ports }, () => createSocket("udp4"));
  const answers: Buffer[] = [];
  for (const socket of sockets) socket.on("message", (message) => answers.push(message));
  try {
    for (const [at, question] of questions.entries()) {
      const socket = sockets[at % ports] as (typeof sockets)[number];
      await new Promise((resolve) => socket.send(question, port, "127.0.0.1", resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return answers;
  } finally {
    for (const socket of sockets) {
      socket.close();
      await once(socket, "close");
    }
  }
}

describe("a service over UDP", () => {
  const severalWorkers = ["epoll", "pool", "prefork", "uring"].map((design) => ({ design, workers: 3 }));
  const ways = [...designs.map(({ name }) => ({ design: name, workers: undefined })), ...severalWorkers];
  it.each(ways)("answers one source only so much, under $design with workers: $workers", async (how) => {
    const reference = (findService("echo") as ServiceEntry).reference({ limitLoopback: true, burst: 5, rate: 1 });
    const { design, workers } = how;
    const options = { listen: "udp://127.0.0.1:0", design, ...(workers !== undefined && { workers }) };
    await using server = await serve(reference, options);
    const questions = Array.from({ length: 150 }, () => Buffer.from("hello"));
    const startMs = performance.now();
    // Each port is heard by one worker of several loops; the address is one source.
    await flood(server.endpoint, questions, 15);
    await until(() => server.counters().datagramsIn === questions.length && server.counters().datagramsOut >= 5);
    // A busy machine may take seconds for this, and each earns one more answer.
    const earned = Math.ceil((performance.now() - startMs) / 1000);
    expect(server.counters().datagramsOut).toBeLessThanOrEqual(5 + earned);
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

/** The small services over UDP, against who would use them against others: loops, amplification, floods. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeThreadReactor } from "portolan/reactor";
import { serve } from "portolan/server";
import { findService, type ServiceEntry, services } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { until } from "../support/until.ts";

afterAll(closeThreadReactor);

const LIMIT_MS = 50_000;

describe("services that a forged datagram points at each other", () => {
  it("die out at once", async (context) => {
    const refusal = namespaceRefusal();
    if (refusal !== undefined) context.skip(refusal);
    const module = new URL("../fixtures/namespace/forged-datagrams.mjs", import.meta.url);
    const told = (await runInNamespace(module, [], LIMIT_MS)) as Record<string, { in: number; out: number }[]>;
    const silent = [
      { in: 1, out: 0 },
      { in: 0, out: 0 },
    ];
    expect(told["echo and chargen at their ports"]).toEqual(silent);
    expect(told["echo and daytime without privilege"]).toEqual(silent);
    expect(told["chargen and rot13"]).toEqual(silent);
    expect(told["echo and itself at a port of its own"]).toEqual([{ in: 1, out: 0 }]);
    // At ports that nobody can know, the share of a source ends it: some hundred datagrams.
    const [echo, rot13] = told["echo and rot13 at ports of their own"] ?? [];
    expect(echo?.out).toBeGreaterThanOrEqual(1);
    expect((echo?.out ?? 0) + (rot13?.out ?? 0)).toBeLessThan(3000);
  });
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
  it("answers one source only so much", async () => {
    const reference = (findService("echo") as ServiceEntry).reference({ limitLoopback: true, burst: 10, rate: 1 });
    await using server = await serve(reference, { listen: "udp://127.0.0.1:0", placement: "node" });
    const questions = Array.from({ length: 200 }, () => Buffer.from("hello"));
    await flood(server.endpoint, questions);
    await until(() => server.counters().datagramsIn === questions.length);
    expect(server.counters().datagramsOut).toBeGreaterThanOrEqual(10);
    // A busy machine may take seconds for this, and each earns one more answer.
    expect(server.counters().datagramsOut).toBeLessThan(100);
  });

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

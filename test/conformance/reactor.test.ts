/**
 * The contract of event loops, put to every backend in every way of running it: alone, inside Node's loop by either
 * road, each in the main thread and in a worker. The cases lie in `test/fixtures/reactor/cases/`, so that a worker can
 * play them too; what a backend cannot do is declared in `cannot.mjs` beside them.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type BackendName, backendNames, createReactor, NodeLoop, type Road } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const caseTimeoutMs = 50_000;
const roads: readonly Road[] = ["uv_poll", "waiter"];
const ways: readonly string[] = ["alone", ...roads];

interface Outcome {
  readonly skipped?: string;
  readonly failure?: string;
}

interface Suite {
  caseNames(way: string): string[];
  /** The reason why the case was not played, or undefined. */
  play(backend: string, way: string, name: string): Promise<string | undefined>;
}

interface Exceptions {
  closedRoad(backend: string, road: string): string | undefined;
  cannot(backend: string, way: string, name: string): string | undefined;
}

const fixture = (name: string): string => new URL(`../fixtures/reactor/${name}`, import.meta.url).href;
const { caseNames, play }: Suite = await import(fixture("cases.mjs"));
const { cannot, closedRoad }: Exceptions = await import(fixture("cannot.mjs"));

describe.for(backendNames)("%s", (backend) => {
  const refusal = refusalOf(backend);
  if (refusal !== undefined) {
    it("runs on this kernel", ({ skip }) => skip(refusal));
    return;
  }
  for (const road of roads) {
    const reason = closedRoad(backend, road);
    if (reason === undefined) continue;
    it(`cannot go by ${road}: ${reason}`, () => {
      const reactor = createReactor(backend);
      expect(() => new NodeLoop(reactor, road)).toThrow(/descriptor/);
      reactor.dispose();
    });
  }

  const openWays = ways.filter((way) => closedRoad(backend, way) === undefined);

  describe.for(openWays)("%s, in the main thread", (way) => {
    it.for(caseNames(way))("%s", { timeout: caseTimeoutMs }, async (name, { skip }) => {
      const reason = cannot(backend, way, name) ?? (await play(backend, way, name));
      if (reason !== undefined) skip(reason);
    });
  });

  describe.for(openWays)("%s, in a worker", (way) => {
    let worker: Worker;
    beforeAll(() => {
      worker = new Worker(new URL(fixture("case-worker.mjs")));
    });
    afterAll(async () => {
      worker.postMessage({ isOver: true });
      await once(worker, "exit");
    });

    it.for(caseNames(way))("%s", { timeout: caseTimeoutMs }, async (name, { skip }) => {
      const reason = cannot(backend, way, name);
      if (reason !== undefined) skip(reason);
      worker.postMessage({ backend, way, name });
      const [{ skipped, failure }] = (await once(worker, "message")) as [Outcome];
      if (failure !== undefined) expect.fail(failure);
      if (skipped !== undefined) skip(skipped);
    });
  });
});

/** Why this machine has no such backend (io_uring may be switched off), or undefined. */
function refusalOf(backend: BackendName): string | undefined {
  try {
    createReactor(backend).dispose();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

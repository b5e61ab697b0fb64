/**
 * Random plays of many connections on each backend, alone and inside Node's loop, checked against a model of what has to
 * come of them (`test/fixtures/reactor/random.mjs`). A failure names its seed: `PORTOLAN_SEED` plays it again.
 */
import { backendNames, backendRefusal } from "portolan/reactor";
import { expect, it } from "vitest";
import { seedOfThisRun } from "../support/chance.ts";

const PLAYS = 8;
const MOST_STEPS = 100;
const FIRST_SEED = seedOfThisRun();

interface Reactor {
  readonly active: number;
  pass(timeoutMs: number): number;
}

interface Stage {
  readonly isAlone: boolean;
  readonly reactor: Reactor;
  until(condition: () => boolean, what: string): Promise<void>;
  end(): void;
}

interface Play {
  readonly bug: Error | undefined;
  readonly isOver: boolean;
  step(): void;
  conclude(): void;
  end(): void;
}

const fixture = (name: string): string => new URL(`../fixtures/reactor/${name}`, import.meta.url).href;
const { Stage: StageClass }: { Stage: new (backend: string, way: string) => Stage } = await import(
  fixture("stage.mjs")
);
const { Mistake, RandomPlay }: { Mistake: new () => Error; RandomPlay: new (reactor: Reactor, seed: number) => Play } =
  await import(fixture("random.mjs"));
const { closedRoad }: { closedRoad(backend: string, way: string): string | undefined } = await import(
  fixture("cannot.mjs")
);

const cases = backendNames.flatMap((backend) =>
  ["alone", "uv_poll", "waiter"]
    .filter((way) => closedRoad(backend, way) === undefined)
    .map((way) => [backend, way] as const),
);

it.for(cases)("%s, %s: every byte in order and once, each end told once", async ([backend, way], { skip }) => {
  const refusal = backendRefusal(backend);
  if (refusal !== undefined) skip(refusal);
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PLAYS; seed++) {
    try {
      await playOnce(backend, way, seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    }
  }
});

async function playOnce(backend: string, way: string, seed: number): Promise<void> {
  const stage = new StageClass(backend, way);
  const play = new RandomPlay(stage.reactor, seed);
  // Handlers throw on purpose; inside Node's loop those are uncaught exceptions.
  const caught = (error: Error): void => {
    if (!(error instanceof Mistake)) throw error;
  };
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", caught);
  try {
    for (let steps = 1 + (seed % MOST_STEPS); steps > 0 && play.bug === undefined; steps--) {
      play.step();
      await passOnce(stage);
    }
    play.conclude();
    await stage.until(() => play.bug !== undefined || play.isOver, "all has come that must");
    expect(play.bug).toBeUndefined();
    play.end();
    expect(stage.reactor.active).toBe(0);
  } finally {
    stage.end();
    process.removeListener("uncaughtException", caught);
    for (const other of others) process.on("uncaughtException", other);
  }
}

async function passOnce(stage: Stage): Promise<void> {
  if (!stage.isAlone) return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  try {
    stage.reactor.pass(0);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
  }
}

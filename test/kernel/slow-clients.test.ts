/**
 * 2,000 clients that never finish their first request, with a byte now and then: they keep out nobody, and go when they
 * have had their time.
 */
import { connect, type Socket } from "node:net";
import { closeThreadReactor } from "portolan/reactor";
import { type ServeOptions, type Server, type ServiceReference, serve } from "portolan/server";
import { afterAll, describe, expect, it } from "vitest";
import { needsDescriptors } from "../support/processes.ts";
import { Talkers } from "../support/talkers.ts";
import { until } from "../support/until.ts";

const SLOW = 2000;
const FAST = 20;
/** Both ends of every connection are here. */
const NEEDED_DESCRIPTORS = 2 * SLOW + 500;
const DRIP_MS = 20;
/** Of the slow, so many send a byte each time. */
const DRIPPING = 100;

afterAll(() => closeThreadReactor());

const asking: ServiceReference = {
  url: new URL("../fixtures/server/asking-service.mjs", import.meta.url).href,
  export: "asking",
  options: null,
};

function start(how: Pick<ServeOptions, "design" | "workers">, limits: ServeOptions["limits"] = {}): Promise<Server> {
  return serve(asking, { listen: "tcp://127.0.0.1:0", ...how, limits });
}

/** Clients that begin, and send a byte of their request now and then. */
class SlowClients implements Disposable {
  readonly #all: Socket[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  lost = 0;

  constructor(port: number, count: number) {
    this.#all = Array.from({ length: count }, () => {
      const client = connect({ port, host: "127.0.0.1" });
      client.write("I");
      client.on("error", () => {});
      client.once("close", () => void this.lost++);
      return client;
    });
    this.#timer = setInterval(() => this.#drip(), DRIP_MS);
  }

  #drip(): void {
    for (let i = 0; i < DRIPPING; i++) this.#all[this.#next++ % this.#all.length]?.write(".");
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const client of this.#all) client.destroy();
  }
}

const designs: readonly Pick<ServeOptions, "design" | "workers">[] = [
  { design: "poll" },
  { design: "epoll" },
  { design: "epoll", workers: 2 },
  { design: "epoll-et" },
  { design: "uring" },
];

describe("slow clients", () => {
  it.for(designs)("keep no fast one out: %j", async (how, context) => {
    needsDescriptors(context, NEEDED_DESCRIPTORS);
    await using server = await start(how);
    const port = Number(server.endpoint.split(":")[2]);
    using slow = new SlowClients(port, SLOW);
    await until(() => server.counters().active === SLOW);
    using talkers = new Talkers(port);
    const fast = Array.from({ length: FAST }, () => talkers.dial());
    expect(await Promise.all(fast.map(({ isServed }) => isServed))).toEqual(fast.map(() => true));
    for (let round = 0; round < 10; round++) await talkers.goOn(fast);
    // All the while.
    expect(server.counters()).toMatchObject({ active: SLOW + FAST, timedOut: 0, refused: 0, errors: 0 });
    expect(slow.lost).toBe(0);
  });

  it.for(designs)("go when their time for a request is over, and the fast stay: %j", async (how, context) => {
    needsDescriptors(context, NEEDED_DESCRIPTORS);
    await using server = await start(how, { headerMs: 1000 });
    const port = Number(server.endpoint.split(":")[2]);
    using talkers = new Talkers(port);
    const fast = Array.from({ length: FAST }, () => talkers.dial());
    expect(await Promise.all(fast.map(({ isServed }) => isServed))).toEqual(fast.map(() => true));
    using slow = new SlowClients(port, SLOW);
    await until(() => slow.lost === SLOW);
    await talkers.goOn(fast);
    expect(server.counters()).toMatchObject({ active: FAST, timedOut: SLOW, timedOutHeader: SLOW });
  });
});

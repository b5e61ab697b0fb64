/**
 * Every limit of a server, as its clients see it: under loops, alone and several, and under designs with threads or
 * processes. Sources are addresses of 127.0.0.0/8.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { type ServeOptions, type Server, type ServiceReference, serve } from "portolan/server";
import { afterAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";

const directory = mkdtempSync(join(tmpdir(), "portolan-limits-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

const asking: ServiceReference = {
  url: new URL("../fixtures/server/asking-service.mjs", import.meta.url).href,
  export: "asking",
  options: null,
};

const designs: readonly (Pick<ServeOptions, "design" | "placement" | "workers"> & { readonly called: string })[] = [
  { called: "select", design: "select" },
  { called: "epoll", design: "epoll" },
  { called: "epoll in Node's loop", design: "epoll", placement: "node" },
  { called: "epoll-et", design: "epoll-et" },
  { called: "uring", design: "uring" },
  { called: "two epoll loops", design: "epoll", workers: 2 },
  { called: "pool", design: "pool", workers: 4 },
  { called: "prefork", design: "prefork", workers: 3 },
  { called: "process", design: "process" },
  { called: "thread", design: "thread" },
];

/** The clients of one test, which runs beside others: gone when it is over. */
class Clients implements Disposable {
  readonly #all = new Set<Socket>();

  /** A connection from an address of this machine. */
  dial(server: Server, localAddress?: string, host = "127.0.0.1"): Socket {
    const port = Number(server.endpoint.split(":").at(-1));
    const client = server.endpoint.startsWith("unix")
      ? connect({ path: server.endpoint.slice("unix://".length) })
      : connect({ port, host, ...(localAddress === undefined ? {} : { localAddress }) });
    this.#all.add(client);
    client.setMaxListeners(0);
    client.on("error", () => {});
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#all) client.destroy();
  }
}

/** One line and its answer. @returns false where the connection ended in its place */
async function isServed(client: Socket): Promise<boolean> {
  client.write("hello\n");
  const heard = new Promise<string>((resolve) => client.once("data", (bytes) => resolve(String(bytes))));
  return (await Promise.race([heard, closed(client)])) === "hello\n";
}

/** Resolves when the connection is over, by an end or by a reset. */
function closed(client: Socket): Promise<void> {
  client.resume();
  return client.closed ? Promise.resolve() : new Promise((resolve) => client.once("close", () => resolve()));
}

describe.concurrent.each(designs)("$called", ({ called: _, ...how }) => {
  const start = (limits: NonNullable<ServeOptions["limits"]>, more: Partial<ServeOptions> = {}): Promise<Server> =>
    serve(asking, { listen: "tcp://127.0.0.1:0", ...how, ...more, limits });

  it("lets one source have so many connections, and another as many", async () => {
    const told: string[] = [];
    const report: ServeOptions["report"] = ({ message }) => void told.push(message);
    using clients = new Clients();
    await using server = await start({ maxPerSource: 1 }, { report });
    const first = clients.dial(server, "127.0.0.2");
    expect(await isServed(first)).toBe(true);
    for (let i = 0; i < 4; i++) expect(await isServed(clients.dial(server, "127.0.0.2"))).toBe(false);
    const other = clients.dial(server, "127.0.0.3");
    expect(await isServed(other)).toBe(true);
    expect(server.counters()).toMatchObject({ accepted: 2, refused: 4, refusedSource: 4 });
    // Nobody is told of each: a worker writes one line, and another ten seconds later.
    await until(() => told.length >= 1);
    expect(told.length).toBeLessThanOrEqual(3);
    expect(told[0]).toMatch(/^connection refused: its source has 1 already/);
    // Who has left may come again.
    first.destroy();
    await until(() => server.counters().active === 1);
    let again = clients.dial(server, "127.0.0.2");
    // A worker counts itself free before it gives the place back.
    while (!(await isServed(again))) again = clients.dial(server, "127.0.0.2");
  });

  it("closes who has not asked in time, whatever comes meanwhile, and not who has", async () => {
    using clients = new Clients();
    await using server = await start({ headerMs: 300 });
    const prompt = clients.dial(server);
    expect(await isServed(prompt)).toBe(true);
    const slow = clients.dial(server);
    const dripping = setInterval(() => slow.write("."), 20);
    await closed(slow);
    clearInterval(dripping);
    expect(server.counters()).toMatchObject({ timedOut: 1, timedOutHeader: 1 });
    expect(await isServed(prompt)).toBe(true);
  });

  it("closes who has been there for long, however busy", async () => {
    using clients = new Clients();
    await using server = await start({ totalMs: 300 });
    const busy = clients.dial(server);
    while (await isServed(busy));
    await until(() => server.counters().timedOutTotal === 1);
    expect(server.counters().timedOut).toBe(1);
  });

  it("accepts so many a second, and leaves the others in the backlog until their time has come", async () => {
    using clients = new Clients();
    await using server = await start({ acceptsPerSecond: 10 }, how.workers === undefined ? {} : { workers: 1 });
    const startMs = performance.now();
    for (let i = 0; i < 4; i++) {
      const client = clients.dial(server);
      expect(await isServed(client)).toBe(true);
      client.destroy();
    }
    // The first may come at once, each other one a tenth of a second later.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(290);
    expect(server.counters()).toMatchObject({ accepted: 4, refused: 0 });
    expect(server.counters().restedRate).toBeGreaterThanOrEqual(3);
  });
});

const loops = designs.filter(
  ({ design = "", workers }) => /^(select|epoll|uring)/.test(design) && workers === undefined,
);

describe.concurrent.each(loops)("$called", ({ called: _, ...how }) => {
  it("bounds what waits for all clients, at the cost of the one for which most waits", async () => {
    const limits = { sendBufferBytes: 8192, maxTotalBytes: 4 << 20, maxBytes: 64 << 20, highWaterBytes: 64 << 20 };
    using clients = new Clients();
    await using server = await serve(asking, { listen: "tcp://127.0.0.1:0", ...how, limits });
    const prompt = clients.dial(server);
    expect(await isServed(prompt)).toBe(true);
    // Less than may wait for both, so that it is the other's fault.
    const modest = clients.dial(server).pause();
    const wanted = Buffer.alloc(1 << 20, "modest\n");
    modest.write(wanted);
    await until(() => server.counters().bytesIn >= wanted.length);
    const greedy = clients.dial(server).pause();
    greedy.write("\n".repeat(32 << 20));
    await until(() => server.counters().abortedTotalBytes === 1);
    expect(await isServed(prompt)).toBe(true);
    const heard: Buffer[] = [];
    modest.on("data", (bytes) => heard.push(bytes)).resume();
    await until(() => heard.reduce((sum, { length }) => sum + length, 0) >= wanted.length);
    expect(Buffer.concat(heard).equals(wanted)).toBe(true);
    expect(server.counters()).toMatchObject({ active: 2, aborted: 1, abortedTotalBytes: 1, abortedBytes: 0 });
  });
});

describe.concurrent.each(loops)("$called", ({ called: _, ...how }) => {
  it("bounds what was received ahead of pauses, if its loop receives ahead", async () => {
    using clients = new Clients();
    const reference = { ...asking, export: "pausing" };
    const limits = { maxTotalBytes: 256 << 10 };
    await using server = await serve(reference, { listen: "tcp://127.0.0.1:0", ...how, limits });
    const load = Buffer.alloc(1 << 20);
    const count = 16;
    for (let i = 0; i < count; i++) clients.dial(server).write(load);
    if (how.design === "uring") {
      await until(() => server.counters().abortedTotalBytes > 0);
    } else {
      await until(() => server.counters().bytesIn === count * load.length);
      expect(server.counters()).toMatchObject({ active: count, aborted: 0 });
    }
  });
});

describe.concurrent("limits", () => {
  it("take a user for the source of connections over a unix socket", async () => {
    const listen = `unix://${join(directory, "user.sock")}`;
    using clients = new Clients();
    await using server = await serve(asking, { listen, limits: { maxPerSource: 2 } });
    expect(await isServed(clients.dial(server))).toBe(true);
    expect(await isServed(clients.dial(server))).toBe(true);
    await closed(clients.dial(server));
    expect(server.counters()).toMatchObject({ active: 2, refusedSource: 1 });
  });

  it("take the /64 of an IPv6 address for a source, and an IPv4 address behind `::ffff:` for that address", async () => {
    using clients = new Clients();
    await using server = await serve(asking, { listen: "tcp://[::]:0", limits: { maxPerSource: 1 } });
    const from = (host: string, localAddress: string): Socket => clients.dial(server, localAddress, host);
    expect(await isServed(from("127.0.0.1", "127.0.0.2"))).toBe(true);
    expect(await isServed(from("127.0.0.1", "127.0.0.3"))).toBe(true);
    expect(await isServed(from("::1", "::1"))).toBe(true);
    expect(await isServed(from("::1", "::1"))).toBe(false);
    expect(await isServed(from("127.0.0.1", "127.0.0.2"))).toBe(false);
  });

  it.each([
    [{ design: "epoll", workers: 4, limits: { maxConnections: 3 } }, /maxConnections is 3, which is less than one for/],
    [{ design: "uring", workers: 4, limits: { acceptsPerSecond: 2 } }, /acceptsPerSecond is 2, which is less than/],
    [{ limits: { totalMs: -1 } }, /totalMs must be a whole number of at least 0/],
    [{ limits: { sendBufferBytes: 2 ** 31 } }, /sendBufferBytes may be 2147483647 at most/],
  ])("are refused where they cannot be kept: %j", async (options, expected) => {
    await expect(serve(asking, { listen: "tcp://127.0.0.1:0", ...options })).rejects.toThrow(expected);
  });

  it("bound what the kernel holds for each connection", async () => {
    const limits = { sendBufferBytes: 8192, receiveBufferBytes: 8192, idleMs: 200 };
    using clients = new Clients();
    await using server = await serve(asking, { listen: "tcp://127.0.0.1:0", limits });
    const flood = clients.dial(server);
    flood.pause();
    flood.write("\n".repeat(4 << 20));
    await until(() => server.counters().timedOutIdle === 1);
    // Twice that is what the kernel makes of it (socket(7)); the rest waits with the client.
    expect(server.counters().bytesIn).toBeLessThan(2 << 20);
  });
});

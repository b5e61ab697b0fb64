/** One loop design several times: each loop has a socket of its own at the same address, and clients are spread over all. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { designs, type ServeOptions, type Server, type ServiceReference, serve } from "portolan/server";
import { afterAll, describe, expect, it } from "vitest";
import { inodesAt } from "../support/processes.ts";
import { until } from "../support/until.ts";

const WORKERS = 3;
/** The kernel spreads by a hash: that one of three workers gets none of so many happens once in 10^10 times. */
const CLIENTS = 60;

const probe: ServiceReference = {
  url: new URL("../fixtures/server/probe-service.mjs", import.meta.url).href,
  export: "probe",
  options: null,
};

const directory = mkdtempSync(join(tmpdir(), "portolan-workers-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

const loops = designs.filter(({ socketPerWorker }) => socketPerWorker === true).map(({ name }) => name);

function start(design: string, listen: string, more: Partial<ServeOptions> = {}): Promise<Server> {
  return serve(probe, { design, listen, workers: WORKERS, ...more });
}

function portOf(server: Server): number {
  return Number(server.endpoint.split(":").at(-1));
}

/** Connections that have asked which thread serves them, and what they were told. */
async function dialMany(where: { host: string; port: number } | { path: string }): Promise<[Socket[], string[]]> {
  const clients = Array.from({ length: CLIENTS }, () => connect({ ...where, allowHalfOpen: true }));
  const told = await Promise.all(
    clients.map(async (client) => {
      client.write("thread");
      return String((await once(client, "data"))[0]);
    }),
  );
  return [clients, told];
}

describe.each(loops)("%s", (design) => {
  it("spreads connections over all loops, and lets them finish when it stops", async () => {
    const server = await start(design, "tcp://127.0.0.1:0");
    const port = portOf(server);
    expect(inodesAt("tcp", port, 0)).toHaveLength(WORKERS);
    const [clients, told] = await dialMany({ host: "127.0.0.1", port });
    expect(new Set(told).size).toBe(WORKERS);
    expect(server.counters()).toMatchObject({ accepted: CLIENTS, active: CLIENTS, bytesIn: CLIENTS * "thread".length });

    const stopped = server.stop({ graceMs: 30_000 });
    await until(() => inodesAt("tcp", port, 0).length === 0);
    const [late] = await once(connect({ host: "127.0.0.1", port }), "error");
    expect(late).toMatchObject({ code: "ECONNREFUSED" });
    // Everybody is still served by the thread that has served before.
    const again = await Promise.all(
      clients.map(async (client) => {
        client.end("thread");
        return String((await once(client, "data"))[0]);
      }),
    );
    expect(again).toEqual(told);
    await stopped;
    expect(server.counters()).toMatchObject({ active: 0, aborted: 0 });
  });

  it("spreads the peers of datagrams, and stays with each", async () => {
    await using server = await start(design, "udp://127.0.0.1:0");
    const port = portOf(server);
    expect(inodesAt("udp", port, 0)).toHaveLength(WORKERS);
    const peers = Array.from({ length: CLIENTS }, () => createSocket("udp4"));
    const ask = (): Promise<string[]> =>
      Promise.all(
        peers.map(async (peer) => {
          peer.send("thread", port, "127.0.0.1");
          return String((await once(peer, "message"))[0]);
        }),
      );
    const told = await ask();
    expect(new Set(told).size).toBe(WORKERS);
    expect(await ask()).toEqual(told);
    for (const peer of peers) peer.close();
    await until(() => server.counters().datagramsOut === 2 * CLIENTS);
  });

  it("shares a unix socket, of which there is one", async () => {
    const path = join(directory, `${design}.sock`);
    await using server = await start(design, `unix://${path}`);
    const [clients, told] = await dialMany({ path });
    expect(told).toHaveLength(CLIENTS);
    for (const client of clients) client.destroy();
    await until(() => server.counters().active === 0);
    expect(server.counters().accepted).toBe(CLIENTS);
  });

  it("keeps the limit of connections over all loops", async () => {
    const maxConnections = 12;
    await using server = await start(design, "tcp://127.0.0.1:0", { limits: { maxConnections } });
    const served = new Set<Socket>();
    const clients = Array.from({ length: CLIENTS }, () => connect({ host: "127.0.0.1", port: portOf(server) }));
    for (const client of clients) {
      client.on("error", () => {});
      client.once("data", () => served.add(client));
      client.write("hello");
    }
    await until(() => served.size === maxConnections);
    let left = 0;
    // As those who were served leave, others come in, and never more at a time than may.
    while (left < CLIENTS) {
      await until(() => served.size > 0);
      expect(server.counters().active).toBeLessThanOrEqual(maxConnections);
      for (const client of served) client.destroy();
      left += served.size;
      served.clear();
    }
    expect(server.counters().accepted).toBe(CLIENTS);
    expect(server.counters().restedConnections).toBeGreaterThanOrEqual(WORKERS);
  });
});

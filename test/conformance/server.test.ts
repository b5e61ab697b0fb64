/**
 * One run for every server design, wherever it can run and whatever it listens on: the same services, driven by Node's
 * own clients. A service of the test's own shows what drivers owe a protocol.
 */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import {
  designs,
  type Kind,
  type Placement,
  type ServeOptions,
  type Server,
  type ServiceReference,
  serve,
} from "portolan/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { until } from "../support/until.ts";

/** Designs with a process for each client start Node twenty times in one test; that takes as long as the machine needs. */
vi.setConfig({ testTimeout: 60_000 });

const directory = mkdtempSync(join(tmpdir(), "portolan-server-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

const probe: ServiceReference = {
  url: new URL("../fixtures/server/probe-service.mjs", import.meta.url).href,
  export: "probe",
  options: null,
};

let sockets = 0;
const transports = {
  "TCP over IPv4": () => "tcp://127.0.0.1:0",
  "TCP over IPv6": () => "tcp://[::1]:0",
  "a unix socket": () => `unix://${join(directory, `${sockets++}.sock`)}`,
} as const;

/** What has a number of threads or processes gets two: each is a Node to be started. */
const fewWorkers = new Map([
  ["pool", 2],
  ["prefork", 2],
]);

/** A start of Node for each client: twenty of them over one kind of socket, fewer over the others. */
const startsForEach = new Set(["process", "thread"]);

function waysOf(kind: Kind): { design: string; placement: Placement }[] {
  const able = designs.filter((design) => design.kinds.includes(kind));
  return able.flatMap(({ name, placements }) => placements.map((placement) => ({ design: name, placement })));
}

async function start(
  design: string,
  placement: Placement,
  listen: string,
  more: Partial<ServeOptions> = {},
): Promise<Server> {
  const workers = fewWorkers.get(design);
  return serve(probe, { design, placement, listen, ...(workers === undefined ? {} : { workers }), ...more });
}

/**
 * One server for the tests of a block, which ask nothing of it that the next would feel: starting each its own would take
 * longer than all else.
 */
function sharedServer(start: () => Promise<Server>): () => Server {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());
  return () => server as Server;
}

function dial(server: Server): Socket {
  const [, scheme, rest = ""] = server.endpoint.match(/^(\w+):\/\/(.*)$/) ?? [];
  if (scheme === "unix") return connect({ path: rest, allowHalfOpen: true });
  const colon = rest.lastIndexOf(":");
  const host = rest.slice(0, colon).replace(/[[\]]/g, "");
  return connect({ host, port: Number(rest.slice(colon + 1)), allowHalfOpen: true });
}

/** All that arrives until the peer ends its side. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Sends one text, ends, and gives what came back. */
async function ask(server: Server, text: string): Promise<string> {
  const client = dial(server);
  client.end(text);
  return (await readAll(client)).toString("latin1");
}

describe.each(waysOf("stream"))("$design ($placement), streams", ({ design, placement }) => {
  describe.each(Object.entries(transports))("over %s", (name, listenAt) => {
    const shared = sharedServer(() => start(design, placement, listenAt()));

    it("gives back what it was sent, and ends after the client", async () => {
      const server = shared();
      expect(await ask(server, "echo one\n")).toBe("echo one\n");
      expect(await ask(server, "echo two\n")).toBe("echo two\n");
      const counters = server.counters();
      expect(counters.accepted).toBe(2);
      expect(counters.bytesIn).toBe(18);
      expect(counters.bytesOut).toBe(18);
      await until(() => server.counters().active === 0);
    });

    it("keeps the order of megabytes that a slow reader takes", async () => {
      const sent = Buffer.alloc(4 << 20);
      for (let i = 0; i < sent.length; i += 4) sent.writeUInt32BE(i, i);
      sent[0] = "e".charCodeAt(0);
      const client = dial(shared());
      client.end(sent);
      const chunks: Buffer[] = [];
      for await (const chunk of client) {
        chunks.push(chunk as Buffer);
        if (chunks.length % 16 === 0) await new Promise(setImmediate);
      }
      expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    });

    const count = startsForEach.has(design) && name !== "TCP over IPv4" ? 4 : 20;
    it(`serves ${count} clients`, async () => {
      const answers = await Promise.all(Array.from({ length: count }, (_, i) => ask(shared(), `echo ${i}`)));
      expect(answers).toEqual(Array.from({ length: count }, (_, i) => `echo ${i}`));
    });
  });

  describe("for a protocol", () => {
    const events: string[] = [];
    const report: NonNullable<ServeOptions["report"]> = (event) => void events.push(event.message);
    const shared = sharedServer(() => start(design, placement, "tcp://127.0.0.1:0", { report }));

    it("gathers what it writes in pieces", async () => {
      expect(await ask(shared(), "pieces")).toBe("the answer, in pieces: pieces");
    });

    it("resumes one that was blocked when the peer has read", async () => {
      const client = dial(shared());
      client.end("flood");
      expect((await readAll(client)).length).toBe(8 << 20);
    });

    it("fires its timers, and not those that it cleared", async () => {
      expect(await ask(shared(), "timers")).toBe("second first ");
    });

    it("stops reading for one that pauses", async () => {
      expect(await ask(shared(), "pause")).toBe("paused, resumed by timer");
    });

    it("tells who is at the other end", async () => {
      const server = shared();
      const client = dial(server);
      client.end("who");
      await once(client, "connect");
      const { localPort } = client;
      expect((await readAll(client)).toString()).toBe(
        `inet 127.0.0.1 ${localPort} to ${server.endpoint.split(":")[2]}`,
      );
    });

    it("resets the connection of one that throws, and goes on serving the others", async () => {
      const server = shared();
      expect(server.counters().errors).toBe(0);
      const client = dial(server);
      client.write("throw");
      const [error] = await once(client, "error");
      expect(error).toMatchObject({ code: "ECONNRESET" });
      expect(await ask(server, "echo still here")).toBe("echo still here");
      expect(server.counters().errors).toBe(1);
      await until(() => events.some((message) => message.includes("thrown on purpose")));
    });
  });

  it("closes a connection that is idle for too long", async () => {
    await using server = await start(design, placement, "tcp://127.0.0.1:0", { limits: { idleMs: 50 } });
    const client = dial(server);
    client.on("error", () => {});
    await new Promise((resolve) => client.once("close", resolve));
    await until(() => server.counters().timedOut === 1);
  });

  it("gives up a client that never reads, once it holds more than it may", async () => {
    await using server = await start(design, placement, "tcp://127.0.0.1:0", { limits: { idleMs: 300 } });
    const client = dial(server);
    client.on("error", () => {});
    client.write("flood");
    await once(client, "connect");
    client.pause();
    // It cannot end well: a blocking design times the client out, a loop does so too, holding bounded memory meanwhile.
    await until(() => server.counters().active === 0 && server.counters().accepted === 1);
    client.destroy();
  });

  it("leaves more connections than it may hold in the backlog, and takes them later", async () => {
    await using server = await start(design, placement, "tcp://127.0.0.1:0", { limits: { maxConnections: 2 } });
    const first = [dial(server), dial(server)];
    await until(() => server.counters().active === (design === "iterative" ? 1 : 2));
    const third = ask(server, "echo third");
    for (const client of first) client.end();
    expect(await third).toBe("echo third");
    for (const client of first) await readAll(client);
  });

  it("lets open connections finish within the grace, and closes them after it", async () => {
    const server = await start(design, placement, "tcp://127.0.0.1:0");
    const client = dial(server);
    client.write("echo a");
    await once(client, "data");
    const stopped = server.stop({ graceMs: 10_000 });
    client.end("echo b");
    expect((await readAll(client)).toString()).toBe("echo b");
    await stopped;

    const other = await start(design, placement, "tcp://127.0.0.1:0");
    const stubborn = dial(other);
    stubborn.on("error", () => {});
    stubborn.write("echo a");
    await once(stubborn, "data");
    await other.stop({ graceMs: 20 });
    expect(other.counters().active).toBe(0);
    stubborn.destroy();
  });

  it("removes a unix socket's file when it stops", async () => {
    const listen = transports["a unix socket"]();
    const path = listen.slice("unix://".length);
    const server = await start(design, placement, listen);
    expect(existsSync(path)).toBe(true);
    await server.stop();
    expect(existsSync(path)).toBe(false);
  });
});

describe.each(waysOf("datagram"))("$design ($placement), datagrams", ({ design, placement }) => {
  const limits = { maxDatagramBytes: 8 };
  const shared = sharedServer(() => start(design, placement, "udp://127.0.0.1:0", { limits }));

  it("answers datagrams, one for one, empty ones too", async () => {
    const server = shared();
    const client = createSocket("udp4");
    client.connect(Number(server.endpoint.split(":")[2]), "127.0.0.1");
    await once(client, "connect");
    for (const text of ["one", "", "three"]) {
      const answer = once(client, "message");
      client.send(text);
      expect(String((await answer)[0])).toBe(text);
    }
    client.close();
    await until(() => server.counters().datagramsIn === 3 && server.counters().datagramsOut === 3);
  });

  it("tells a datagram protocol the full length of what did not fit", async () => {
    const client = createSocket("udp4");
    client.connect(Number(shared().endpoint.split(":")[2]), "127.0.0.1");
    await once(client, "connect");
    const answer = once(client, "message");
    client.send("length of all this");
    expect(String((await answer)[0])).toBe("8 of 18");
    client.close();
  });
});

describe("serve", () => {
  it.each([
    [{ design: "magic" }, /no server design "magic"; there are epoll/],
    [{ design: "iterative", placement: "node" as const }, /cannot run inside Node's loop/],
    [{ limits: { maxBytes: -1 } }, /limit maxBytes must be a whole number/],
    [{ listen: "tcp://127.0.0.1:70000" }, /70000/],
    [{ listen: "tcp://256.0.0.1:7" }, /256\.0\.0\.1/],
    [{ listen: `unix:///${"x".repeat(200)}` }, /107/],
  ])("refuses %j", async (options, message) => {
    await expect(serve(probe, { listen: "tcp://127.0.0.1:0", ...options })).rejects.toThrow(message);
  });

  it("names the export that a module does not have", async () => {
    const wrong = { ...probe, export: "nothing" };
    await expect(serve(wrong, { listen: "tcp://127.0.0.1:0" })).rejects.toThrow(/no service named "nothing".*probe/);
  });
});

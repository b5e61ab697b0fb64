/**
 * What clients share, under every design: by default no addition to the counter is lost; without the lock some are, where
 * several threads or processes serve.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { designs, type ServeOptions, serve } from "portolan/server";
import { type ClientEvent, EXIT, findService, type ServiceEntry } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";

const entry = findService("counter") as ServiceEntry;
const directory = mkdtempSync(join(tmpdir(), "portolan-counter-"));
let files = 0;
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

function newFile(): string {
  files += 1;
  return join(directory, `total-${files}`);
}

interface Outcome {
  readonly status: number;
  readonly text: string;
  readonly event: ClientEvent | undefined;
}

/** Adds one, so often over so many connections at once, and tells what the client says of it. */
async function hammer(endpoint: string, count: number, connections: number): Promise<Outcome> {
  let event: ClientEvent | undefined;
  let text = "";
  const keep = (told: ClientEvent): void => {
    event = told;
  };
  const client = await entry.client();
  const status = await client.call({
    endpoint,
    input: (async function* () {})(),
    output: {
      data(bytes) {
        text += String(Buffer.from(bytes));
        return Promise.resolve();
      },
      event: keep,
      problem: keep,
    },
    signal: AbortSignal.timeout(30_000),
    timeoutMs: 45_000,
    options: { count, connections },
  });
  return { status, text, event };
}

type Options = Parameters<ServiceEntry["reference"]>[0];

async function hammered(options: Options, how: ServeOptions, count = 50, connections = 4): Promise<Outcome> {
  await using server = await serve(entry.reference(options), { listen: "tcp://127.0.0.1:0", ...how });
  return await hammer(server.endpoint, count, connections);
}

/** Beside their usual number of workers, with two: of the loops, which differ in their backend only, one does. */
const ways = designs.flatMap(({ name, maxWorkers, socketPerWorker }) => [
  { name, how: { design: name } },
  ...(maxWorkers === undefined || (socketPerWorker === true && name !== "epoll")
    ? []
    : [{ name: `${name} with 2 workers`, how: { design: name, workers: 2 } }]),
]);

describe("the counter loses nothing", () => {
  it.each(ways)("under $name", async ({ how }) => {
    const { status, text, event } = await hammered(null, how);
    expect(event).toMatchObject({ name: "exact", fields: { before: 0, after: 200, lost: 0, repeated: 0 } });
    expect({ status, text }).toEqual({
      status: EXIT.OK,
      text: "200 additions over 4 connections: 0 before, 200 after, none lost\n",
    });
  });

  it.each(["epoll", "uring"])("inside Node's loop, under %s", async (design) => {
    const { event } = await hammered(null, { design, placement: "node" });
    expect(event).toMatchObject({ name: "exact", fields: { after: 200 } });
  });

  it.each([
    { store: "variable", how: { design: "epoll" } },
    { store: "atomics", how: { design: "thread" } },
    { store: "atomics", how: { design: "epoll", workers: 2 } },
    { store: "owner", how: { design: "pool" } },
  ])("in the store $store under $how.design", async ({ store, how }) => {
    const { event } = await hammered({ store }, how, 200);
    expect(event).toMatchObject({ name: "exact", fields: { after: 800, repeated: 0 } });
  });

  it.each(["iterative", "pool", "prefork", "process", "thread"])("in a locked file under %s", async (design) => {
    const file = newFile();
    const { event } = await hammered({ store: "file", file }, { design });
    expect(event).toMatchObject({ name: "exact", fields: { after: 200, repeated: 0 } });
    expect(readFileSync(file, "latin1")).toBe("0000000000000200\n");
  });

  it("in a file that two servers of different designs share", async () => {
    const options = { store: "file", file: newFile() };
    await using threads = await serve(entry.reference(options), { listen: "tcp://127.0.0.1:0", design: "thread" });
    await using processes = await serve(entry.reference(options), { listen: "tcp://127.0.0.1:0", design: "prefork" });
    await Promise.all([hammer(threads.endpoint, 50, 3), hammer(processes.endpoint, 50, 3)]);
    const { event } = await hammer(threads.endpoint, 0, 1);
    expect(event).toMatchObject({ name: "exact", fields: { before: 300, after: 300 } });
  });

  it("in one loop even without a lock, for nobody else runs between the two steps", async () => {
    const { event } = await hammered({ store: "variable", unsafe: true }, { design: "epoll" });
    expect(event).toMatchObject({ name: "exact", fields: { after: 200 } });
  });
});

describe("without a lock, additions are lost", () => {
  it.each([
    { name: "across threads", options: {}, how: { design: "thread" } },
    { name: "across the threads of a pool", options: {}, how: { design: "pool" } },
    { name: "across processes that ask an owner twice", options: {}, how: { design: "prefork" } },
    { name: "across a process for each client", options: {}, how: { design: "process" } },
    { name: "in one loop that asks twice", options: { store: "owner" }, how: { design: "epoll" } },
    { name: "in a file across processes", options: { store: "file" }, how: { design: "prefork" } },
  ])("$name", async ({ options, how }) => {
    const file = "store" in options && options.store === "file" ? { file: newFile() } : {};
    // Two threads that never run at the same time lose nothing; a thousand chances are enough for one.
    const { status, event } = await hammered({ ...options, ...file, unsafe: true }, how, 250);
    expect(status).toBe(EXIT.DATAERR);
    expect(event).toMatchObject({ name: "lost", text: expect.stringMatching(/but 1000 were due: \d+ lost/) });
    expect(event?.fields.lost).toBeGreaterThan(0);
  });

  it("a variable in each thread is not one counter", async () => {
    const { status, event } = await hammered({ store: "variable" }, { design: "thread" });
    expect({ status, name: event?.name }).toEqual({ status: EXIT.DATAERR, name: "lost" });
  });
});

describe("the counter says what cannot be", () => {
  it("memory of threads across processes", async () => {
    await expect(hammered({ store: "mutex" }, { design: "prefork" })).rejects.toThrow(
      /the store mutex is memory that threads share, and processes do not: choose owner or file/,
    );
  });

  it("a file without a name", async () => {
    await expect(hammered({ store: "file" }, { design: "epoll" })).rejects.toThrow(
      "the store file needs the option file, such as file=/tmp/total",
    );
  });

  it("a client that talks to something else", async () => {
    await using server = await serve((findService("echo") as ServiceEntry).reference(), {
      listen: "tcp://127.0.0.1:0",
    });
    const { status, event } = await hammer(server.endpoint, 1, 1);
    expect({ status, event }).toEqual({
      status: EXIT.PROTOCOL,
      event: expect.objectContaining({ name: "protocol", text: expect.stringContaining("it is no counter") }),
    });
  });
});

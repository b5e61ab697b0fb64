/** Limits given on the command line: held by the server, and by the one that takes over from it. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Program, start } from "./portolan.ts";

const clients = new Set<Socket>();
afterEach(() => {
  for (const client of clients) client.destroy();
  clients.clear();
});

function dial(endpoint: string): Socket {
  const client = connect({ host: "127.0.0.1", port: Number(endpoint.split(":")[2]) });
  clients.add(client);
  client.on("error", () => {});
  return client;
}

/** Whether a client that says something is answered, rather than reset. */
async function isServed(client: Socket): Promise<boolean> {
  client.write("hello");
  const outcome = await Promise.race([once(client, "data"), closed(client)]).catch(() => undefined);
  return outcome !== undefined;
}

/** Resolves when the connection is over, by an end or by a reset. */
function closed(client: Socket): Promise<void> {
  return new Promise((resolve) => client.once("close", () => resolve()));
}

async function stop(program: Program): Promise<Record<string, unknown> | undefined> {
  program.signal("SIGTERM");
  await program.end();
  return program.events("stopped").at(-1);
}

const LISTEN = ["--listen", "tcp://127.0.0.1:0", "--json"];

describe("limits on the command line", () => {
  it.each([
    ["serve", ["serve", "echo", ...LISTEN]],
    ["up", ["up", "--only", "echo", "--any-port", "--json"]],
  ])("are kept by %s, and over a reload", async (_, args) => {
    await using program = start([...args, "--max-per-source", "1", "--grace", "500ms"]);
    const [{ endpoint = "" } = {}] = await program.listening(1);
    expect(await isServed(dial(endpoint))).toBe(true);
    expect(await isServed(dial(endpoint))).toBe(false);
    program.signal("SIGHUP");
    await program.until("the old one's end", () => program.events("stopped")[0]);
    expect(await isServed(dial(endpoint))).toBe(true);
    expect(await isServed(dial(endpoint))).toBe(false);
    const successor = program.events("stopping")[0]?.successor as number;
    process.kill(successor, "SIGTERM");
    expect(await program.until("the end", () => program.events("stopped")[1])).toMatchObject({ refusedSource: 1 });
  });

  it.each([
    ["--idle-timeout", "0.2", "timedOutIdle"],
    ["--total-timeout", "200ms", "timedOutTotal"],
  ])("%s %s is a time", async (flag, value, counter) => {
    await using program = start(["serve", "echo", ...LISTEN, flag, value]);
    const [{ endpoint = "" } = {}] = await program.listening(1);
    await closed(dial(endpoint).resume());
    expect(await stop(program)).toMatchObject({ [counter]: 1, timedOut: 1 });
  });

  it("--max-buffered is a size", async () => {
    const limits = ["--max-buffered", "1M", "--limit", "highWaterBytes=4194304"];
    await using program = start(["up", "--only", "chargen", "--any-port", "--json", ...limits]);
    const [{ endpoint = "" } = {}] = await program.listening(1);
    dial(endpoint).pause();
    await program.until("the reset", () => program.events("counters").find(({ abortedBytes }) => abortedBytes === 1));
  });
});

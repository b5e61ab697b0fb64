/** The diagnostics channels: who is told what, and in which thread or process. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { closeThreadReactor } from "portolan/reactor";
import {
  type DiagnosticChannel,
  type DiagnosticMessages,
  type ServeOptions,
  type Server,
  serve,
} from "portolan/server";
import { findService } from "portolan/service";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";

const CHANNELS = [
  "portolan:server:start",
  "portolan:server:stop",
  "portolan:server:end",
  "portolan:server:trouble",
  "portolan:worker:start",
  "portolan:worker:exit",
  "portolan:connection:open",
  "portolan:connection:close",
  "portolan:connection:refused",
] as const satisfies readonly DiagnosticChannel[];

const echo = findService("echo")!.reference(null);
const watching = {
  url: new URL("../fixtures/server/watching-service.mjs", import.meta.url).href,
  export: "watching",
  options: null,
};
const probe = { ...watching, url: watching.url.replace("watching", "probe"), export: "probe" };

const heard: { readonly channel: DiagnosticChannel; readonly message: unknown }[] = [];
const listeners = CHANNELS.map((channel) => {
  const listener = (message: unknown): void => void heard.push({ channel, message });
  return [channel, listener] as const;
});
beforeEach(() => {
  heard.length = 0;
  for (const [channel, listener] of listeners) subscribe(channel, listener);
});
afterEach(() => {
  for (const [channel, listener] of listeners) unsubscribe(channel, listener);
});
afterAll(() => closeThreadReactor());

/** The messages of a channel so far. */
function of<Name extends DiagnosticChannel>(name: Name): DiagnosticMessages[Name][] {
  return heard.filter(({ channel }) => channel === name).map(({ message }) => message as DiagnosticMessages[Name]);
}

function start(how: Partial<ServeOptions> = {}, service = echo): Promise<Server> {
  return serve(service, { listen: "tcp://127.0.0.1:0", ...how });
}

function dial(server: Server): Socket {
  const client = connect({ port: Number(server.endpoint.split(":")[2]), host: "127.0.0.1" });
  client.on("error", () => {});
  return client;
}

/** Resolves when the connection is over, by an end or by a reset. */
function closed(client: Socket): Promise<void> {
  return new Promise((resolve) => client.resume().once("close", () => resolve()));
}

/** Connects, is answered, and goes in order. @returns the answer and the own port */
async function converse(server: Server, text: string): Promise<{ answer: string; port: number }> {
  const client = dial(server);
  client.setEncoding("utf8").write(text);
  const [answer] = await once(client, "data");
  const port = client.localPort as number;
  client.end();
  await closed(client);
  return { answer: answer as string, port };
}

describe("of a server in Node's loop", () => {
  it("tell of its start, its connections, its stop and its end", async () => {
    const server = await start({ placement: "node", design: "epoll" });
    const { endpoint } = server;
    const identity = { service: "echo", design: "epoll", placement: "node", endpoint };
    const { port } = await converse(server, "hello");
    await until(() => of("portolan:connection:close").length === 1);
    await server.stop({ graceMs: 5 });
    await until(() => of("portolan:server:end").length === 1);
    expect(heard.map(({ channel }) => channel)).toEqual([
      "portolan:server:start",
      "portolan:connection:open",
      "portolan:connection:close",
      "portolan:server:stop",
      "portolan:server:end",
    ]);
    expect(of("portolan:server:start")).toEqual([identity]);
    expect(of("portolan:server:stop")).toEqual([{ ...identity, graceMs: 5, isSucceeded: false }]);
    expect(of("portolan:server:end")).toEqual([identity]);
    const [opened] = of("portolan:connection:open");
    expect(opened).toEqual({
      service: "echo",
      worker: 0,
      fd: expect.any(Number),
      peer: { family: "inet", address: "127.0.0.1", port },
      local: { family: "inet", address: "127.0.0.1", port: Number(endpoint.split(":")[2]) },
    });
    const [closed] = of("portolan:connection:close");
    // In order, so there is no reason.
    expect(closed).toEqual({ service: "echo", worker: 0, fd: opened?.fd, openMs: expect.any(Number) });
  });

  it("say why a connection was reset, and of what is wrong with the service", async () => {
    await using server = await start({ placement: "node" }, probe);
    const client = dial(server);
    client.write("throw");
    await closed(client);
    await until(() => of("portolan:connection:close").length === 1);
    expect(of("portolan:connection:close")[0]?.reason).toBe("the protocol failed");
    expect(of("portolan:server:trouble")).toEqual([
      expect.objectContaining({
        service: "probe",
        endpoint: server.endpoint,
        where: "protocol",
        message: expect.stringMatching(/^Error: thrown on purpose/),
      }),
    ]);
  });

  it("tell of refusals, by their reason", async () => {
    await using server = await start({ placement: "node", limits: { maxPerSource: 1 } });
    const first = dial(server);
    first.write("x");
    await once(first, "data");
    const second = dial(server);
    await closed(second);
    await until(() => of("portolan:connection:refused").length === 1);
    expect(of("portolan:connection:refused")).toEqual([{ service: "echo", worker: 0, reason: "source", count: 1 }]);
    first.destroy();
  });

  it("are silent when nobody listens any more", async () => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener);
    await using server = await start({ placement: "node" });
    await converse(server, "hello");
    expect(heard).toEqual([]);
  });
});

describe.each([
  { how: { design: "epoll" }, kind: "thread", workers: 1 },
  { how: { design: "uring", workers: 2 }, kind: "thread", workers: 2 },
  { how: { design: "iterative" }, kind: "thread", workers: 1 },
  { how: { design: "prefork", workers: 2 }, kind: "process", workers: 2 },
] as const)("of workers of $how", ({ how, kind, workers }) => {
  it("tell here when they start and end, and there of their connections", async () => {
    const server = await start(how, watching);
    const { answer } = await converse(server, "0");
    const told = JSON.parse(answer);
    expect(told.heard.map(({ name }: { name: string }) => name)).toEqual(["open"]);
    expect(told.heard[0]).toMatchObject({ service: "watching", peer: { address: "127.0.0.1" } });
    expect(kind === "process" ? told.pid !== process.pid : told.threadId > 0).toBe(true);
    // Not here: Node carries no message from thread to thread.
    expect(of("portolan:connection:open")).toEqual([]);
    await server.stop();
    const [starts, exits] = [of("portolan:worker:start"), of("portolan:worker:exit")];
    expect(starts).toHaveLength(workers);
    for (const [at, { pid, ...message }] of starts.entries()) {
      expect(message).toEqual({ service: "watching", design: how.design, kind, worker: at });
      expect(pid === undefined).toBe(kind === "thread");
    }
    expect(exits.sort((a, b) => a.worker - b.worker)).toEqual(starts);
    if (kind === "process") expect(starts.map(({ pid }) => pid)).toContain(told.pid);
  });
});

it("tell what a worker died of", async () => {
  await using server = await start({ design: "prefork", workers: 1 });
  const pid = of("portolan:worker:start")[0]?.pid as number;
  process.kill(pid, "SIGKILL");
  await until(() => of("portolan:worker:exit").length === 1 && of("portolan:worker:start").length === 2);
  expect(of("portolan:worker:exit")[0]?.error?.message).toMatch(/SIGKILL/);
  expect((await converse(server, "still here")).answer).toBe("still here");
});

/** What metrics say of servers, beside what their clients and the kernel did. */
import { once } from "node:events";
import { connect as connectNode, type Socket as NodeSocket } from "node:net";
import { connectSync, parseEndpoint, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { designs, metricsText, type ServeOptions, type Server, serve } from "portolan/server";
import { findService } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { figureIn } from "../support/metrics.ts";
import { until } from "../support/until.ts";

const MESSAGE = "x".repeat(64);
const echo = findService("echo")!.reference(null);
const watching = {
  url: new URL("../fixtures/server/watching-service.mjs", import.meta.url).href,
  export: "watching",
  options: null,
};

afterAll(() => closeThreadReactor());

function start(how: Partial<ServeOptions> = {}, service = echo): Promise<Server> {
  return serve(service, { listen: "tcp://127.0.0.1:0", measureLoops: true, ...how });
}

function dial({ endpoint }: Server): NodeSocket {
  const client = connectNode({ port: Number(endpoint.split(":")[2]), host: "127.0.0.1" });
  client.on("error", () => {});
  return client;
}

/** Resolves when the connection is over, by an end or by a reset. */
function closed(client: NodeSocket): Promise<void> {
  client.resume();
  return client.closed ? Promise.resolve() : new Promise((resolve) => client.once("close", () => resolve()));
}

/** Says something, hears the answer, and goes in order. */
async function converse(server: Server, text: string): Promise<void> {
  const client = dial(server);
  client.write(text);
  await once(client, "data");
  client.end();
  await closed(client);
}

/** What metrics say of one server. */
function figureOf(server: Server): (name: string, ...labels: string[]) => number | undefined {
  const text = metricsText([server]);
  return (name, ...labels) => figureIn(text, `portolan_${name}`, ...labels);
}

describe.each([
  ...designs.map(({ name, placements }) => ({ how: { design: name }, isLoop: placements.includes("node") })),
  { how: { design: "epoll", placement: "node" as const }, isLoop: true },
  { how: { design: "epoll", workers: 2 }, isLoop: true },
  { how: { design: "pool", workers: 3 }, isLoop: false },
])("under $how", ({ how, isLoop }) => {
  // A process takes a while to start.
  const clients = how.design === "process" || how.design === "thread" ? 3 : 10;

  it(`says what ${clients} clients did`, async () => {
    await using server = await start(how);
    for (let client = 0; client < clients; client++) await converse(server, MESSAGE);
    // The client has gone before the server has noted it.
    await until(() => figureOf(server)("connection_duration_seconds_count") === clients);
    await until(() => figureOf(server)("connections_active") === 0);
    const figure = figureOf(server);
    expect(figure("connections_accepted_total")).toBe(clients);
    expect(figure("received_bytes_total")).toBe(clients * MESSAGE.length);
    expect(figure("sent_bytes_total")).toBe(clients * MESSAGE.length);
    expect(figure("connections_refused_total")).toBe(0);
    expect(figure("connections_aborted_total")).toBe(0);
    expect(figure("errors_total")).toBe(0);
    expect(figure("accept_queue_length")).toBe(0);
    const labels = [`service="echo"`, `design="${how.design}"`, `endpoint="${server.endpoint}"`];
    expect(figure("connections_accepted_total", ...labels)).toBe(clients);
    const { workers } = how as { readonly workers?: number };
    // Of a pool, one accepts for the others.
    if (how.design === "pool") expect(figure("workers_active")).toBe((workers ?? 8) + 1);
    else if (how.design === "prefork") expect(figure("workers_active")).toBe(4);
    else if ("placement" in how) expect(figure("workers_active")).toBeUndefined();
    else if (clients === 10) expect(figure("workers_active")).toBe(workers ?? 1);
    // A pass for each connection and each message at least.
    if (isLoop) expect(figure("loop_pass_seconds_count")).toBeGreaterThanOrEqual(clients);
    else expect(figure("loop_pass_seconds_count")).toBeUndefined();
  });
});

describe("of workers", () => {
  it("count those of one client each, while there are clients", async () => {
    await using server = await start({ design: "thread" });
    expect(figureOf(server)("workers_active")).toBe(0);
    const clients = [dial(server), dial(server)];
    await until(() => figureOf(server)("workers_active") === 2);
    for (const client of clients) client.end();
    await until(() => figureOf(server)("workers_active") === 0);
  });
});

describe("of connections", () => {
  it("count those that are open", async () => {
    await using server = await start();
    const clients = [dial(server), dial(server), dial(server)];
    await until(() => figureOf(server)("connections_active") === 3);
    for (const client of clients) client.destroy();
    await until(() => figureOf(server)("connections_active") === 0);
    expect(figureOf(server)("connections_accepted_total")).toBe(3);
  });

  it.each([{}, { design: "iterative" }])("count time-outs and what was reset by its reason, under %j", async (how) => {
    await using server = await start({ ...how, limits: { idleMs: 30 } });
    await closed(dial(server));
    await until(() => figureOf(server)("connections_timed_out_total", 'reason="idle"') === 1);
    const figure = figureOf(server);
    expect(figure("connections_timed_out_total")).toBe(1);
    expect(figure("connections_aborted_total", 'reason="timeout"')).toBe(1);
    expect(figure("connections_aborted_total")).toBe(1);
    // It was open for as long as it was idle.
    expect(figure("connection_duration_seconds_sum")).toBeGreaterThanOrEqual(0.03);
    expect(figure("connection_duration_seconds_bucket", 'le="0.016"')).toBe(0);
  });

  it("count who was reset because the server ended, still after its end", async () => {
    const server = await start();
    const client = dial(server);
    await until(() => figureOf(server)("connections_active") === 1);
    await server.stop();
    await closed(client);
    const figure = figureOf(server);
    expect(figure("connections_aborted_total", 'reason="other"')).toBe(1);
    expect(figure("connections_active")).toBe(0);
    // The sockets are another's by now.
    expect(figure("accept_queue_length")).toBeUndefined();
    expect(server.kernelQueue()).toBeUndefined();
  });

  it("count who was refused, and when accepting has rested", async () => {
    await using server = await start({ limits: { maxPerSource: 1, maxConnections: 1 } });
    const first = dial(server);
    await until(() => figureOf(server)("connections_active") === 1);
    expect(figureOf(server)("accept_rests_total", 'reason="connections"')).toBe(1);
    first.destroy();
    await until(() => figureOf(server)("connections_active") === 0);
    await using other = await start({ limits: { maxPerSource: 1 } });
    const kept = dial(other);
    await until(() => figureOf(other)("connections_active") === 1);
    await closed(dial(other));
    expect(figureOf(other)("connections_refused_total", 'reason="source"')).toBe(1);
    kept.destroy();
  });
});

// These servers are in the loop of this thread, which does not turn while these tests do not wait: nobody is accepted,
// and nothing is read.
describe("of the kernel's queues", () => {
  it("say how many wait to be accepted, how many may, and how many attempts were dropped", async () => {
    await using server = await start({ placement: "node", limits: { backlog: 2 } });
    const before = figureIn(metricsText([]), "portolan_host_listen_overflows_total") as number;
    expect(figureOf(server)("accept_queue_limit")).toBe(2);
    const waiting = [0, 1, 2].map(() => connectSync(server.endpoint));
    expect(figureOf(server)("accept_queue_length")).toBe(3);
    expect(figureOf(server)("accept_queue_drops_total")).toBe(0);
    // The kernel lets one more in than it was told, and then drops what comes: the client hears nothing.
    expect(() => connectSync(server.endpoint, { timeoutMs: 50 })).toThrow(/ETIMEDOUT/);
    expect(figureOf(server)("accept_queue_drops_total")).toBeGreaterThanOrEqual(1);
    expect(figureIn(metricsText([]), "portolan_host_listen_overflows_total")).toBeGreaterThan(before);
    await until(() => figureOf(server)("connections_accepted_total") === 3);
    expect(figureOf(server)("accept_queue_length")).toBe(0);
    for (const client of waiting) client.close();
  });

  it("say how much waits to be read, how much may, and how many datagrams were dropped", async () => {
    await using server = await start({
      placement: "node",
      listen: "udp://127.0.0.1:0",
      limits: { receiveBufferBytes: 16_384 },
    });
    using client = new Socket("inet", "dgram");
    const { address } = parseEndpoint(server.endpoint);
    expect(figureOf(server)("receive_queue_bytes")).toBe(0);
    const sent = 200;
    for (let i = 0; i < sent; i++) client.sendToSync(new Uint8Array(1000), address);
    const figure = figureOf(server);
    const limit = figure("receive_queue_limit_bytes") as number;
    const dropped = figure("receive_queue_drops_total") as number;
    expect(limit).toBe(2 * 16_384);
    expect(figure("receive_queue_bytes")).toBeGreaterThan(limit / 2);
    expect(dropped).toBeGreaterThan(sent / 2);
    await until(() => figureOf(server)("received_datagrams_total") === sent - dropped);
    expect(figureOf(server)("received_bytes_total")).toBe((sent - dropped) * 1000);
    expect(figureOf(server)("receive_queue_bytes")).toBe(0);
    // What is said of connections only is not said of datagrams.
    expect(figureOf(server)("connections_accepted_total")).toBeUndefined();
    expect(figureOf(server)("connection_duration_seconds_count")).toBeUndefined();
  });

  it("are unknown of unix sockets", async () => {
    await using server = await start({ listen: `unix://@portolan-metrics-${process.pid}` });
    expect(figureOf(server)("accept_queue_length")).toBeUndefined();
    expect(figureOf(server)("connections_accepted_total")).toBe(0);
  });
});

describe("of loops", () => {
  it("say that a pass took long, and how late others were by it", async () => {
    await using server = await start({}, watching);
    await converse(server, "700");
    await until(() => (figureOf(server)("loop_lag_seconds_count") ?? 0) >= 2);
    const figure = figureOf(server);
    // 700 ms of work in one pass; a timer comes each 500 ms, so one was late by 200 at least.
    expect(figure("loop_pass_seconds_sum")).toBeGreaterThanOrEqual(0.7);
    const passes = figure("loop_pass_seconds_count") as number;
    expect(figure("loop_pass_seconds_bucket", 'le="0.524288"')).toBeLessThan(passes);
    const lags = figure("loop_lag_seconds_count") as number;
    expect(figure("loop_lag_seconds_sum")).toBeGreaterThanOrEqual(0.19);
    expect(figure("loop_lag_seconds_bucket", 'le="0.128"')).toBeLessThan(lags);
  });

  it("say that Node's own loop was held up, by whatever it was", async () => {
    await using server = await start({ placement: "node" });
    const untilMs = performance.now() + 750;
    while (performance.now() < untilMs);
    await until(() => (figureOf(server)("loop_lag_seconds_count") ?? 0) >= 1);
    expect(figureOf(server)("loop_lag_seconds_sum")).toBeGreaterThanOrEqual(0.2);
  });

  it("are not measured unasked", async () => {
    await using server = await serve(echo, { listen: "tcp://127.0.0.1:0" });
    await converse(server, MESSAGE);
    expect(figureOf(server)("loop_pass_seconds_count")).toBeUndefined();
    expect(figureOf(server)("received_bytes_total")).toBe(MESSAGE.length);
  });
});

/** The HTTP endpoint of metrics: what it answers to whom, and what those who mean it ill can do. */
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, get as httpGet, type IncomingMessage, type RequestOptions } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenSync } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { type MetricsEndpoint, metricsText, type Server, serve, serveMetrics } from "portolan/server";
import { findService } from "portolan/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { familiesOf, figureIn } from "../support/metrics.ts";
import { until } from "../support/until.ts";

/** What the endpoint allows. */
const MAX_CONNECTIONS = 16;

const scratch = mkdtempSync(join(tmpdir(), "portolan-metrics-"));
const echo = findService("echo")!.reference(null);
let server: Server;
let metrics: MetricsEndpoint;
const servers = (): Server[] => [server];

beforeAll(async () => {
  server = await serve(echo, { listen: "tcp://127.0.0.1:0" });
  metrics = await serveMetrics({ listen: "tcp://127.0.0.1:0", servers });
});
afterAll(async () => {
  await metrics.stop();
  await server.stop();
  closeThreadReactor();
  rmSync(scratch, { recursive: true });
});

function dial({ endpoint }: { readonly endpoint: string }): Socket {
  const client = connect(Number(endpoint.split(":")[2]), "127.0.0.1");
  client.on("error", () => {});
  return client.setEncoding("latin1");
}

/** All that comes until the other side closes, by an end or by a reset. */
async function all(client: Socket): Promise<string> {
  let text = "";
  client.on("data", (chunk) => {
    text += chunk;
  });
  if (!client.closed) await new Promise((resolve) => client.once("close", resolve));
  return text;
}

/** What is answered to bytes as they are. */
async function answerTo(request: string, endpoint = metrics): Promise<string> {
  const client = dial(endpoint);
  client.write(request);
  return await all(client);
}

/** The echo service is not held up by what happens to the metrics. */
async function expectService(): Promise<void> {
  const client = dial(server);
  client.write("still here");
  expect(await once(client, "data")).toEqual(["still here"]);
  client.destroy();
}

async function bodyOf(options: RequestOptions): Promise<{ head: IncomingMessage; text: string }> {
  const request = httpGet(options);
  const [head] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of head) text += chunk;
  return { head, text };
}

describe("answers", () => {
  it("a GET with the text, and a HEAD with its length", async () => {
    const response = await fetch(metrics.url as string);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    expect(familiesOf(text)).toEqual(familiesOf(metricsText(servers())));
    expect(text.endsWith("\n")).toBe(true);
    const head = await fetch(metrics.url as string, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(1000);
    expect(await head.text()).toBe("");
  });

  it("a GET with a query, as scrapers may send it", async () => {
    expect((await fetch(`${metrics.url}?name=x`)).status).toBe(200);
  });

  it("other paths with 404, and where metrics are", async () => {
    const response = await fetch((metrics.url as string).replace("/metrics", "/"));
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("Metrics are at /metrics.\n");
  });

  it("other methods with 405, and which there are", async () => {
    const response = await fetch(metrics.url as string, { method: "POST", body: "x".repeat(100_000) });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  it.each([
    ["no HTTP", "hello\r\n\r\n", /^HTTP\/1.1 400 /],
    ["binary", "\x16\x03\x01\x02\x00\x01\x00", /^HTTP\/1.1 400 /],
    ["no host", "GET /metrics HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["a huge header", `GET /metrics HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    ["a huge address", `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1.1 431 /],
    [
      "two lengths",
      "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      /^HTTP\/1.1 400 /,
    ],
    ["a way out of the folder", "GET /../metrics HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 404 /],
  ])("%s with a refusal, and closes", async (_what, request, answer) => {
    expect(await answerTo(request)).toMatch(answer);
    await expectService();
  });

  it("many at once, over and over", async () => {
    const rounds = 20;
    const all = familiesOf(metricsText(servers()));
    for (let round = 0; round < rounds; round++) {
      const texts = await Promise.all(
        Array.from({ length: 8 }, async () => (await fetch(metrics.url as string)).text()),
      );
      for (const text of texts) expect(familiesOf(text)).toEqual(all);
    }
  });
});

it("gives nobody much time or room: who says nothing, half or too little is closed, and others come in again", async () => {
  await using own = await serveMetrics({ listen: "tcp://127.0.0.1:0", servers });
  const silent = Array.from({ length: MAX_CONNECTIONS - 2 }, () => dial(own));
  const half = dial(own);
  half.write("GET /metrics HTTP/1.1\r\nHost: a\r\n");
  const idle = dial(own);
  idle.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(idle, "data");
  // There is no room left, and whoever comes is closed at once, unanswered.
  expect(await answerTo("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", own)).toBe("");
  await expectService();
  const ends = await Promise.all([...silent, half].map(all));
  // Some are told so.
  for (const end of ends) expect(end).toMatch(/^$|^HTTP\/1.1 408 /);
  await all(idle);
  expect((await fetch(own.url as string)).status).toBe(200);
});

describe("comes and goes", () => {
  it("with a unix socket's file", async () => {
    const path = join(scratch, "metrics.sock");
    const own = await serveMetrics({ listen: `unix://${path}`, servers });
    expect(own.url).toBeUndefined();
    expect(own.endpoint).toBe(`unix://${path}`);
    const { text } = await bodyOf({ socketPath: path, path: "/metrics", agent: false });
    expect(figureIn(text, "process_open_fds")).toBeGreaterThan(3);
    await own.stop();
    expect(existsSync(path)).toBe(false);
  });

  it("at once, whoever is connected", async () => {
    const own = await serveMetrics({ listen: "tcp://127.0.0.1:0", servers });
    const silent = dial(own);
    await once(silent, "connect");
    const ended = all(silent);
    await own.stop();
    expect(await ended).toBe("");
    const late = dial(own);
    const [error] = await new Promise<[NodeJS.ErrnoException]>((resolve) => late.once("error", (e) => resolve([e])));
    expect(error.code).toBe("ECONNREFUSED");
    // A second time is once too often, and harmless.
    await own.stop();
  });

  it("on a socket that listens already, which a successor takes over with who waits there", async () => {
    const path = join(scratch, "handed.sock");
    const first = listenSync(`unix://${path}`);
    const successors = first.dup().detach();
    const own = await serveMetrics({ listenFd: first.detach(), servers });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const options = { socketPath: path, path: "/metrics", agent };
    expect((await bodyOf(options)).head.headers.connection).toBe("keep-alive");
    own.succeed();
    // Who is connected hears once more, and that this was the last time.
    expect((await bodyOf(options)).head.headers.connection).toBe("close");
    const waiting = bodyOf({ ...options, agent: false });
    const next = await serveMetrics({ listenFd: successors, servers });
    expect((await waiting).head.statusCode).toBe(200);
    await own.stop();
    expect((await bodyOf({ ...options, agent: false })).head.statusCode).toBe(200);
    expect(existsSync(path)).toBe(true);
    await next.stop();
    agent.destroy();
  });

  it("not where no HTTP is spoken, nor nowhere, nor in two places", async () => {
    await expect(serveMetrics({ listen: "udp://127.0.0.1:0", servers })).rejects.toThrow(RangeError);
    await expect(serveMetrics({ servers })).rejects.toThrow(TypeError);
    await expect(serveMetrics({ listen: "tcp://127.0.0.1:0", listenFd: 0, servers })).rejects.toThrow(TypeError);
    await expect(serveMetrics({ listen: metrics.endpoint, servers })).rejects.toThrow(/EADDRINUSE/);
  });

  it("says that it cannot tell, where it cannot, and goes on", async () => {
    let isBroken = true;
    await using own = await serveMetrics({
      listen: "tcp://127.0.0.1:0",
      servers: () => {
        if (isBroken) throw new Error("on purpose");
        return servers();
      },
    });
    const broken = await fetch(own.url as string);
    expect([broken.status, await broken.text()]).toEqual([500, "on purpose\n"]);
    isBroken = false;
    expect((await fetch(own.url as string)).status).toBe(200);
  });
});

it("adds up servers that are one series", async () => {
  const twin = Object.assign(Object.create(server) as Server, {
    endpoint: server.endpoint,
    service: server.service,
    design: server.design,
    counters: () => server.counters(),
    histograms: () => server.histograms(),
    workerCount: () => server.workerCount(),
    kernelQueue: () => server.kernelQueue(),
  });
  await until(() => server.counters().active === 0);
  const once = figureIn(metricsText([server]), "portolan_connections_accepted_total") as number;
  expect(once).toBeGreaterThan(0);
  expect(figureIn(metricsText([server, twin]), "portolan_connections_accepted_total")).toBe(2 * once);
});

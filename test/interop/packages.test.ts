/** Well-known packages, unpatched, over `portolan/net`, through the doors that they have for other transports. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import { connect as nodeConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import * as tls from "node:tls";
import express from "express";
import { AbstractConnector, Redis } from "ioredis";
import { connect, createServer, type Server, type Socket } from "portolan/net";
import { closeThreadReactor } from "portolan/reactor";
import { Agent, fetch, request as undiciRequest } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { needsProgram } from "../support/programs.ts";

const LOOPBACK = "127.0.0.1";
const servers: Server[] = [];
const accepted: Socket[] = [];
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  for (const socket of accepted.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});
afterAll(() => closeThreadReactor());

/**
 * Listens with `portolan/net`. Half-open, as http's own server is: it is http or TLS that decides when to end.
 * @returns the port.
 */
async function listen(listener: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, listener);
  servers.push(server);
  server.on("connection", (socket) => accepted.push(socket));
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** An http server over `portolan/net`. @returns the port. */
async function serveHttp(server: http.Server): Promise<number> {
  cleanups.push(() => server.closeAllConnections());
  return listen((socket) => void server.emit("connection", socket));
}

/** node:http's client over `portolan/net`. */
function get(port: number, path = "/", agent?: http.Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = agent === undefined ? { createConnection: () => connect(port, LOOPBACK) } : { agent };
    const request = http.get({ host: LOOPBACK, port, path, ...options }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
    request.on("error", reject);
  });
}

describe("node:http", () => {
  it("serves and asks", async () => {
    const port = await serveHttp(
      http.createServer((request, response) => {
        response.end(`${request.method} ${request.url} from ${request.socket.remoteAddress}`);
      }),
    );
    expect(await get(port, "/path")).toEqual({ status: 200, body: "GET /path from 127.0.0.1" });
  });

  it("keeps connections alive through an agent", async () => {
    const sockets = new Set<unknown>();
    const port = await serveHttp(
      http.createServer((request, response) => {
        sockets.add(request.socket);
        response.end("ok");
      }),
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    Reflect.set(agent, "createConnection", () => connect(port, LOOPBACK));
    for (let i = 0; i < 5; i++) expect((await get(port, "/", agent)).body).toBe("ok");
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it("uploads and downloads much, with back-pressure", async () => {
    const port = await serveHttp(http.createServer((request, response) => void request.pipe(response)));
    const sent = Buffer.alloc(8 * 1024 * 1024, "portolan ");
    const received = await new Promise<Buffer>((resolve, reject) => {
      const request = http.request(
        { method: "POST", createConnection: () => connect(port, LOOPBACK) },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          resolve(Buffer.concat(chunks));
        },
      );
      request.on("error", reject).end(sent);
    });
    expect(received.equals(sent)).toBe(true);
  });

  it("answers nonsense with 400 and closes", async () => {
    const port = await serveHttp(http.createServer());
    const socket = connect(port, LOOPBACK);
    socket.write("nonsense\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it("answers a client that has half-closed", async () => {
    const port = await serveHttp(http.createServer((_request, response) => setImmediate(() => response.end("whole"))));
    const socket = connect({ port, host: LOOPBACK, allowHalfOpen: true });
    socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*whole/);
  });

  it("times requests out", async () => {
    const port = await serveHttp(http.createServer(() => {}));
    const request = http.get({
      host: LOOPBACK,
      port,
      timeout: 30,
      createConnection: (options) => connect(options as never),
    });
    await once(request, "timeout");
    const failed = once(request, "error");
    request.destroy(new Error("enough"));
    expect((await failed)[0].message).toBe("enough");
  });
});

describe("node:http2", () => {
  it("serves and asks", async () => {
    const server = http2.createServer((_request, response) => response.end("two"));
    const port = await listen((socket) => void server.emit("connection", socket));
    const session = http2.connect(`http://${LOOPBACK}:${port}`, {
      createConnection: () => connect(port, LOOPBACK) as never,
    });
    const stream = session.request({ ":path": "/" });
    let body = "";
    for await (const chunk of stream) body += chunk;
    expect(body).toBe("two");
    await new Promise<void>((resolve) => session.close(resolve));
  });
});

describe("express", () => {
  it("runs an app with middleware, a body parser and an error handler", async () => {
    const app = express();
    app.use(express.json());
    app.get("/hello/:name", (request, response) => void response.json({ hello: request.params.name, ip: request.ip }));
    app.post("/echo", (request, response) => void response.status(201).json(request.body));
    app.get("/fail", () => {
      throw new Error("the app's");
    });
    app.use((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
      response.status(500).send(error.message);
    });
    const port = await serveHttp(http.createServer(app));
    expect(await get(port, "/hello/you")).toEqual({ status: 200, body: '{"hello":"you","ip":"127.0.0.1"}' });
    expect(await get(port, "/fail")).toEqual({ status: 500, body: "the app's" });
    expect((await get(port, "/nowhere")).status).toBe(404);
    // Node's own fetch, over Node's own sockets, is the independent client.
    const answer = await globalThis.fetch(`http://${LOOPBACK}:${port}/echo`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
      body: JSON.stringify({ list: [1, 2, 3] }),
    });
    expect([answer.status, await answer.json()]).toEqual([201, { list: [1, 2, 3] }]);
  });
});

describe("ws", () => {
  /** An echo server. @returns the port. */
  async function serveEcho(): Promise<number> {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    cleanups.push(() => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    });
    return serveHttp(server);
  }

  it.each([
    ["portolan/net", connect],
    ["node:net", nodeConnect],
  ])("echoes text and binary messages to a client over %s", async (_name, connectWith) => {
    const port = await serveEcho();
    const client = new WebSocket(`ws://${LOOPBACK}:${port}`, {
      createConnection: (() => connectWith(port, LOOPBACK)) as never,
    });
    await once(client, "open");
    client.send("text");
    expect((await once(client, "message")).map(String)).toEqual(["text", "false"]);
    const big = Buffer.alloc(1_000_000, 7);
    client.send(big);
    const [echoed, isBinary] = (await once(client, "message")) as [Buffer, boolean];
    expect([echoed.equals(big), isBinary]).toEqual([true, true]);
    client.ping("beat");
    expect(String((await once(client, "pong"))[0])).toBe("beat");
    client.close(1000, "bye");
    const [code, reason] = await once(client, "close");
    expect([code, String(reason)]).toEqual([1000, "bye"]);
  });
});

describe("undici", () => {
  const dispatcher = (): Agent => {
    const agent = new Agent({
      connect: (options, callback) => {
        const socket = connect(Number(options.port), options.hostname, () => callback(null, socket as never));
        socket.once("error", (error) => callback(error, null));
        return socket as never;
      },
    });
    cleanups.push(() => agent.close());
    return agent;
  };

  it("requests and fetches from a server over portolan/net", async () => {
    const port = await serveHttp(http.createServer((request, response) => void request.pipe(response)));
    const agent = dispatcher();
    const { statusCode, body } = await undiciRequest(`http://${LOOPBACK}:${port}/`, {
      dispatcher: agent,
      method: "POST",
      body: "undici",
    });
    expect([statusCode, await body.text()]).toEqual([200, "undici"]);
    const answer = await fetch(`http://${LOOPBACK}:${port}/`, {
      dispatcher: agent,
      method: "POST",
      body: "x".repeat(500_000),
    });
    expect((await answer.text()).length).toBe(500_000);
  });

  it("requests from a server of node:http's own", async () => {
    const server = http.createServer((_request, response) => response.end("node's")).listen(0, LOOPBACK);
    await once(server, "listening");
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const { body } = await undiciRequest(`http://${LOOPBACK}:${port}/`, { dispatcher: dispatcher() });
    expect(await body.text()).toBe("node's");
  });

  it("tells of a refused connection", async () => {
    const port = await listen(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const failed = undiciRequest(`http://${LOOPBACK}:${port}/`, { dispatcher: dispatcher() });
    await expect(failed).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("node:tls", () => {
  let credentials: { key: Buffer; cert: Buffer } | undefined;

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), "portolan-tls-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    try {
      execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
      credentials = { key: readFileSync(key), cert: readFileSync(cert) };
    } catch {
      // The test itself says that openssl is missing.
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("encrypts between a client and a server that both lie over portolan/net", async (context) => {
    needsProgram(context, "openssl", ["version"]);
    const { key, cert } = credentials!;
    const port = await listen((socket) => {
      const secure = new tls.TLSSocket(socket, { isServer: true, key, cert });
      secure.on("error", () => {});
      secure.pipe(secure);
    });
    const socket = connect(port, LOOPBACK);
    const secure = tls.connect({ socket, ca: cert, servername: "localhost" });
    await once(secure, "secureConnect");
    expect(secure.authorized).toBe(true);
    const sent = Buffer.alloc(300_000, "secret ");
    const received = secure.pipe(new PassThrough());
    secure.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of received) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  it("refuses a certificate that nobody vouches for", async (context) => {
    needsProgram(context, "openssl", ["version"]);
    const { key, cert } = credentials!;
    const server = tls.createServer({ key, cert });
    server.on("tlsClientError", () => {});
    const port = await listen((socket) => void server.emit("connection", socket));
    const secure = tls.connect({ socket: connect(port, LOOPBACK), servername: "localhost" });
    const [error] = await once(secure, "error");
    expect(error.code).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  });
});

describe("ioredis with a real redis-server", () => {
  /** Starts a server without a file to its name. @returns the socket's path. */
  async function startRedis(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "portolan-redis-"));
    const path = join(folder, "redis.sock");
    const settings = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder];
    const child = spawn("redis-server", settings, { stdio: "ignore" });
    cleanups.push(async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    });
    for (let tries = 0; tries < 500; tries++) {
      const socket = nodeConnect(path);
      const isThere = await new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      });
      socket.destroy();
      if (isThere) return path;
      await delay(10);
    }
    throw new Error("redis-server does not listen");
  }

  /** A client over `portolan/net`, with a list of the sockets that it has made. */
  function client(path: string): { redis: Redis; made: Socket[] } {
    const made: Socket[] = [];
    class PortolanConnector extends AbstractConnector {
      constructor() {
        super(1000);
      }

      override async connect(): Promise<never> {
        this.connecting = true;
        const socket = connect({ path });
        made.push(socket);
        this.stream = socket as never;
        return socket as never;
      }
    }
    const redis = new Redis({ Connector: PortolanConnector as never, retryStrategy: () => 10 });
    cleanups.push(() => redis.disconnect());
    return { redis, made };
  }

  it("sets, gets, pipelines, and carries large values", async (context) => {
    needsProgram(context, "redis-server", ["--version"]);
    const { redis, made } = client(await startRedis());
    expect(await redis.set("key", "value")).toBe("OK");
    expect(await redis.get("key")).toBe("value");
    const results = await redis.pipeline().incr("n").incr("n").get("key").exec();
    expect(results).toEqual([
      [null, 1],
      [null, 2],
      [null, "value"],
    ]);
    const big = Buffer.alloc(5_000_000, "0123456789");
    await redis.set("big", big);
    expect((await redis.getBuffer("big"))?.equals(big)).toBe(true);
    await Promise.all(Array.from({ length: 1000 }, (_, i) => redis.set(`many:${i}`, i)));
    expect(await redis.get("many:999")).toBe("999");
    expect(made.length).toBe(1);
    expect(made[0]).toBeInstanceOf(Duplex);
  });

  it("publishes, subscribes, and connects again after a lost connection", async (context) => {
    needsProgram(context, "redis-server", ["--version"]);
    const path = await startRedis();
    const { redis: subscriber } = client(path);
    const { redis: publisher, made } = client(path);
    await subscriber.subscribe("channel");
    const message = once(subscriber, "message");
    await publisher.publish("channel", "news");
    expect(await message).toEqual(["channel", "news"]);
    publisher.on("error", () => {});
    made[0]?.destroy();
    expect(await publisher.ping()).toBe("PONG");
    expect(made.length).toBe(2);
  });
});

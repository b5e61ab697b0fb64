/**
 * Where a scraper reads the metrics: a small HTTP server, `node:http` in the loop of the thread that starts it. Whoever
 * connects gets little time and little room, so that neither a scraper that says nothing nor one that says too much
 * costs the services anything.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import { parseEndpoint } from "../../socket/index.ts";
import { adoptListeners, type Listeners, openListeners } from "../listeners.ts";
import type { Server } from "../serve.ts";
import { CONTENT_TYPE, type MetricFamily } from "./exposition.ts";
import { metricsText } from "./metrics-text.ts";

/** Scrapers at a time; the next is closed at once. */
const MAX_CONNECTIONS = 16;
const BACKLOG = 16;
const MAX_HEADER_BYTES = 8192;
/** For the whole of a request, from the moment of connecting; and for the answer to be taken. */
const REQUEST_MS = 5000;
/** Between two requests of one connection: longer than scrapers usually pause would keep the places of others. */
const KEEP_ALIVE_MS = 5000;
/** How often it is looked whether a request has taken too long. */
const CHECK_MS = 1000;
const PATH = "/metrics";

/** Where metrics are to be read, and whose. */
export interface MetricsOptions {
  /** Where to listen: `tcp://127.0.0.1:9464`, `unix:///run/metrics.sock`. Whoever can connect can read. */
  readonly listen?: string;
  /** In place of `listen`: a socket that listens already. It is the endpoint's from now on. */
  readonly listenFd?: number;
  /** Whose metrics; asked at each scrape. */
  readonly servers: () => Iterable<Server>;
  /** Further metrics, such as those of a super-server (`Inetd.metrics`); asked at each scrape. */
  readonly others?: () => Iterable<MetricFamily>;
}

/** An endpoint at which metrics can be read. `await using` ends it. */
export interface MetricsEndpoint extends AsyncDisposable {
  /** Where it listens, with the port that the kernel chose. */
  readonly endpoint: string;
  /** What to give a scraper; undefined for a unix socket. */
  readonly url: string | undefined;
  /** The socket that it listens on, to be given to a successor; open until it is told to stop. */
  readonly listener: number;
  /**
   * A successor has the socket: accepts nobody from now on. Connections that are open get their next answer, and are closed
   * then. It is to be stopped still.
   * @returns settles when the last of them is closed, after some seconds where a scraper stays and asks nothing more.
   */
  succeed(): Promise<void>;
  /** Closes everything. */
  stop(): Promise<void>;
}

/**
 * Answers `GET /metrics` with {@link metricsText}.
 *
 * @throws SystemError where it cannot be listened there (EADDRINUSE, which says who holds it, EACCES …).
 * @throws RangeError for an endpoint that is no stream.
 *
 * @example
 * const service = { url: import.meta.resolve("portolan/service"), export: "echo", options: null };
 * await using server = await serve(service, { listen: "tcp://127.0.0.1:0", measureLoops: true });
 * await using metrics = await serveMetrics({ listen: "tcp://127.0.0.1:9464", servers: () => [server] });
 * console.log(await (await fetch(metrics.url as string)).text());
 */
export async function serveMetrics({ listen, listenFd, ...told }: MetricsOptions): Promise<MetricsEndpoint> {
  if ((listen === undefined) === (listenFd === undefined)) {
    throw new TypeError("metrics are told where to listen either by `listen` or by `listenFd`");
  }
  const transport = listen === undefined ? undefined : parseEndpoint(listen).transport;
  if (transport !== undefined && transport !== "tcp" && transport !== "unix") {
    throw new RangeError(`metrics are read over HTTP, which is spoken over tcp:// or unix://, not ${transport}://`);
  }
  const listeners = listen === undefined ? adoptListeners([listenFd as number]) : openListeners(listen, 1, BACKLOG);
  const endpoint = new HttpMetrics(listeners, told, listen !== undefined);
  try {
    await endpoint.open();
  } catch (error) {
    // The socket is closed by who failed to listen on it.
    if (listen !== undefined) listeners.removePath();
    throw error;
  }
  return endpoint;
}

type Told = Pick<MetricsOptions, "others" | "servers">;

class HttpMetrics implements MetricsEndpoint {
  readonly endpoint: string;
  readonly url: string | undefined;
  readonly listener: number;
  readonly #listeners: Listeners;
  readonly #told: Told;
  readonly #http: HttpServer;
  /** Whether a unix socket's file is to go with it. */
  #ownsPath: boolean;
  #succeeded: Promise<void> | undefined;

  constructor(listeners: Listeners, told: Told, ownsPath: boolean) {
    const { endpoint, fds } = listeners;
    this.endpoint = endpoint;
    this.url = endpoint.startsWith("tcp://") ? `http://${endpoint.slice("tcp://".length)}${PATH}` : undefined;
    this.listener = fds[0] as number;
    this.#listeners = listeners;
    this.#told = told;
    this.#ownsPath = ownsPath;
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_MS,
    };
    this.#http = createServer(limits, (request, response) => this.#answer(request, response));
    this.#http.maxConnections = MAX_CONNECTIONS;
    this.#http.timeout = REQUEST_MS;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen({ fd: this.listener, backlog: BACKLOG }, () => resolve());
    });
    // What it may say later, such as EMFILE at an accept, is no reason to end: the scraper tries again.
    this.#http.on("error", () => {});
    this.#ownsPath = true;
  }

  succeed(): Promise<void> {
    this.#ownsPath = false;
    // Not by the close of HTTP, which ends idle connections, just when their next request may be under way.
    this.#succeeded ??= new Promise((resolve) => NetServer.prototype.close.call(this.#http, () => resolve()));
    return this.#succeeded;
  }

  stop(): Promise<void> {
    if (this.#ownsPath) this.#listeners.removePath();
    this.#ownsPath = false;
    return new Promise((resolve) => {
      // The callback is told, as of an error, of a server that listens no more.
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.#succeeded !== undefined) response.setHeader("Connection", "close");
    const [path] = (request.url ?? "").split("?", 1);
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (path !== PATH) {
      say(response, 404, `Metrics are at ${PATH}.\n`);
    } else if (!isRead) {
      response.setHeader("Allow", "GET, HEAD");
      say(response, 405, "Metrics can be read, by GET or HEAD.\n");
    } else {
      this.#tell(response, request.method === "HEAD");
    }
  }

  #tell(response: ServerResponse, isHeadOnly: boolean): void {
    let text: Buffer;
    try {
      const { servers, others } = this.#told;
      text = Buffer.from(metricsText(servers(), others?.()));
    } catch (error) {
      // Whatever it is, it is not worth the services that are in this process.
      say(response, 500, `${error instanceof Error ? error.message : error}\n`);
      return;
    }
    response.writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": text.length });
    response.end(isHeadOnly ? undefined : text);
  }
}

/** An answer after which nothing more is read of a peer that has asked for something else. */
function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    Connection: "close",
  });
  response.end(text);
}

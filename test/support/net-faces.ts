/** The two `net`s that must behave alike, and the small things that tests of them do again and again. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as nodeNet from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as portolanNet from "portolan/net";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, afterEach } from "vitest";

/** Typed as Node's own, which is what a program that changes over has. */
export type Net = typeof nodeNet;
export type NetServer = nodeNet.Server;
export type NetSocket = nodeNet.Socket;
export type NetError = NodeJS.ErrnoException & { address?: string; port?: number };

export const faces: readonly (readonly [string, Net])[] = [
  ["node:net", nodeNet],
  ["portolan/net", portolanNet as unknown as Net],
];

const loopback = "127.0.0.1";

/** Ends what a test leaves open, after each test, and the thread's reactor after the last. */
export class Stage {
  readonly #sockets: NetSocket[] = [];
  readonly #servers: NetServer[] = [];
  readonly #folders: string[] = [];

  constructor() {
    afterEach(() => this.clear());
    afterAll(() => closeThreadReactor());
  }

  /** A server that will be closed. Without a listener of its own it keeps what connects. */
  server(server: NetServer): NetServer {
    this.#servers.push(server);
    server.on("connection", (socket) => this.#sockets.push(socket));
    return server;
  }

  /** A socket that will be destroyed. */
  socket(socket: NetSocket): NetSocket {
    this.#sockets.push(socket);
    return socket;
  }

  /** A path for a unix socket in a folder of its own. */
  path(name = "socket"): string {
    const folder = mkdtempSync(join(tmpdir(), "portolan-net-"));
    this.#folders.push(folder);
    return join(folder, name);
  }

  /** Listens on an ephemeral port of the loopback. @returns the port. */
  async listen(server: NetServer, options: nodeNet.ListenOptions = {}): Promise<number> {
    this.server(server).listen({ port: 0, host: loopback, ...options });
    await once(server, "listening");
    return portOf(server);
  }

  /** Both ends of a connection. */
  async pair(
    net: Net,
    {
      server: serverOptions = {},
      client: clientOptions = {},
    }: { server?: nodeNet.ServerOpts; client?: Partial<nodeNet.TcpNetConnectOpts> } = {},
  ): Promise<{ server: NetServer; near: NetSocket; far: NetSocket }> {
    const server = net.createServer(serverOptions);
    const port = await this.listen(server);
    const accepted = once(server, "connection") as Promise<[NetSocket]>;
    const near = this.socket(net.connect({ port, host: loopback, ...clientOptions } as nodeNet.NetConnectOpts));
    const [[far]] = await Promise.all([accepted, once(near, "connect")]);
    return { server, near, far };
  }

  async clear(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.on("error", () => {}).destroy();
    const servers = this.#servers.splice(0).filter((server) => server.listening);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

export function portOf(server: NetServer): number {
  return (server.address() as nodeNet.AddressInfo).port;
}

/** The error that a function throws. */
export function thrown(run: () => unknown): NetError {
  try {
    run();
  } catch (error) {
    return error as NetError;
  }
  throw new Error("nothing was thrown");
}

/** The next 'error' of an emitter. */
export async function failure(emitter: NodeJS.EventEmitter): Promise<NetError> {
  return new Promise((resolve) => emitter.once("error", resolve));
}

/** The 'close' of a socket, whatever comes before. @returns whether there was an error. */
export async function closed(socket: NetSocket): Promise<boolean> {
  return new Promise((resolve) => socket.once("close", resolve));
}

/** Everything that a stream gives, until its end. */
export async function text(socket: NetSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** What the error says of itself, for comparing. */
export function told({ message, code, errno, syscall, address, port }: NetError): Record<string, unknown> {
  return { message, code, errno, syscall, address, port };
}

/** A port of the loopback where nobody listens. */
export async function unusedPort(): Promise<number> {
  const server = nodeNet.createServer().listen(0, loopback);
  await once(server, "listening");
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `net.Server` over the reactor. */
import { AsyncResource } from "node:async_hooks";
import { lookup } from "node:dns";
import { captureRejectionSymbol, EventEmitter } from "node:events";
import type { AddressInfo, BlockList, DropArgument, ListenOptions, ServerOpts } from "node:net";
import { EMFILE, ENFILE, ENOBUFS, ENOMEM } from "../abi/index.ts";
import { type Reactor, type Slot, type SlotHandler, threadReactor } from "../reactor/index.ts";
import * as sys from "../sys/index.ts";
import { explainedSystemError, invalidArgType, invalidArgValue, plainError, systemError } from "./errors.ts";
import { keep, release } from "./keeper.ts";
import { ownName, peerName } from "./names.ts";
import { isPath, normalizeArguments, toNumber } from "./net-arguments.ts";
import { type Listener, openFd, openIp, openPath } from "./net-listener.ts";
import { AcceptedDescriptor, Socket } from "./net-socket.ts";
import { setKeepAlive, setNoDelay } from "./socket-options.ts";
import { checkAbortSignal, checkInteger, checkPort } from "./validate.ts";

/** Node's default. */
const DEFAULT_BACKLOG = 511;
/** After accept could not make a descriptor (EMFILE …), connections wait in the kernel for this long. */
const ACCEPT_PAUSE_MS = 100;

/** What `createServer` takes: Node's own options. */
export interface ServerOptions extends ServerOpts {
  /** Peers that are closed at once. */
  readonly blockList?: BlockList | undefined;
}

const ACCEPT_SHORTAGES: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOBUFS, ENOMEM]);

type ConnectionListener = (socket: Socket) => void;

/**
 * A TCP or unix server with the interface of `net.Server`. What differs is told in docs/guide/compat.md.
 *
 *     new Server((socket) => socket.pipe(socket)).listen(7007, "127.0.0.1");
 */
export class Server extends EventEmitter {
  maxConnections: number | undefined = undefined;
  /** As of Node 22; dropping is all that this server does with connections above the maximum. */
  dropMaxConnection = false;
  readonly allowHalfOpen: boolean;
  readonly pauseOnConnect: boolean;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly highWaterMark: number | undefined;
  readonly #blockList: BlockList | undefined;
  readonly #scope = new AsyncResource("PORTOLANSERVER", { requireManualDestroy: false });
  readonly #handler: SlotHandler = this.#makeHandler();
  #reactor: Reactor | undefined;
  #slot: Slot = 0;
  #listener: Listener | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isRef = true;
  /** Between a listen and its look-up's answer: a close meanwhile takes the listen back. */
  #generation = 0;
  #connections = 0;
  readonly #socketClosed = (): void => {
    this.#connections--;
    this.#emitCloseIfDrained();
  };

  constructor(options?: ServerOptions | ConnectionListener, connectionListener?: ConnectionListener) {
    super();
    const listener = typeof options === "function" ? options : connectionListener;
    if (options != null && typeof options !== "object" && typeof options !== "function") {
      throw invalidArgType("options", "an instance of Object", options);
    }
    const settings: ServerOptions = typeof options === "object" && options !== null ? options : {};
    const { highWaterMark } = settings;
    if (highWaterMark !== undefined) checkInteger(highWaterMark, "options.highWaterMark", 0, Number.MAX_SAFE_INTEGER);
    if (typeof listener === "function") this.on("connection", listener);
    this.allowHalfOpen = settings.allowHalfOpen ?? false;
    this.pauseOnConnect = Boolean(settings.pauseOnConnect);
    this.noDelay = Boolean(settings.noDelay);
    this.keepAlive = Boolean(settings.keepAlive);
    this.keepAliveInitialDelay = Math.trunc((settings.keepAliveInitialDelay ?? 0) / 1000);
    this.highWaterMark = highWaterMark;
    this.#blockList = settings.blockList;
  }

  /** Whether the server takes connections. */
  get listening(): boolean {
    return this.#listener !== undefined;
  }

  /** Starts to listen, with the arguments of Node's own; `listening` follows. */
  listen(port?: number | string, hostname?: string, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number | string, hostname?: string, listeningListener?: () => void): this;
  listen(port?: number | string, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number | string, listeningListener?: () => void): this;
  listen(path: string, backlog?: number, listeningListener?: () => void): this;
  listen(path: string, listeningListener?: () => void): this;
  listen(options: ListenOptions & { fd?: number; reusePort?: boolean }, listeningListener?: () => void): this;
  listen(listeningListener?: () => void): this;
  listen(...args: unknown[]): this {
    const [given, callback] = normalizeArguments(args);
    const options = given as ListenOptions & { fd?: number; reusePort?: boolean };
    if (this.#listener !== undefined) throw plainError("ERR_SERVER_ALREADY_LISTEN");
    if (callback !== null) this.once("listening", callback as () => void);
    const backlog = options.backlog || toNumber(args[1]) || toNumber(args[2]) || DEFAULT_BACKLOG;
    this.#closeOnAbort(options.signal);
    if (typeof options.fd === "number" && options.fd >= 0) {
      this.#start(() => openFd(options.fd as number, backlog), { address: null, port: options.fd });
      return this;
    }
    const hasNoPort = (options.port === undefined && "port" in options) || options.port === null;
    const port = args.length === 0 || typeof args[0] === "function" || hasNoPort ? 0 : (options.port as unknown);
    if (typeof port === "number" || typeof port === "string") {
      const number = checkPort(port, "options.port");
      const ipOptions = { backlog, ipv6Only: options.ipv6Only === true, reusePort: options.reusePort === true };
      if (options.host) this.#listenAtHost(options.host, number, ipOptions);
      else this.#start(() => openIp(undefined, number, ipOptions), { address: "::", port: number });
      return this;
    }
    if (isPath(options.path) && options.path !== "") {
      const { path, readableAll = false, writableAll = false } = options;
      this.#start(() => openPath(path, backlog, readableAll, writableAll), { address: path, port: -1 });
      return this;
    }
    const reason = "port" in options || "path" in options ? undefined : 'must have the property "port" or "path"';
    throw invalidArgValue("options", options, reason);
  }

  /** Takes no more connections; `close` follows when the last one has ended. */
  close(callback?: (error?: Error) => void): this {
    if (typeof callback === "function") {
      if (this.#listener === undefined) this.once("close", () => callback(plainError("ERR_SERVER_NOT_RUNNING")));
      else this.once("close", callback);
    }
    this.#generation++;
    if (this.#listener !== undefined) {
      clearTimeout(this.#retry);
      release(this.#listener.fd);
      this.#reactor?.close(this.#slot);
      this.#listener.removePath();
      this.#listener = undefined;
    }
    this.#emitCloseIfDrained();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#listener === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.close((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** The listener's descriptor, for `Socket.fromDuplicate` of `portolan`; -1 while there is none. Node's has no such thing. */
  get fd(): number {
    return this.#listener?.fd ?? -1;
  }

  /** Where the server listens: an address, a unix socket's path, or null while it does not. */
  address(): AddressInfo | string | null {
    if (this.#listener === undefined) return null;
    return this.#listener.path ?? ownName(this.#listener.fd) ?? null;
  }

  /** Tells how many connections are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#connections);
    return this;
  }

  /** Lets the server keep the process alive again, as it does from the start. */
  ref(): this {
    this.#isRef = true;
    this.#reactor?.background(this.#slot, false);
    return this;
  }

  /** Lets the process end although the server listens. */
  unref(): this {
    this.#isRef = false;
    this.#reactor?.background(this.#slot, true);
    return this;
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    checkAbortSignal(signal, "options.signal");
    const abort = (): void => void this.close();
    if (signal.aborted) {
      process.nextTick(abort);
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    this.once("close", () => signal.removeEventListener("abort", abort));
  }

  #listenAtHost(host: string, port: number, options: Parameters<typeof openIp>[2]): void {
    const generation = this.#generation;
    lookup(host, (error, address) => {
      if (generation !== this.#generation) return;
      if (error) this.emit("error", error);
      else this.#start(() => openIp(address, port, options), { address, port });
    });
  }

  #start(open: () => Listener | number, place: { address: string | null; port: number }): void {
    const listener = open();
    if (typeof listener === "number") {
      const error = explainedSystemError(-listener, "listen", place);
      process.nextTick(() => this.emit("error", error));
      return;
    }
    this.#listener = listener;
    this.#reactor = threadReactor();
    this.#slot = this.#reactor.attach(listener.fd, this.#handler);
    keep(listener.fd);
    if (!this.#isRef) this.#reactor.background(this.#slot, true);
    this.#reactor.accept(this.#slot);
    process.nextTick(() => {
      if (this.#listener === listener) this.#scope.runInAsyncScope(() => this.emit("listening"));
    });
  }

  #makeHandler(): SlotHandler {
    const ignore = (): void => {};
    return {
      accepted: (_slot, fd) => this.#scope.runInAsyncScope(this.#accepted, this, fd),
      failed: (_slot, errno) => this.#acceptFailed(errno),
      connected: ignore,
      received: ignore,
      ended: ignore,
      drained: ignore,
      ready: ignore,
    };
  }

  #accepted(fd: number): void {
    if (this.maxConnections !== undefined && this.maxConnections !== null && this.#connections >= this.maxConnections) {
      const data = describeConnection(fd);
      sys.close(fd);
      this.emit("drop", data);
      return;
    }
    if (this.#blockList !== undefined && this.#isBlocked(fd, this.#blockList)) {
      sys.close(fd);
      return;
    }
    const { highWaterMark } = this;
    const socket = new Socket(
      {
        allowHalfOpen: this.allowHalfOpen,
        ...(highWaterMark === undefined
          ? {}
          : { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark }),
      },
      new AcceptedDescriptor(fd, this.pauseOnConnect, this.#socketClosed),
    );
    if (this.noDelay) setNoDelay(fd, true);
    if (this.keepAlive) setKeepAlive(fd, true, this.keepAliveInitialDelay);
    this.#connections++;
    socket.server = this;
    this.emit("connection", socket);
  }

  #isBlocked(fd: number, blockList: BlockList): boolean {
    const peer = peerName(fd);
    return peer !== undefined && blockList.check(peer.address, peer.family === "IPv6" ? "ipv6" : "ipv4");
  }

  /**
   * The process is out of descriptors or memory. The connections wait in the kernel's queue meanwhile; Node closes them
   * instead. Any other failure is the listener's own.
   */
  #acceptFailed(errno: number): void {
    const generation = this.#generation;
    if (!ACCEPT_SHORTAGES.has(errno)) {
      this.#scope.runInAsyncScope(() => this.emit("error", systemError(errno, "accept")));
      return;
    }
    this.#retry = setTimeout(() => {
      if (generation === this.#generation) this.#reactor?.accept(this.#slot);
    }, ACCEPT_PAUSE_MS);
  }

  #emitCloseIfDrained(): void {
    if (this.#listener !== undefined || this.#connections > 0) return;
    process.nextTick(() => this.#scope.runInAsyncScope(() => this.emit("close")));
  }
}

function describeConnection(fd: number): DropArgument {
  const own = ownName(fd);
  const peer = peerName(fd);
  return {
    ...(own && { localAddress: own.address, localPort: own.port, localFamily: own.family }),
    ...(peer && { remoteAddress: peer.address, remotePort: peer.port, remoteFamily: peer.family }),
  };
}

/** With `captureRejections`, a listener's rejected promise ends the connection that it was about. */
function captureRejection(this: Server, error: Error, event: string | symbol, ...args: unknown[]): void {
  if (event === "connection" && args[0] instanceof Socket) args[0].destroy(error);
  else this.emit("error", error);
}
Reflect.set(Server.prototype, captureRejectionSymbol, captureRejection);

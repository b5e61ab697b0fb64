/** `net.Socket` over the reactor. */
import { AsyncResource } from "node:async_hooks";
import type {
  AddressInfo,
  ConnectOpts,
  NetConnectOpts,
  OnReadOpts,
  SocketConstructorOpts,
  SocketReadyState,
} from "node:net";
import { Duplex } from "node:stream";
import { EINVAL } from "../abi/index.ts";
import { aboutError, invalidArgType, invalidArgValue, plainError, systemError } from "./errors.ts";
import { ownName, peerName } from "./names.ts";
import { normalizeArguments } from "./net-arguments.ts";
import { type Connector, type ConnectRequest, startConnecting } from "./net-connect.ts";
import { isStreamSocket, isUnixSocket, makeNonBlocking, setKeepAlive, setNoDelay } from "./socket-options.ts";
import { checkDuration, checkFunction } from "./validate.ts";
import { Wire, type WireOwner } from "./wire.ts";

/** What the constructor takes beside Node's own options. */
export interface SocketOptions extends SocketConstructorOpts, ConnectOpts {
  readonly highWaterMark?: number | undefined;
  readonly readableHighWaterMark?: number | undefined;
  readonly writableHighWaterMark?: number | undefined;
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: number | undefined;
}

/** The onread option, its buffer always asked for. */
interface OnRead {
  readonly buffer: () => Uint8Array;
  readonly callback: OnReadOpts["callback"];
  isPaused: boolean;
  /** What came before the pause and is not delivered yet. */
  unread: Uint8Array | undefined;
}

type StreamCallback = (error?: Error | null) => void;

/** For sockets that the server makes. */
export class AcceptedDescriptor {
  readonly fd: number;
  readonly isPaused: boolean;
  /** Tells the server that the socket is closed. */
  readonly closed: () => void;

  constructor(fd: number, isPaused: boolean, closed: () => void) {
    this.fd = fd;
    this.isPaused = isPaused;
    this.closed = closed;
  }
}

/**
 * A TCP or unix stream connection with the interface of `net.Socket`. What differs is told in docs/guide/compat.md.
 *
 *     const socket = new Socket();
 *     socket.connect({ host: "127.0.0.1", port: 7007 }, () => socket.write("hello"));
 */
export class Socket extends Duplex {
  connecting = false;
  /** The limit of {@link Socket.setTimeout}, in milliseconds. */
  timeout: number | undefined = undefined;
  autoSelectFamilyAttemptedAddresses: string[] | undefined = undefined;
  /** The server that accepted this, for packages that look. */
  declare server?: unknown;
  readonly #scope = new AsyncResource("PORTOLANSOCKET", { requireManualDestroy: false });
  readonly #events: Connector & WireOwner;
  #wire: Wire | undefined;
  #tellServer: (() => void) | undefined;
  #onRead: OnRead | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  #isRef = true;
  #wantsReset = false;
  #noDelay: boolean | undefined;
  #keepAlive: { readonly isOn: boolean; readonly delaySeconds: number } | undefined;
  #ownName: AddressInfo | undefined;
  #peerName: AddressInfo | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isTimerDue = false;
  #lastActiveMs = 0;

  constructor(options?: SocketOptions | number, accepted?: AcceptedDescriptor) {
    const settings = checkSettings(typeof options === "number" ? { fd: options } : (options ?? {}));
    super({
      ...settings,
      allowHalfOpen: Boolean(settings.allowHalfOpen),
      emitClose: false,
      autoDestroy: true,
    } as ConstructorParameters<typeof Duplex>[0]);
    this.#events = this.#makeEvents();
    if (settings.noDelay !== undefined) this.#noDelay = Boolean(settings.noDelay);
    if (settings.keepAlive !== undefined) {
      this.#keepAlive = { isOn: Boolean(settings.keepAlive), delaySeconds: seconds(settings.keepAliveInitialDelay) };
    }
    this.#takeOnRead(settings.onread);
    this.on("end", () => {
      if (!this.allowHalfOpen) this.write = writeAfterEnd;
    });
    if (accepted !== undefined) {
      this.#tellServer = accepted.closed;
      this.#newWire(accepted.fd);
      if (accepted.isPaused) this.pause();
      else this.read(0);
    } else if (settings.fd !== undefined) {
      this.#newWire(adopt(settings.fd));
      if (settings.readable !== false) this.read(0);
    }
  }

  /** Whether there is no connection yet. */
  get pending(): boolean {
    return this.#wire === undefined || this.connecting;
  }

  /** `opening`, `open`, `readOnly`, `writeOnly` or `closed`. */
  get readyState(): SocketReadyState {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes written so far, those included that still wait to be sent. */
  get bytesWritten(): number {
    return this.#bytesWritten + this.writableLength;
  }

  /**
   * Bytes that wait to be sent.
   * @deprecated as in Node, in favour of `writableLength`.
   */
  get bufferSize(): number | undefined {
    return this.#wire === undefined ? undefined : this.writableLength;
  }

  /** The peer's address, such as `127.0.0.1`. */
  get remoteAddress(): string | undefined {
    return this.#remote()?.address;
  }

  /** `IPv4` or `IPv6`, of the peer's address. */
  get remoteFamily(): string | undefined {
    return this.#remote()?.family;
  }

  /** The peer's port. */
  get remotePort(): number | undefined {
    return this.#remote()?.port;
  }

  /** The own address. */
  get localAddress(): string | undefined {
    return this.#local()?.address;
  }

  /** `IPv4` or `IPv6`, of the own address. */
  get localFamily(): string | undefined {
    return this.#local()?.family;
  }

  /** The own port. */
  get localPort(): number | undefined {
    return this.#local()?.port;
  }

  /** The own address, family and port; empty while there are none. */
  address(): AddressInfo | Record<string, never> {
    return this.#local() ?? {};
  }

  /** Connects, with the arguments of Node's own; `connect` follows, or `error`. */
  connect(options: NetConnectOpts | ConnectRequest, connectListener?: () => void): this;
  connect(port: number | string, host: string, connectListener?: () => void): this;
  connect(port: number | string, connectListener?: () => void): this;
  connect(path: string, connectListener?: () => void): this;
  connect(...args: unknown[]): this {
    const [options, callback] = normalizeArguments(args);
    const request = options as ConnectRequest & SocketOptions;
    if (request.port === undefined && request.path == null) throw plainError("ERR_MISSING_ARGS");
    if (this.write === writeAfterEnd) this.write = Socket.prototype.write;
    if (this.destroyed) this.#revive();
    this.#takeOnRead(request.onread);
    if (request.noDelay !== undefined) this.#noDelay = Boolean(request.noDelay);
    if (request.keepAlive !== undefined) {
      this.#keepAlive = { isOn: Boolean(request.keepAlive), delaySeconds: seconds(request.keepAliveInitialDelay) };
    }
    if (callback !== null) this.once("connect", callback as () => void);
    this.#touch();
    this.connecting = true;
    try {
      startConnecting(this.#events, request);
    } catch (error) {
      this.connecting = false;
      throw error;
    }
    return this;
  }

  /** Emits `timeout` after so many milliseconds without traffic; 0 for never. */
  setTimeout(timeout: number, callback?: () => void): this {
    if (this.destroyed) return this;
    const timeoutMs = checkDuration(timeout, "msecs");
    if (callback !== undefined) checkFunction(callback, "callback");
    this.timeout = timeout;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isTimerDue = false;
    if (timeoutMs === 0) {
      if (callback !== undefined) this.removeListener("timeout", callback);
      return this;
    }
    if (callback !== undefined) this.once("timeout", callback);
    this.#lastActiveMs = performance.now();
    this.#armTimer(timeoutMs);
    return this;
  }

  /** Whether small writes leave at once: TCP_NODELAY. */
  setNoDelay(noDelay?: boolean): this {
    this.#noDelay = noDelay === undefined ? true : Boolean(noDelay);
    if (this.#wire !== undefined && !this.connecting) setNoDelay(this.#wire.fd, this.#noDelay);
    return this;
  }

  /** Whether an idle connection is probed, and after how many milliseconds first: SO_KEEPALIVE, TCP_KEEPIDLE. */
  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#keepAlive = { isOn: Boolean(enable), delaySeconds: seconds(initialDelay) };
    if (this.#wire !== undefined && !this.connecting) {
      setKeepAlive(this.#wire.fd, this.#keepAlive.isOn, this.#keepAlive.delaySeconds);
    }
    return this;
  }

  /** Lets the socket keep the process alive again, as it does from the start. */
  ref(): this {
    this.#isRef = true;
    this.#wire?.setRef(true);
    return this;
  }

  /** Lets the process end although the socket is open. */
  unref(): this {
    this.#isRef = false;
    this.#wire?.setRef(false);
    return this;
  }

  /** The descriptor, for `Socket.fromDuplicate` of `portolan`; -1 while there is none. Node's own class has no such thing. */
  get fd(): number {
    return this.#wire?.fd ?? -1;
  }

  /** Destroys the socket once everything written has left. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", this.destroy);
  }

  /** Closes the connection with a reset. @throws ERR_INVALID_HANDLE_TYPE for what is no TCP connection. */
  resetAndDestroy(): this {
    if (this.#wire !== undefined && isUnixSocket(this.#wire.fd)) throw plainError("ERR_INVALID_HANDLE_TYPE");
    if (this.connecting) {
      this.once("connect", () => this.resetAndDestroy());
      return this;
    }
    if (this.#wire === undefined) return this.destroy(plainError("ERR_SOCKET_CLOSED"));
    this.#wantsReset = true;
    return this.destroy();
  }

  override pause(): this {
    if (this.#onRead !== undefined && !this.connecting) {
      this.#onRead.isPaused = true;
      this.#wire?.stopReading();
    }
    return super.pause();
  }

  override resume(): this {
    if (this.#onRead !== undefined && !this.connecting) this.#resumeOnRead(this.#onRead);
    return super.resume();
  }

  override read(size?: number): unknown {
    if (this.#onRead !== undefined && !this.connecting) this.#resumeOnRead(this.#onRead);
    return super.read(size);
  }

  override _read(): void {
    if (this.connecting || this.#wire === undefined) this.once("connect", this._read);
    else this.#wire.startReading();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: StreamCallback): void {
    const wire = this.#readyToWrite(callback, () => this._write(chunk, _encoding, callback));
    wire?.write(chunk, (errno) => this.#written(chunk.length, errno, callback));
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: StreamCallback): void {
    const wire = this.#readyToWrite(callback, () => this._writev(chunks, callback));
    if (wire === undefined) return;
    let length = 0;
    const pieces = chunks.map(({ chunk }) => {
      length += chunk.length;
      return chunk;
    });
    wire.writeAll(pieces, (errno) => this.#written(length, errno, callback));
  }

  override _final(callback: StreamCallback): void {
    if (this.connecting) this.once("connect", () => this._final(callback));
    else if (this.#wire === undefined) callback();
    else this.#wire.finish((errno) => callback(errno === 0 ? null : systemError(errno, "shutdown")));
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.connecting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isTimerDue = false;
    const wire = this.#wire;
    this.#wire = undefined;
    this.#ownName = undefined;
    if (this.#wantsReset) wire?.reset();
    else wire?.close();
    callback(error);
    // 'error' is emitted in the next tick, and 'close' comes after it.
    if (wire === undefined) process.nextTick(() => this.emit("close", false));
    else
      setImmediate(() => this.#scope.runInAsyncScope(() => this.emit("close", error !== null && error !== undefined)));
    this.#tellServer?.();
    this.#tellServer = undefined;
  }

  /** A socket may be connected again once it is closed. */
  #revive(): void {
    // Of Node's own streams, for net.Socket's sake: nothing else can make a destroyed stream new.
    (this as unknown as { _undestroy(): void })._undestroy();
    this.#ownName = undefined;
    this.#peerName = undefined;
    this.#wantsReset = false;
    this.#bytesRead = 0;
    this.#bytesWritten = 0;
  }

  #local(): AddressInfo | undefined {
    if (this.#wire !== undefined) this.#ownName ??= ownName(this.#wire.fd);
    return this.#ownName;
  }

  /** Kept after the end, for whoever writes a log then. */
  #remote(): AddressInfo | undefined {
    if (this.#wire !== undefined && !this.connecting) this.#peerName ??= peerName(this.#wire.fd);
    return this.#peerName;
  }

  #newWire(fd: number): Wire {
    this.#wire?.close();
    const wire = new Wire(fd, this.#events, this.#scope);
    this.#wire = wire;
    if (!this.#isRef) wire.setRef(false);
    return wire;
  }

  /** What the wire and the connecting call; kept apart so that it is no part of the public class. */
  #makeEvents(): Connector & WireOwner {
    const socket = this;
    return {
      get connecting() {
        return socket.connecting;
      },
      get autoSelectFamilyAttemptedAddresses() {
        return socket.autoSelectFamilyAttemptedAddresses;
      },
      set autoSelectFamilyAttemptedAddresses(addresses) {
        socket.autoSelectFamilyAttemptedAddresses = addresses;
      },
      emit: (event, ...args) => socket.emit(event, ...args),
      newWire: (fd) => socket.#newWire(fd),
      dropWire: () => {
        socket.#wire?.close();
        socket.#wire = undefined;
      },
      connectionMade: () => socket.#connected(),
      connectionFailed: (error) => {
        socket.connecting = false;
        socket.destroy(error);
      },
      wireReceived: (bytes, start, end) => socket.#received(bytes, start, end),
      wireReceivedOwn: (bytes) => socket.#receivedOwn(bytes),
      wireEnded: () => socket.#ended(),
      wireFailed: (errno, syscall) => socket.destroy(systemError(errno, syscall)),
    };
  }

  #connected(): void {
    const fd = (this.#wire as Wire).fd;
    this.connecting = false;
    this.#touch();
    if (this.#noDelay === true) setNoDelay(fd, true);
    if (this.#keepAlive?.isOn) setKeepAlive(fd, true, this.#keepAlive.delaySeconds);
    this.emit("connect");
    this.emit("ready");
    if (this.#wire !== undefined && !this.isPaused()) this.read(0);
  }

  #received(bytes: Uint8Array, start: number, end: number): void {
    this.#bytesRead += end - start;
    if (this.#timer !== undefined || this.#isTimerDue) this.#touch();
    if (this.#onRead !== undefined) {
      this.#deliver(this.#onRead, bytes.subarray(start, end));
      return;
    }
    // The reactor's bytes are good for this call only.
    const chunk = Buffer.allocUnsafe(end - start);
    chunk.set(bytes.subarray(start, end));
    if (!this.push(chunk)) this.#wire?.stopReading();
  }

  #receivedOwn(bytes: Buffer): void {
    this.#bytesRead += bytes.length;
    if (this.#timer !== undefined || this.#isTimerDue) this.#touch();
    if (this.#onRead !== undefined) this.#deliver(this.#onRead, bytes);
    else if (!this.push(bytes)) this.#wire?.stopReading();
  }

  #ended(): void {
    if (this.#timer !== undefined || this.#isTimerDue) this.#touch();
    this.push(null);
    this.read(0);
  }

  #readyToWrite(callback: StreamCallback, again: () => void): Wire | undefined {
    if (this.connecting) {
      const closed = (): void => callback(plainError("ERR_SOCKET_CLOSED_BEFORE_CONNECTION"));
      this.once("close", closed);
      this.once("connect", () => {
        this.off("close", closed);
        again();
      });
      return undefined;
    }
    if (this.#wire === undefined) callback(plainError("ERR_SOCKET_CLOSED"));
    else if (this.#timer !== undefined || this.#isTimerDue) this.#touch();
    return this.#wire;
  }

  #written(length: number, errno: number, callback: StreamCallback): void {
    // Given to the kernel, taken or not: so Node counts.
    this.#bytesWritten += length;
    if (errno === 0) {
      if (this.#timer !== undefined || this.#isTimerDue) this.#touch();
      callback();
      return;
    }
    callback(systemError(errno, "write"));
  }

  // The onread option: received bytes go into the program's own buffer.

  #takeOnRead(onread: OnReadOpts | undefined): void {
    if (onread === null || typeof onread !== "object" || typeof onread.callback !== "function") return;
    const { buffer, callback } = onread;
    if (typeof buffer !== "function" && !(buffer instanceof Uint8Array)) return;
    const ask = typeof buffer === "function" ? buffer : () => buffer;
    this.#onRead = { buffer: ask, callback, isPaused: false, unread: undefined };
  }

  /** Fills the buffer as often as it takes; the rest is kept while the program has paused. */
  #deliver(onRead: OnRead, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const room = onRead.buffer();
      const length = Math.min(room.length, bytes.length - from);
      room.set(bytes.subarray(from, from + length));
      from += length;
      const goesOn = onRead.callback.call(this as never, length, room) as unknown;
      if (this.#wire === undefined) return;
      if (goesOn === false) onRead.isPaused = true;
      if (!onRead.isPaused) continue;
      this.#wire.stopReading();
      // A slice, because the reactor's bytes are good for this call only.
      if (from < bytes.length) onRead.unread = bytes.slice(from);
      return;
    }
  }

  #resumeOnRead(onRead: OnRead): void {
    if (onRead.unread === undefined) this.#wire?.startReading();
    // As bytes from the kernel would: in a turn of their own, however often the program asks until then.
    else if (onRead.isPaused) setImmediate(() => this.#deliverUnread(onRead));
    onRead.isPaused = false;
  }

  #deliverUnread(onRead: OnRead): void {
    const { unread } = onRead;
    if (this.#wire === undefined || onRead.isPaused || unread === undefined) return;
    onRead.unread = undefined;
    this.#deliver(onRead, unread);
    if (!onRead.isPaused) this.#wire?.startReading();
  }

  // The timeout. What happens only notes the time; the timer looks at it when it runs out.

  #touch(): void {
    this.#lastActiveMs = performance.now();
    if (!this.#isTimerDue) return;
    this.#isTimerDue = false;
    if (this.timeout) this.#armTimer(this.timeout);
  }

  #armTimer(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const leftMs = this.#lastActiveMs + (this.timeout ?? 0) - performance.now();
      if (leftMs > 1) {
        this.#armTimer(leftMs);
        return;
      }
      this.#isTimerDue = true;
      this.emit("timeout");
    }, afterMs);
    this.#timer.unref();
  }
}

/** The peer has ended, and with it this side: what is written now reaches nobody. */
function writeAfterEnd(this: Socket, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  if (!this.writableEnded) return Reflect.apply(Duplex.prototype.write, this, [chunk, encoding, callback]);
  const done = typeof encoding === "function" ? encoding : callback;
  const error = Object.assign(new Error("This socket has been ended by the other party"), { code: "EPIPE" });
  if (typeof done === "function") process.nextTick(done, error);
  this.destroy(error);
  return false;
}

function checkSettings(settings: SocketOptions): SocketOptions {
  for (const name of ["objectMode", "readableObjectMode", "writableObjectMode"]) {
    if (Reflect.get(settings, name)) throw invalidArgValue(`options.${name}`, true, "is not supported");
  }
  if (settings.fd !== undefined && typeof settings.fd !== "number") {
    throw invalidArgType("options.fd", "of type number", settings.fd);
  }
  return settings;
}

/** Takes a descriptor over from the program. @throws ERR_INVALID_FD_TYPE for what is no stream socket */
function adopt(fd: number): number {
  if (!Number.isInteger(fd) || fd < 0) throw aboutError(RangeError, "ERR_OUT_OF_RANGE", `"fd" is no descriptor: ${fd}`);
  if (!isStreamSocket(fd)) throw aboutError(TypeError, "ERR_INVALID_FD_TYPE", `Unsupported fd type: ${fd}`);
  if (makeNonBlocking(fd) < 0) throw systemError(EINVAL, "open");
  return fd;
}

/** Node takes milliseconds, the kernel seconds. */
function seconds(milliseconds: number | undefined): number {
  return Math.trunc((milliseconds ?? 0) / 1000);
}

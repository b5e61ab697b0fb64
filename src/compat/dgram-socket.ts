/** `dgram.Socket` over the reactor. */
import { AsyncResource } from "node:async_hooks";
import type { RemoteInfo, SocketOptions, SocketType } from "node:dgram";
import { type LookupOneOptions, lookup as systemLookup } from "node:dns";
import { EventEmitter } from "node:events";
import { type AddressInfo, type BlockList, isIPv4, isIPv6 } from "node:net";
import {
  AF_INET,
  AF_INET6,
  EBADF,
  EINVAL,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { readSendArguments, type SendCallback, type SendRequest } from "./dgram-arguments.ts";
import * as dgramOptions from "./dgram-options.ts";
import { type DatagramOwner, DatagramWire } from "./dgram-wire.ts";
import { aboutError, bufferSizeError, invalidArgType, plainError, systemError } from "./errors.ts";
import { ipSockaddr, ownName, peerName } from "./names.ts";
import { getInt, isDatagramSocket, makeNonBlocking, setInt } from "./socket-options.ts";
import { checkAbortSignal, checkFunction, checkNumber, checkPort, checkString } from "./validate.ts";

/** What `message` listeners get: the datagram, and who sent it. */
export type RemoteListener = (message: Buffer, from: RemoteInfo) => void;

/** Node's own options, with those of newer versions than its types tell of. */
export interface DatagramSocketOptions extends SocketOptions {
  readonly reusePort?: boolean | undefined;
  readonly receiveBlockList?: BlockList | undefined;
  readonly sendBlockList?: BlockList | undefined;
}

/** Where to bind, as an object. */
export interface BindRequest {
  readonly port?: number | undefined;
  readonly address?: string | undefined;
  readonly exclusive?: boolean | undefined;
  readonly fd?: number | undefined;
}

type AddressCallback = (error: Error | null, address: string) => void;
type BindState = "unbound" | "binding" | "bound";
type ConnectState = "disconnected" | "connecting" | "connected";

/** Calls of `send` and `connect` that may wait for `bind`. */
const MAX_WAITING_CALLS = 65_536;

/** A UDP socket with the interface of `dgram.Socket`. Made by `createSocket`. */
export class Socket extends EventEmitter {
  readonly type: SocketType;
  readonly #options: DatagramSocketOptions;
  readonly #isV6: boolean;
  readonly #scope = new AsyncResource("PORTOLANUDP", { requireManualDestroy: false });
  readonly #owner: DatagramOwner;
  #wire: DatagramWire | undefined;
  #isClosed = false;
  #isRef = true;
  #bindState: BindState = "unbound";
  #connectState: ConnectState = "disconnected";
  /** What was asked for before the socket was bound. */
  #waiting: (() => void)[] = [];

  constructor(options: SocketType | DatagramSocketOptions, listener?: RemoteListener) {
    super();
    this.#options = typeof options === "object" && options !== null ? options : { type: options };
    const { type, lookup, signal } = this.#options;
    if (type !== "udp4" && type !== "udp6") throw plainError("ERR_SOCKET_BAD_TYPE");
    if (lookup !== undefined) checkFunction(lookup, "lookup");
    if (typeof listener === "function") this.on("message", listener);
    this.type = type;
    this.#isV6 = type === "udp6";
    this.#owner = this.#makeOwner();
    if (signal !== undefined) this.#closeOnAbort(signal);
  }

  /** Binds, and starts to receive; `listening` follows. Without a port the kernel chooses one. */
  bind(port?: number, address?: string, callback?: () => void): this;
  bind(port?: number, callback?: () => void): this;
  bind(callback?: () => void): this;
  bind(options: BindRequest, callback?: () => void): this;
  bind(...args: unknown[]): this {
    this.#checkOpen();
    if (this.#bindState !== "unbound") throw plainError("ERR_SOCKET_ALREADY_BOUND");
    const [first, second] = args;
    const callback = args.at(-1);
    const request: BindRequest =
      typeof first === "object" && first !== null
        ? (first as BindRequest)
        : { port: first as number, address: second as string };
    const port = typeof request.port === "function" ? 0 : checkPort(request.port ?? 0);
    if (typeof callback === "function") this.#onceListening(callback as () => void);
    this.#bindState = "binding";
    if (typeof request.fd === "number" && request.fd > 0) {
      this.#bindFd(request.fd);
      return this;
    }
    const address = typeof request.address === "string" && request.address !== "" ? request.address : this.#any();
    this.#lookup(address, (error, ip) => {
      if (this.#isClosed) return;
      const failure = error ?? this.#bindTo(ip, port);
      if (failure === null) {
        this.#startReceiving();
        return;
      }
      this.#bindState = "unbound";
      this.emit("error", failure);
    });
    return this;
  }

  /** Tells the socket whom to send to and to hear from; `connect` follows. connect(2) */
  connect(port: number, address?: string, callback?: () => void): void;
  connect(port: number, callback: () => void): void;
  connect(port: number, address?: unknown, callback?: unknown): void {
    const number = checkPort(port, "Port", false);
    const done = (typeof address === "function" ? address : callback) as ((error?: Error) => void) | undefined;
    const host = typeof address === "function" || address === undefined ? "" : address;
    checkString(host, "address");
    if (this.#connectState !== "disconnected") throw plainError("ERR_SOCKET_DGRAM_IS_CONNECTED");
    this.#checkOpen();
    this.#connectState = "connecting";
    if (this.#bindState === "unbound") this.bind({ port: 0, exclusive: true });
    this.#whenBound(() => {
      if (typeof done === "function") this.once("connect", done);
      this.#lookup(host || this.#loopback(), (error, ip) => this.#connectTo(error, ip, host, number, done));
    });
  }

  /**
   * Takes the peer away.
   * @throws ERR_SOCKET_DGRAM_NOT_CONNECTED
   */
  disconnect(): void {
    if (this.#connectState !== "connected") throw plainError("ERR_SOCKET_DGRAM_NOT_CONNECTED");
    // A family of AF_UNSPEC dissolves the association. connect(2)
    this.#check("connect", sys.connect(this.fd, new Uint8Array(16), 16));
    this.#connectState = "disconnected";
  }

  /** Sends one datagram, of one piece or of several, as Node's own takes its arguments. Binds first, if need be. */
  send(message: unknown, ...args: unknown[]): void {
    const isConnected = this.#connectState === "connected";
    const request = readSendArguments([message, ...args], isConnected);
    const port = isConnected ? 0 : checkPort(request.port, "Port", false);
    if (request.address != null) checkString(request.address, "address");
    this.#checkOpen();
    if (this.#bindState === "unbound") this.bind({ port: 0, exclusive: true });
    if (this.#bindState === "bound") this.#sendNow(request, port);
    else this.#whenBound(() => this.#sendNow(request, port));
  }

  /** Closes the socket; `close` follows. */
  close(callback?: () => void): this {
    if (typeof callback === "function") this.on("close", callback);
    if (this.#bindState === "binding") {
      this.#whenBound(() => void this.close());
      return this;
    }
    this.#checkOpen();
    this.#isClosed = true;
    this.#wire?.close();
    this.#wire = undefined;
    process.nextTick(() => this.#scope.runInAsyncScope(() => this.emit("close")));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => this.close(resolve));
  }

  /** The descriptor, for `Socket.fromDuplicate` of `portolan`; -1 while there is none. Node's own class has no such thing. */
  get fd(): number {
    return this.#wire?.fd ?? -1;
  }

  /** The address that the socket is bound to. getsockname(2) */
  address(): AddressInfo {
    this.#checkOpen();
    const name = this.#wire === undefined ? undefined : ownName(this.#wire.fd);
    if (name === undefined) throw systemError(EBADF, "getsockname");
    return name;
  }

  /**
   * The address of the peer of `connect`. getpeername(2)
   * @throws ERR_SOCKET_DGRAM_NOT_CONNECTED
   */
  remoteAddress(): AddressInfo {
    this.#checkOpen();
    if (this.#connectState !== "connected") throw plainError("ERR_SOCKET_DGRAM_NOT_CONNECTED");
    const name = peerName(this.fd);
    if (name === undefined) throw systemError(EBADF, "getpeername");
    return name;
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

  /** Allows to send to broadcast addresses: SO_BROADCAST. */
  setBroadcast(flag: boolean): void {
    this.#check(
      "setBroadcast",
      this.#onFd((fd) => dgramOptions.setBroadcast(fd, Boolean(flag))),
    );
  }

  /** How many routers a datagram may pass, 1 to 255: IP_TTL. */
  setTTL(ttl: number): number {
    checkNumber(ttl, "ttl");
    this.#check("setTTL", isWithin(ttl, 1) ? this.#onFd((fd) => dgramOptions.setTtl(fd, this.#isV6, ttl)) : -EINVAL);
    return ttl;
  }

  /** The same of datagrams to groups, 0 to 255: IP_MULTICAST_TTL. */
  setMulticastTTL(ttl: number): number {
    checkNumber(ttl, "ttl");
    this.#check(
      "setMulticastTTL",
      isWithin(ttl, 0) ? this.#onFd((fd) => dgramOptions.setMulticastTtl(fd, this.#isV6, ttl)) : -EINVAL,
    );
    return ttl;
  }

  /** Whether datagrams to groups come back to this machine: IP_MULTICAST_LOOP. */
  setMulticastLoopback(flag: boolean): boolean {
    const result = this.#onFd((fd) => dgramOptions.setMulticastLoopback(fd, this.#isV6, Boolean(flag)));
    this.#check("setMulticastLoopback", result);
    return flag;
  }

  /** Where datagrams to groups leave: an address of the interface, or with IPv6 `::%` and its name. IP_MULTICAST_IF */
  setMulticastInterface(multicastInterface: string): void {
    this.#checkOpen();
    checkString(multicastInterface, "interfaceAddress");
    const result = this.#onFd((fd) => dgramOptions.setMulticastInterface(fd, this.#isV6, multicastInterface));
    this.#check("setMulticastInterface", result);
  }

  /** Joins a group: IP_ADD_MEMBERSHIP. */
  addMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#changeMembership("addMembership", true, multicastAddress, multicastInterface);
  }

  /** Leaves a group: IP_DROP_MEMBERSHIP. */
  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#changeMembership("dropMembership", false, multicastAddress, multicastInterface);
  }

  /** Joins a group for what one source sends: MCAST_JOIN_SOURCE_GROUP. */
  addSourceSpecificMembership(sourceAddress: string, groupAddress: string, multicastInterface?: string): void {
    this.#changeSource("addSourceSpecificMembership", true, sourceAddress, groupAddress, multicastInterface);
  }

  /** Leaves it: MCAST_LEAVE_SOURCE_GROUP. */
  dropSourceSpecificMembership(sourceAddress: string, groupAddress: string, multicastInterface?: string): void {
    this.#changeSource("dropSourceSpecificMembership", false, sourceAddress, groupAddress, multicastInterface);
  }

  /** What the kernel reserves, in bytes: twice what was set. socket(7) */
  getRecvBufferSize(): number {
    return this.#bufferSize(SO_RCVBUF, "uv_recv_buffer_size");
  }

  /** The kernel's room for what is to leave, in bytes: SO_SNDBUF. */
  getSendBufferSize(): number {
    return this.#bufferSize(SO_SNDBUF, "uv_send_buffer_size");
  }

  /** Asks for such room; the kernel doubles the number: SO_RCVBUF. */
  setRecvBufferSize(size: number): void {
    this.#setBufferSize(SO_RCVBUF, "uv_recv_buffer_size", size);
  }

  /** Asks for such room; the kernel doubles the number: SO_SNDBUF. */
  setSendBufferSize(size: number): void {
    this.#setBufferSize(SO_SNDBUF, "uv_send_buffer_size", size);
  }

  /** Bytes that wait to be sent. */
  getSendQueueSize(): number {
    return this.#wire?.queueBytes ?? 0;
  }

  /** Datagrams that wait to be sent. */
  getSendQueueCount(): number {
    return this.#wire?.queueCount ?? 0;
  }

  // Binding and connecting.

  #closeOnAbort(signal: AbortSignal): void {
    checkAbortSignal(signal, "options.signal");
    const abort = (): void => {
      if (!this.#isClosed) this.close();
    };
    if (signal.aborted) {
      process.nextTick(abort);
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    this.once("close", () => signal.removeEventListener("abort", abort));
  }

  #onceListening(callback: () => void): void {
    const forget = (): void => {
      this.off("error", forget);
      this.off("listening", listening);
    };
    const listening = (): void => {
      forget();
      callback.call(this);
    };
    this.on("error", forget);
    this.on("listening", listening);
  }

  #lookup(host: string, callback: AddressCallback): void {
    const lookup = this.#options.lookup ?? systemLookup;
    // A number, though the types of the option tell of an object: this is what Node's own passes.
    const family = (this.#isV6 ? 6 : 4) as unknown as LookupOneOptions;
    lookup(host, family, (error, address) => callback(error, address));
  }

  /** @returns null when it is bound. */
  #bindTo(address: string, port: number): Error | null {
    const fail = (errno: number): Error => systemError(errno, "bind", { address, port });
    const sockaddr = ipSockaddr(address, port, this.#isV6);
    if (sockaddr === undefined) return fail(EINVAL);
    const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = sys.socket(this.#isV6 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0) return fail(-fd);
    const { reuseAddr, reusePort, ipv6Only } = this.#options;
    let result = 0;
    if (reuseAddr) result = setInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result >= 0 && reusePort) result = setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result >= 0 && this.#isV6 && ipv6Only) result = setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result >= 0) result = sys.bind(fd, sockaddr, sockaddr.length);
    if (result < 0) {
      sys.close(fd);
      return fail(-result);
    }
    this.#take(fd);
    return null;
  }

  /** Joining a group binds an unbound socket to a port that the kernel chooses. */
  #bindImplicitly(): void {
    if (this.#bindState !== "unbound") return;
    const failure = this.#bindTo(this.#any(), 0);
    if (failure !== null) throw failure;
    this.#bindState = "bound";
    process.nextTick(() => {
      if (!this.#isClosed) this.#startReceiving();
    });
  }

  #bindFd(fd: number): void {
    if (!isDatagramSocket(fd) || makeNonBlocking(fd) < 0) {
      this.#bindState = "unbound";
      throw aboutError(TypeError, "ERR_INVALID_FD_TYPE", `Unsupported fd type: ${fd}`);
    }
    this.#take(fd);
    this.#startReceiving();
  }

  #take(fd: number): void {
    this.#wire = new DatagramWire(fd, this.#owner, this.#scope);
    if (!this.#isRef) this.#wire.setRef(false);
  }

  #startReceiving(): void {
    this.#bindState = "bound";
    this.#wire?.start();
    const { recvBufferSize, sendBufferSize } = this.#options;
    if (recvBufferSize) this.setRecvBufferSize(recvBufferSize);
    if (sendBufferSize) this.setSendBufferSize(sendBufferSize);
    this.#scope.runInAsyncScope(() => this.emit("listening"));
    for (const call of this.#waiting.splice(0)) call();
  }

  #whenBound(call: () => void): void {
    if (this.#bindState === "bound") {
      call();
      return;
    }
    if (this.#waiting.length >= MAX_WAITING_CALLS) throw aboutError(Error, "ENOBUFS", "too many calls wait for bind");
    if (this.#waiting.length === 0) this.once("error", this.#dropWaiting);
    this.#waiting.push(call);
  }

  /** The bind failed: what waited for it has nothing to wait for. */
  readonly #dropWaiting = (): void => {
    if (this.#bindState !== "bound") this.#waiting.length = 0;
  };

  #connectTo(
    lookupError: Error | null,
    ip: string,
    host: string,
    port: number,
    done: ((error?: Error) => void) | undefined,
  ): void {
    if (this.#isClosed) return;
    let failure = lookupError;
    if (failure === null) {
      const sockaddr = ipSockaddr(ip, port, this.#isV6);
      const errno = sockaddr === undefined ? EINVAL : -sys.connect(this.fd, sockaddr, sockaddr.length);
      if (errno !== 0) failure = systemError(errno, "connect", { address: host || ip, port });
    }
    if (failure === null) {
      this.#connectState = "connected";
      process.nextTick(() => this.emit("connect"));
      return;
    }
    this.#connectState = "disconnected";
    const error = failure;
    process.nextTick(() => {
      if (typeof done !== "function") {
        this.emit("error", error);
        return;
      }
      this.off("connect", done);
      done(error);
    });
  }

  // Sending and receiving.

  #sendNow(request: SendRequest, port: number): void {
    if (this.#connectState === "connected") {
      this.#enqueue(request, undefined, "", 0);
      return;
    }
    const host = (request.address as string | null | undefined) || this.#loopback();
    const isNumeric = this.#isV6 ? isIPv6(host) : isIPv4(host);
    if (isNumeric && this.#options.lookup === undefined) this.#sendTo(request, host, host, port);
    else {
      this.#lookup(host, (error, ip) => {
        if (error === null) this.#sendTo(request, host, ip, port);
        else this.#sendFailed(request, error);
      });
    }
  }

  #sendTo(request: SendRequest, host: string, ip: string, port: number): void {
    if (this.#options.sendBlockList?.check(ip, this.#isV6 ? "ipv6" : "ipv4")) {
      const blocked = aboutError(Error, "ERR_IP_BLOCKED", `IP(${ip}) is blocked by net.BlockList`);
      if (typeof request.callback === "function") process.nextTick(request.callback as SendCallback, blocked, 0);
      return;
    }
    const sockaddr = ipSockaddr(ip, port, this.#isV6);
    if (sockaddr === undefined) this.#sendFailed(request, systemError(EINVAL, "send", { address: host, port }));
    else this.#enqueue(request, sockaddr, host, port);
  }

  #enqueue({ chunks, callback }: SendRequest, to: Uint8Array | undefined, address: string, port: number): void {
    if (this.#wire === undefined) return;
    let sizeBytes = 0;
    for (const chunk of chunks) sizeBytes += chunk.length;
    if (typeof callback !== "function") {
      // Nobody wants to know: as with Node's own, a datagram that the kernel refuses is lost like any other.
      this.#wire.send({ chunks, sizeBytes, to, done: undefined });
      return;
    }
    const done = AsyncResource.bind((errno: number): void => {
      if (errno === 0) (callback as SendCallback)(null, sizeBytes);
      else Reflect.apply(callback, undefined, [systemError(errno, "send", { address, port })]);
    });
    this.#wire.send({ chunks, sizeBytes, to, done });
  }

  #sendFailed({ callback }: SendRequest, error: Error): void {
    if (typeof callback === "function") process.nextTick(callback as SendCallback, error, 0);
    else process.nextTick(() => this.emit("error", error));
  }

  /** What the wire calls; kept apart so that it is no part of the public class. */
  #makeOwner(): DatagramOwner {
    return {
      datagramReceived: (message, from) => {
        const { receiveBlockList } = this.#options;
        if (receiveBlockList?.check(from.address, this.#isV6 ? "ipv6" : "ipv4")) return;
        this.emit("message", message, from);
      },
      receiveFailed: (errno) => {
        this.emit("error", systemError(errno, "recvmsg"));
      },
    };
  }

  // Options.

  #changeMembership(syscall: string, isJoin: boolean, group: string, at: string | undefined): void {
    this.#checkOpen();
    if (!group) throw aboutError(TypeError, "ERR_MISSING_ARGS", 'The "multicastAddress" argument must be specified');
    if (isJoin) this.#bindImplicitly();
    const result = this.#onFd((fd) => dgramOptions.changeMembership(fd, this.#isV6, isJoin, group, at));
    this.#check(syscall, result);
  }

  #changeSource(syscall: string, isJoin: boolean, source: string, group: string, at: string | undefined): void {
    this.#checkOpen();
    if (typeof source !== "string") throw invalidArgType("sourceAddress", "of type string", source);
    if (typeof group !== "string") throw invalidArgType("groupAddress", "of type string", group);
    if (isJoin) this.#bindImplicitly();
    const result = this.#onFd((fd) => dgramOptions.changeSourceMembership(fd, this.#isV6, isJoin, source, group, at));
    this.#check(syscall, result);
  }

  #bufferSize(option: number, call: string): number {
    const result = this.#onFd((fd) => getInt(fd, SOL_SOCKET, option));
    if (result < 0) throw bufferSizeError(-result, call);
    return result;
  }

  #setBufferSize(option: number, call: string, size: number): void {
    if (size >>> 0 !== size) throw plainError("ERR_SOCKET_BAD_BUFFER_SIZE");
    const result = this.#onFd((fd) => setInt(fd, SOL_SOCKET, option, size));
    if (result < 0) throw bufferSizeError(-result, call);
  }

  /** An unbound socket has no descriptor yet, and what a descriptor is needed for fails so. */
  #onFd(call: (fd: number) => number): number {
    return this.#wire === undefined ? -EBADF : call(this.#wire.fd);
  }

  #check(syscall: string, result: number): void {
    if (result < 0) throw systemError(-result, syscall);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw plainError("ERR_SOCKET_DGRAM_NOT_RUNNING");
  }

  #any(): string {
    return this.#isV6 ? "::" : "0.0.0.0";
  }

  #loopback(): string {
    return this.#isV6 ? "::1" : "127.0.0.1";
  }
}

/** Whether a number of hops is one, as libuv sees it before it asks the kernel. */
function isWithin(hops: number, least: number): boolean {
  return Math.trunc(hops) >= least && Math.trunc(hops) <= 255;
}

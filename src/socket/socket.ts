/** The class that everything here is about. */
import { setTimeout as delay } from "node:timers/promises";
import {
  AF_UNIX,
  EAGAIN,
  EALREADY,
  EINPROGRESS,
  EISCONN,
  F_DUPFD_CLOEXEC,
  MSG_DONTWAIT,
  MSG_WAITALL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../abi/index.ts";
import { close, connect, fcntl, socketpair } from "../sys/index.ts";
import { acceptEach, type ConnectionsOptions } from "./accepting.ts";
import { type AddressLike, addressDetails, toAddress, toSockaddr } from "./address.ts";
import { recvOnce, sendOnce, sleepSync, waitSync } from "./calls.ts";
import { DescriptorSocket } from "./descriptors.ts";
import { type Descriptor, descriptorNumber, foreignNumber, type NodeSocket, socketKind } from "./descriptors-state.ts";
import { attached } from "./detached.ts";
import { canceledError, checked, SystemError, timeoutError } from "./errors.ts";
import { Adopted } from "./handle.ts";
import { checkInt, type FamilyName, type TypeName, typeNumber } from "./names.ts";
import {
  AcceptOperation,
  type Bytes,
  ConnectOperation,
  type Datagram,
  nameKind,
  PollOperation,
  RecvFromOperation,
  RecvIntoOperation,
  RecvNewOperation,
  SendAllOperation,
  SendOperation,
  SendToOperation,
  toBytes,
} from "./operations.ts";
import {
  checkWait,
  deadlineOf,
  ERRORS,
  isAlwaysWritable,
  type Operation,
  PRIORITY,
  READABLE,
  type WaitOptions,
  WRITABLE,
} from "./waits.ts";

/** Limits and flags of a call that sends or receives. */
export interface TransferOptions extends WaitOptions {
  /** MSG_ constants. MSG_DONTWAIT and MSG_NOSIGNAL are always set; with MSG_DONTWAIT given, EAGAIN is an error. */
  readonly flags?: number | undefined;
}

/** Limits of a call that blocks the thread. */
export type SyncWaitOptions = Omit<WaitOptions, "signal">;
/** Limits and flags of a call that blocks the thread. */
export type SyncTransferOptions = Omit<TransferOptions, "signal">;

/** What {@link Socket.ready} waits for. */
export type Readiness = "readable" | "writable" | "priority" | "errors";

const DIRECTIONS = { readable: READABLE, writable: WRITABLE, priority: PRIORITY, errors: ERRORS } as const;
/** What {@link Socket.tryConnect} tells: C's names of what is no failure. */
export type ConnectOutcome = "connected" | "EINPROGRESS" | "EALREADY" | "EISCONN" | "EAGAIN";

const CONNECT_OUTCOMES: ReadonlyMap<number, ConnectOutcome> = new Map([
  [0, "connected"],
  [-EINPROGRESS, "EINPROGRESS"],
  [-EALREADY, "EALREADY"],
  [-EISCONN, "EISCONN"],
  [-EAGAIN, "EAGAIN"],
]);
/** struct sockaddr of family AF_UNSPEC, which is 0. */
const UNSPECIFIED = new Uint8Array(16);

const NONE: TransferOptions = Object.freeze({});
/** A unix listener whose queue is full cannot be waited for: connect(2) says EAGAIN, and is tried again this often. */
const FULL_QUEUE_PAUSE_MS = 5;

/**
 * A socket. Asynchronous by default; each `…Sync` twin blocks the thread instead.
 *
 *     using socket = new Socket("inet", "stream");
 *     await socket.connect("tcp://127.0.0.1:7007", { timeoutMs: 1000 });
 *     await socket.sendAll("hello\n");
 *     const answer = await socket.recv(512);
 *
 * A call that would block waits: for an asynchronous one, the thread's reactor watches the descriptor, and calls in one
 * direction are served in the order in which they were made, except that a synchronous call does not queue. Arguments
 * that cannot be are refused with TypeError or RangeError before any system call; failures of the kernel are
 * `SystemError`. A signal or a deadline that ends a wait leaves the socket usable.
 *
 * Sockets made here are non-blocking and close-on-exec. Being non-blocking belongs to the open file, which other
 * processes may share, so a descriptor from elsewhere is left as it is: sending and receiving ask not to block for the
 * one call (MSG_DONTWAIT); only accept and connect, which cannot, make it non-blocking at their first use.
 */
export class Socket extends DescriptorSocket {
  /**
   * Makes a socket. socket(2)
   * @param family `"inet"`, `"inet6"`, `"unix"` …, or an AF_ number.
   * @param type `"stream"`, `"dgram"`, `"seqpacket"`, `"raw"`, or a SOCK_ number.
   * @throws TypeError for a name that is none; SystemError EAFNOSUPPORT, EPROTONOSUPPORT, EPERM, EMFILE …
   */
  constructor(family: FamilyName | number, type: TypeName | number, protocol?: number);
  /** For accept, pair and from. */
  constructor(adopted: Adopted);
  constructor(family: FamilyName | number | Adopted, type: TypeName | number = SOCK_STREAM, protocol = 0) {
    super(family, type, protocol);
  }

  /**
   * Takes over an open descriptor, whose family, type, protocol and peer the kernel is asked for; `state` says what it
   * is doing. It is closed with this object. It is left blocking or not as it is; see the class.
   * @throws TypeError for what is no descriptor; SystemError EBADF or ENOTSOCK.
   */
  static from(fd: number): Socket {
    const number = descriptorNumber(fd);
    const { family, type, protocol, peer } = socketKind(number);
    return new Socket(new Adopted(number, family, type, protocol, false, peer));
  }

  /**
   * A second socket for the open file of a descriptor that stays its owner's: for options, addresses and state of a socket
   * that Node or another library has. Closing it leaves the other open; do not receive from it meanwhile. Python's
   * `fromfd`, by F_DUPFD_CLOEXEC of fcntl(2)
   *
   *     using twin = Socket.fromDuplicate(request.socket); // of node:http
   *     twin.setOption("TCP_USER_TIMEOUT", 10_000);
   *
   * @param descriptor a number, what has one as its `fd`, or a socket or server of `node:net`, `node:tls` or `node:dgram`.
   * @throws TypeError for what has no descriptor; SystemError EBADF for what is closed or not connected yet, ENOTSOCK,
   * EMFILE.
   */
  static fromDuplicate(descriptor: Descriptor | NodeSocket): Socket {
    const fd = checked("fcntl", fcntl(foreignNumber(descriptor), F_DUPFD_CLOEXEC), { subject: "F_DUPFD_CLOEXEC" });
    try {
      return Socket.from(fd);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /** Two unix sockets connected with each other. socketpair(2) */
  static pair(type: TypeName | number = "stream", protocol = 0): [Socket, Socket] {
    const fds = new Int32Array(2);
    const number = typeNumber(type);
    checkInt("a protocol", protocol);
    checked("socketpair", socketpair(AF_UNIX, number | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol, fds));
    const adopt = (fd: number): Socket => new Socket(new Adopted(fd, AF_UNIX, number, protocol, true, undefined));
    return [adopt(fds[0] as number), adopt(fds[1] as number)];
  }

  /**
   * The next connection. accept4(2)
   * @throws SystemError EINVAL when the socket does not listen, EMFILE, ETIMEDOUT, ECANCELED; the signal's reason.
   */
  async accept(options: WaitOptions = NONE): Promise<Socket> {
    this.nonBlockingDescriptor("accept");
    const operation = new AcceptOperation();
    return this.#accepted(await this.perform(operation, options), operation.peer);
  }

  /** {@link Socket.accept}, blocking the thread. */
  acceptSync(options: SyncWaitOptions = NONE): Socket {
    this.nonBlockingDescriptor("accept");
    const operation = new AcceptOperation();
    return this.#accepted(this.performSync(operation, options), operation.peer);
  }

  /** A connection that waits already, or undefined. */
  tryAccept(): Socket | undefined {
    this.nonBlockingDescriptor("accept");
    const operation = new AcceptOperation();
    const fd = this.performNow(operation);
    return fd === undefined ? undefined : this.#accepted(fd, operation.peer);
  }

  /**
   * Accepts connections until the socket is closed, one after the other. Leaving the loop leaves the listener open.
   *
   * A passing shortage (EMFILE, ENFILE, ENOBUFS, ENOMEM) does not end it: connections wait in the kernel's queue, and
   * accepting rests for {@link FIRST_SHORTAGE_PAUSE_MS}, doubling up to {@link LONGEST_SHORTAGE_PAUSE_MS}. `onShortage`
   * hears of each; without it the process is warned.
   *
   *     const onShortage = (error: Error, pauseMs: number) => console.error(error.message, "next try in", pauseMs, "ms");
   *     for await (const connection of listener.connections({ onShortage })) connection.close();
   *
   * @throws as {@link Socket.accept}, but for shortages; what `onShortage` throws.
   */
  connections(options: ConnectionsOptions = NONE): AsyncGenerator<Socket, void, undefined> {
    return acceptEach(this, options, () => this.leaving);
  }

  /** {@link Socket.connections}: `for await (const connection of listener)`. */
  [Symbol.asyncIterator](): AsyncGenerator<Socket, void, undefined> {
    return this.connections();
  }

  /**
   * Connects; a datagram socket is only told whom to send to and hear from. connect(2)
   *
   * A wait that is aborted or times out does not take the attempt back: the kernel goes on with it, and another
   * `connect` meanwhile fails with EALREADY. Close the socket to give up.
   * @throws SystemError ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EISCONN …
   */
  async connect(address: AddressLike, options: WaitOptions = NONE): Promise<void> {
    this.nonBlockingDescriptor("connect");
    checkWait(options);
    const operation = new ConnectOperation(toSockaddr(address), addressDetails(toAddress(address)));
    const startMs = performance.now();
    const endMs = deadlineOf(options, startMs);
    let result = operation.start(this.descriptor("connect"));
    while (this.#isQueueFull(result)) {
      if (performance.now() >= endMs) throw timeoutError("connect", endMs - startMs, operation.describe());
      await delay(FULL_QUEUE_PAUSE_MS);
      options.signal?.throwIfAborted();
      if (this.closed) throw canceledError("connect");
      result = operation.start(this.descriptor("connect"));
    }
    if (result === -EINPROGRESS) result = await this.waits.wait(operation, options, startMs);
    this.#connected(result, operation);
  }

  /** {@link Socket.connect}, blocking the thread. */
  connectSync(address: AddressLike, options: SyncWaitOptions = NONE): void {
    const fd = this.nonBlockingDescriptor("connect");
    checkWait(options);
    const operation = new ConnectOperation(toSockaddr(address), addressDetails(toAddress(address)));
    const startMs = performance.now();
    const endMs = deadlineOf(options, startMs);
    let result = operation.start(fd);
    while (this.#isQueueFull(result)) {
      if (performance.now() >= endMs) throw timeoutError("connect", endMs - startMs, operation.describe());
      sleepSync(FULL_QUEUE_PAUSE_MS);
      result = operation.start(fd);
    }
    if (result === -EINPROGRESS) result = this.#waitSync(fd, operation, options, startMs);
    this.#connected(result, operation);
  }

  /**
   * Starts to connect, and tells how far that went instead of waiting: what connect(2) does on a non-blocking socket.
   * `"EINPROGRESS"`: the handshake is under way; once the socket is writable, `takeError` tells the outcome.
   * `"EALREADY"`: it still is, since an earlier call. `"EISCONN"`: there is a connection already, or by now.
   * `"EAGAIN"`: a unix listener's queue is full; nothing was started. A datagram socket is `"connected"` at once, and as
   * often as it is asked to.
   * @throws SystemError for what is final: ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL …
   */
  tryConnect(address: AddressLike): ConnectOutcome {
    const operation = new ConnectOperation(toSockaddr(address), addressDetails(toAddress(address)));
    const result = operation.start(this.nonBlockingDescriptor("connect"));
    this.attempted = operation.describe();
    const outcome = CONNECT_OUTCOMES.get(result);
    if (outcome === undefined || outcome === "connected") this.#connected(result, operation);
    return outcome as ConnectOutcome;
  }

  /**
   * Takes the peer away: a datagram socket hears from anybody again, and a TCP connection is reset and its socket free
   * to connect anew. A port that the kernel chose is given back with it; one that was asked for by number stays.
   * connect(2), AF_UNSPEC
   * @throws SystemError EINVAL, EOPNOTSUPP … for kinds of socket that cannot, such as unix streams.
   */
  disconnect(): void {
    const result = connect(this.descriptor("connect"), UNSPECIFIED, UNSPECIFIED.length);
    checked("connect", result, () => ({ subject: "AF_UNSPEC", ...this.peerDetails() }));
    this.rememberPeer();
  }

  /**
   * A second socket for the same open file: what one of them does (options, shutdown, O_NONBLOCK), the other sees, and
   * the connection lives until both are closed. dup(2), by F_DUPFD_CLOEXEC of fcntl(2)
   * @throws SystemError EMFILE; EBADF when the socket is closed.
   */
  dup(): Socket {
    return new Socket(this.duplicate());
  }

  /**
   * Receives into a buffer and returns how many bytes came, or receives at most `sizeBytes` into new memory and returns
   * that. Nothing (0, or an empty buffer) is the end of a stream. recv(2)
   * @throws SystemError ECONNRESET, ENOTCONN, ETIMEDOUT, ECANCELED …; the signal's reason.
   */
  recv(buffer: Uint8Array, options?: TransferOptions): Promise<number>;
  recv(sizeBytes: number, options?: TransferOptions): Promise<Buffer>;
  async recv(target: Uint8Array | number, options: TransferOptions = NONE): Promise<number | Buffer> {
    const { flags = 0 } = options;
    if ((flags & MSG_WAITALL) !== 0) return this.recvWhole(target, options, flags);
    if (typeof target === "number") {
      const operation = new RecvNewOperation(target, flags);
      await this.perform(operation, options, flags);
      return operation.bytes as Buffer;
    }
    // The way of a busy connection: nothing is made but the promise.
    const fd = this.descriptor("recv");
    checkWait(options);
    checkTarget(target);
    let result = this.#mustQueue(READABLE) ? -EAGAIN : recvOnce(fd, target, target.length, flags);
    if (result === -EAGAIN) result = await this.#wait(new RecvIntoOperation(target, flags), options, flags);
    return result < 0 ? this.#fail("recv", result) : result;
  }

  /** {@link Socket.recv}, blocking the thread. */
  recvSync(buffer: Uint8Array, options?: SyncTransferOptions): number;
  recvSync(sizeBytes: number, options?: SyncTransferOptions): Buffer;
  recvSync(target: Uint8Array | number, options: SyncTransferOptions = NONE): number | Buffer {
    const { flags = 0 } = options;
    if ((flags & MSG_WAITALL) !== 0) return this.recvWholeSync(target, options, flags);
    if (typeof target === "number") {
      const operation = new RecvNewOperation(target, flags);
      this.performSync(operation, options, flags);
      return operation.bytes as Buffer;
    }
    return this.performSync(new RecvIntoOperation(checkTarget(target), flags), options, flags);
  }

  /** Receives what is there already; undefined when nothing is, 0 at the end of a stream. */
  tryRecv(buffer: Uint8Array, flags = 0): number | undefined {
    return this.performNow(new RecvIntoOperation(checkTarget(buffer), flags));
  }

  /**
   * Receives a datagram with its sender, into a buffer or into new memory of at most `sizeBytes`. recvfrom(2)
   * @throws as {@link Socket.recv}.
   */
  async recvFrom(target: Uint8Array | number, options: TransferOptions = NONE): Promise<Datagram> {
    const operation = this.#recvFromOperation(target, options);
    await this.perform(operation, options, options.flags);
    return operation.datagram as Datagram;
  }

  /** {@link Socket.recvFrom}, blocking the thread. */
  recvFromSync(target: Uint8Array | number, options: SyncTransferOptions = NONE): Datagram {
    const operation = this.#recvFromOperation(target, options);
    this.performSync(operation, options, options.flags);
    return operation.datagram as Datagram;
  }

  /**
   * Sends once, and returns how many bytes the kernel took: a stream may take a part, see {@link Socket.sendAll}. Until
   * the promise settles the bytes are borrowed. send(2)
   * @throws SystemError EPIPE, ECONNRESET, ENOTCONN, EMSGSIZE, ETIMEDOUT, ECANCELED …; the signal's reason.
   */
  async send(bytes: Bytes, options: TransferOptions = NONE): Promise<number> {
    const { flags = 0 } = options;
    const fd = this.descriptor("send");
    checkWait(options);
    const view = toBytes(bytes);
    let result = this.#mustQueue(WRITABLE) ? -EAGAIN : sendOnce(fd, view, flags);
    if (result === -EAGAIN) result = await this.#wait(new SendOperation(view, flags), options, flags);
    return result < 0 ? this.#fail("send", result) : result;
  }

  /** {@link Socket.send}, blocking the thread. */
  sendSync(bytes: Bytes, options: SyncTransferOptions = NONE): number {
    const { flags = 0 } = options;
    return this.performSync(new SendOperation(toBytes(bytes), flags), options, flags);
  }

  /** Sends what the kernel takes at once; undefined when it takes nothing. */
  trySend(bytes: Bytes, flags = 0): number | undefined {
    return this.performNow(new SendOperation(toBytes(bytes), flags));
  }

  /**
   * Sends everything; the bytes of one call stay together. After a failure, an abort or a timeout, a part may have been
   * sent: a stream is then good for closing only.
   * @throws as {@link Socket.send}.
   */
  async sendAll(bytes: Bytes, options: TransferOptions = NONE): Promise<void> {
    const { flags = 0 } = options;
    await this.perform(new SendAllOperation(toBytes(bytes), flags), options, flags);
  }

  /** {@link Socket.sendAll}, blocking the thread. */
  sendAllSync(bytes: Bytes, options: SyncTransferOptions = NONE): void {
    const { flags = 0 } = options;
    this.performSync(new SendAllOperation(toBytes(bytes), flags), options, flags);
  }

  /** Sends a datagram to an address, and returns its length. sendto(2) @throws as {@link Socket.send}. */
  async sendTo(bytes: Bytes, address: AddressLike, options: TransferOptions = NONE): Promise<number> {
    return this.perform(sendToOperation(bytes, address, options), options, options.flags);
  }

  /** {@link Socket.sendTo}, blocking the thread. */
  sendToSync(bytes: Bytes, address: AddressLike, options: SyncTransferOptions = NONE): number {
    return this.performSync(sendToOperation(bytes, address, options), options, options.flags);
  }

  /**
   * Waits until a condition of poll(2) holds, or the socket failed or hung up: `"readable"` POLLIN, `"writable"`
   * POLLOUT, `"priority"` POLLPRI (urgent data), `"errors"` POLLERR (something is in the error queue).
   */
  async ready(condition: Readiness, options: WaitOptions = NONE): Promise<void> {
    await this.perform(pollOperation(condition), options);
  }

  /** {@link Socket.ready}, blocking the thread. */
  readySync(condition: Readiness, options: SyncWaitOptions = NONE): void {
    this.performSync(pollOperation(condition), options);
  }

  /**
   * Makes a system call of one's own with the waiting of this class: tried at once, and again each time that the
   * operation's condition holds, until it returns anything but `-EAGAIN`.
   * @returns what the attempt returned. @throws SystemError when that is `-errno`.
   */
  async perform(operation: Operation, options: WaitOptions = NONE, flags = 0): Promise<number> {
    const fd = this.descriptor(operation.syscall);
    checkWait(options);
    let result = this.#mustQueue(operation.direction) ? -EAGAIN : operation.attempt(fd);
    if (result === -EAGAIN) result = await this.#wait(operation, options, flags);
    return result < 0 ? this.#fail(operation.syscall, result, operation) : result;
  }

  /** {@link Socket.perform}, blocking the thread. */
  performSync(operation: Operation, options: SyncWaitOptions = NONE, flags = 0): number {
    const fd = this.descriptor(operation.syscall);
    checkWait(options);
    let result = operation.attempt(fd);
    if (result === -EAGAIN && (flags & MSG_DONTWAIT) === 0) result = this.#waitSync(fd, operation, options);
    return result < 0 ? this.#fail(operation.syscall, result, operation) : result;
  }

  /** {@link Socket.perform} without the waiting: undefined for `-EAGAIN`. */
  performNow(operation: Operation): number | undefined {
    const result = operation.attempt(this.descriptor(operation.syscall));
    if (result === -EAGAIN) return undefined;
    return result < 0 ? this.#fail(operation.syscall, result, operation) : result;
  }

  #mustQueue(direction: Operation["direction"]): boolean {
    return this.waitsSoFar?.isBusy(direction) === true;
  }

  /** Nothing is done here for a caller who has asked not to wait. */
  #wait(operation: Operation, options: WaitOptions, flags: number): number | Promise<number> {
    return (flags & MSG_DONTWAIT) === 0 ? this.waits.wait(operation, options) : -EAGAIN;
  }

  #waitSync(fd: number, operation: Operation, options: SyncWaitOptions, startMs?: number): number {
    const alwaysWritable = isAlwaysWritable(this.family, this.type);
    return waitSync(fd, operation, options, alwaysWritable, (details) => this.describeError(details), startMs);
  }

  #fail(syscall: string, result: number, operation?: Operation): never {
    throw new SystemError(syscall, result, this.describeError(operation?.describe?.(result)));
  }

  #accepted(fd: number, peer: Uint8Array | undefined): Socket {
    return new Socket(new Adopted(fd, this.family, this.type, this.protocol, true, peer));
  }

  #connected(result: number, operation: ConnectOperation): void {
    if (result < 0) throw new SystemError("connect", result, this.withLocal(operation.describe()));
    this.rememberPeer();
  }

  #isQueueFull(result: number): boolean {
    return result === -EAGAIN && this.family === AF_UNIX;
  }

  #recvFromOperation(target: Uint8Array | number, { flags = 0 }: TransferOptions): RecvFromOperation {
    if (typeof target !== "number") checkTarget(target);
    return new RecvFromOperation(target, flags, this.type !== SOCK_STREAM);
  }
}

function checkTarget(target: Uint8Array): Uint8Array {
  if (target instanceof Uint8Array) return attached(target);
  throw new TypeError(`a Uint8Array or a size in bytes is wanted to receive into, not ${nameKind(target)}`);
}

function sendToOperation(bytes: Bytes, address: AddressLike, { flags = 0 }: TransferOptions): SendToOperation {
  return new SendToOperation(toBytes(bytes), flags, toSockaddr(address), addressDetails(toAddress(address)));
}

function pollOperation(condition: Readiness): PollOperation {
  if (Object.hasOwn(DIRECTIONS, condition)) return new PollOperation(DIRECTIONS[condition]);
  throw new TypeError(`a condition is one of ${Object.keys(DIRECTIONS).join(", ")}, not ${String(condition)}`);
}

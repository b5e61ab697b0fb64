/** The part of `Socket` that sends and receives messages: gathered, scattered, with ancillary data; and urgent data. */
import { AF_NETLINK, AF_UNIX, F_SETOWN, MSG_DONTWAIT, SIOCATMARK, SIOCGPGRP, SOCK_STREAM } from "../abi/index.ts";
import { fcntl, ioctl } from "../sys/index.ts";
import type { AddressLike } from "./address.ts";
import { checked } from "./errors.ts";
import { SocketHandle } from "./handle.ts";
import type { Message, MessageRoom, ReceivedMessage } from "./message.ts";
import { ErrorQueue, type ErrorReport, PumpOperation, RecvErrorOperation } from "./message-errors.ts";
import { RecvMessageOperation, SendMessageOperation } from "./message-operations.ts";
import { SendZeroCopyOperation, type ZeroCopySend, ZeroCopySends } from "./message-zerocopy.ts";
import type { Operation, WaitOptions } from "./waits.ts";

/** Limits of a call that blocks the thread. */
type SyncLimits = Omit<WaitOptions, "signal">;

/** How to send without a copy. */
export interface ZeroCopyOptions extends WaitOptions {
  /** Whom to; absent on a connected socket. */
  readonly to?: AddressLike | undefined;
  /** MSG_ constants beside MSG_ZEROCOPY. */
  readonly flags?: number | undefined;
}

const NONE: WaitOptions = Object.freeze({});

export abstract class MessageSocket extends SocketHandle {
  readonly #sends = new ZeroCopySends();
  #errors: ErrorQueue | undefined;
  #isPumping = false;

  abstract perform(operation: Operation, options?: WaitOptions, flags?: number): Promise<number>;
  abstract performSync(operation: Operation, options?: SyncLimits, flags?: number): number;
  abstract performNow(operation: Operation): number | undefined;

  /**
   * Sends a message: one buffer or several, to an address, with ancillary data. A stream may take a part of the bytes;
   * what goes along goes with the first. Until the promise settles, the bytes are borrowed. sendmsg(2)
   *
   *     await socket.sendMessage({ data: [header, body], to: "udp://127.0.0.1:53", control: [{ type: "IP_TTL", value: 1 }] });
   *
   * @returns how many bytes the kernel took.
   * @throws TypeError or RangeError for what cannot be sent; SystemError EPIPE, EMSGSIZE, ENOBUFS, EINVAL (ancillary
   * data that does not fit the socket), EBADF (a descriptor that is not open) …
   */
  async sendMessage(message: Message, options: WaitOptions = NONE): Promise<number> {
    return this.perform(this.#sending(message), options, message.flags);
  }

  /** {@link MessageSocket.sendMessage}, blocking the thread. */
  sendMessageSync(message: Message, options: SyncLimits = NONE): number {
    return this.performSync(this.#sending(message), options, message.flags);
  }

  /**
   * Receives a message: into one buffer or several, with the sender's address and what came along. recvmsg(2)
   *
   *     socket.setOption("IP_PKTINFO", true);
   *     const message = await socket.recvMessage({ sizeBytes: 2048 });
   *     message.find("IP_PKTINFO")?.destinationAddress; // which of our addresses it was sent to
   *
   * On descriptors that come along, and who closes them, see {@link ReceivedMessage}. Whoever gives up a call with
   * MSG_WAITALL (a deadline, a signal) loses the bytes that had come, as does whose connection fails in the middle.
   * @throws TypeError or RangeError for room that cannot be; SystemError ECONNRESET, ENOTCONN …; EINVAL for MSG_OOB where
   * there is no urgent data, or SO_OOBINLINE puts it among the rest.
   */
  async recvMessage(room: MessageRoom, options: WaitOptions = NONE): Promise<ReceivedMessage> {
    const operation = new RecvMessageOperation(room, this);
    try {
      await this.perform(operation, options, room.flags);
    } catch (error) {
      operation.discard();
      throw error;
    }
    return operation.message as ReceivedMessage;
  }

  /** {@link MessageSocket.recvMessage}, blocking the thread. */
  recvMessageSync(room: MessageRoom, options: SyncLimits = NONE): ReceivedMessage {
    const operation = new RecvMessageOperation(room, this);
    try {
      this.performSync(operation, options, room.flags);
    } catch (error) {
      operation.discard();
      throw error;
    }
    return operation.message as ReceivedMessage;
  }

  /** Receives a message that is there already; undefined when none is. */
  tryRecvMessage(room: MessageRoom): ReceivedMessage | undefined {
    const operation = new RecvMessageOperation({ ...room, flags: (room.flags ?? 0) | MSG_DONTWAIT }, this);
    return this.performNow(operation) === undefined ? undefined : operation.message;
  }

  /**
   * The next entry of the error queue, waited for: what an ICMP message said of a datagram (with IP_RECVERR or
   * IPV6_RECVERR set), a transmit timestamp (SO_TIMESTAMPING). Zero-copy completions of {@link MessageSocket.sendZeroCopy}
   * are not among them. recvmsg(2) with MSG_ERRQUEUE, ip(7)
   * @throws TypeError for a family without an error queue.
   */
  async recvError(options: WaitOptions = NONE): Promise<ErrorReport> {
    const operation = new RecvErrorOperation(this.#errorQueue());
    await this.perform(operation, options);
    return operation.report as ErrorReport;
  }

  /** {@link MessageSocket.recvError}, blocking the thread. */
  recvErrorSync(options: SyncLimits = NONE): ErrorReport {
    const operation = new RecvErrorOperation(this.#errorQueue());
    this.performSync(operation, options);
    return operation.report as ErrorReport;
  }

  /** An entry that is in the error queue already; undefined when none is. */
  tryRecvError(): ErrorReport | undefined {
    const operation = new RecvErrorOperation(this.#errorQueue());
    this.performNow(operation);
    return operation.report;
  }

  /**
   * Sends from the caller's memory, without a copy (MSG_ZEROCOPY; the first call sets SO_ZEROCOPY). It pays from about
   * 10 kB on, over a real network. The bytes belong to the kernel until `completion` settles:
   *
   *     const { lengthBytes, completion } = await socket.sendZeroCopy(bytes);
   *     const { copied } = await completion; // now the bytes may change again
   *
   * Nothing else may send with MSG_ZEROCOPY on this socket. While sends are under way they keep the process alive.
   * Await their completions before closing the socket.
   * @throws RangeError for nothing to send; SystemError ENOBUFS when {@link MAX_ZEROCOPY_SENDS} sends are under way or the
   * kernel has no more room for their records (net.core.optmem_max); EOPNOTSUPP for families that cannot; as `send`.
   */
  async sendZeroCopy(data: Uint8Array | readonly Uint8Array[], options: ZeroCopyOptions = NONE): Promise<ZeroCopySend> {
    const { to, flags = 0 } = options;
    const operation = new SendZeroCopyOperation(this.#sends, data, to, flags);
    const queue = this.#errorQueue();
    if (!this.getOption("SO_ZEROCOPY")) this.setOption("SO_ZEROCOPY", true);
    const lengthBytes = await this.perform(operation, options, flags & MSG_DONTWAIT);
    if (!this.#isPumping) void this.#pump(queue);
    return { lengthBytes, completion: operation.completion as ZeroCopySend["completion"] };
  }

  /** Whether the next byte to receive is the urgent one. ioctl(2) SIOCATMARK, tcp(7) */
  get atMark(): boolean {
    checked("ioctl", ioctl(this.descriptor("ioctl"), SIOCATMARK, int), { subject: "SIOCATMARK" });
    return int[0] !== 0;
  }

  /**
   * The process (positive) or process group (negative) that gets SIGURG when urgent data comes; 0 for nobody. Once it is
   * `process.pid`, `process.on("SIGURG")` hears of it, in the main thread. fcntl(2) F_SETOWN
   */
  get owner(): number {
    // F_GETOWN of fcntl(2) returns a group as a negative number, which looks like an error; the ioctl does not.
    checked("ioctl", ioctl(this.descriptor("ioctl"), SIOCGPGRP, int), { subject: "SIOCGPGRP" });
    return int[0] as number;
  }

  set owner(pid: number) {
    if (!Number.isInteger(pid)) throw new TypeError(`an owner is a process id, or minus a group's, not ${pid}`);
    checked("fcntl", fcntl(this.descriptor("fcntl"), F_SETOWN, pid), { subject: `F_SETOWN ${pid}` });
  }

  /** For recv with MSG_WAITALL, which a call that never blocks cannot leave to the kernel. */
  protected async recvWhole(
    target: Uint8Array | number,
    options: WaitOptions,
    flags: number,
  ): Promise<Buffer | number> {
    return received(target, await this.recvMessage(wholeRoom(target, flags), options));
  }

  /** {@link MessageSocket.recvWhole}, blocking the thread. */
  protected recvWholeSync(target: Uint8Array | number, options: SyncLimits, flags: number): Buffer | number {
    return received(target, this.recvMessageSync(wholeRoom(target, flags), options));
  }

  #sending(message: Message): SendMessageOperation {
    const operation = new SendMessageOperation(message);
    if (this.type === SOCK_STREAM && operation.hasControl && operation.isEmpty) {
      throw new RangeError("ancillary data goes with at least one byte of a stream");
    }
    return operation;
  }

  #errorQueue(): ErrorQueue {
    // These families take MSG_ERRQUEUE for no flag at all, and would give ordinary data.
    if (this.family === AF_UNIX || this.family === AF_NETLINK) {
      throw new TypeError("sockets of AF_UNIX and AF_NETLINK have no error queue");
    }
    this.#errors ??= new ErrorQueue(this.#sends);
    return this.#errors;
  }

  /** Waits for completions, unless a call of `recvError` that came first has read the last of them. */
  async #pumpOnce(queue: ErrorQueue): Promise<void> {
    const settled = new AbortController();
    // Not at once: the queue that the wait stands in is being served.
    this.#sends.onSettled = () => queueMicrotask(() => settled.abort());
    try {
      await this.perform(new PumpOperation(queue), { signal: settled.signal });
    } catch (error) {
      if (!settled.signal.aborted) throw error;
    }
  }

  /** Reads completions for as long as any are outstanding. */
  async #pump(queue: ErrorQueue): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#sends.size > 0) await this.#pumpOnce(queue);
    } catch {
      // Only the end of the socket ends a wait without a limit, and it ends the sends' as well.
      this.#sends.abandon();
    } finally {
      this.#isPumping = false;
    }
  }
}

const int = new Int32Array(1);

function wholeRoom(target: Uint8Array | number, flags: number): MessageRoom {
  const room = typeof target === "number" ? { sizeBytes: target } : { buffers: target };
  return { ...room, flags, controlBytes: 0, wantAddress: false };
}

function received(target: Uint8Array | number, { bytes, lengthBytes }: ReceivedMessage): Buffer | number {
  return typeof target === "number" ? bytes : lengthBytes;
}

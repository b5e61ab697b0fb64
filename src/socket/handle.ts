/** The part of `Socket` that names, binds, ends and gives away. */
import {
  AF_UNIX,
  decodeSockaddr,
  EADDRINUSE,
  ENOTCONN,
  F_DUPFD_CLOEXEC,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOMAXCONN,
  type SocketAddress,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { type AddressLike, addressDetails, formatAddress, toAddress, toSockaddr } from "./address.ts";
import { lastAddress, lastSockaddr, localName, peerName, setNonBlocking, socketInt } from "./calls.ts";
import { type SocketState, socketState } from "./descriptors-state.ts";
import { checked, closedError, SystemError, type SystemErrorDetails } from "./errors.ts";
import { explainSocketFailure } from "./families.ts";
import { checkInt, type FamilyName, familyNumber, type TypeName, typeNumber } from "./names.ts";
import { OptionAccess } from "./option-access.ts";
import type { OptionReadValue } from "./options.ts";
import { explainBind } from "./permissions.ts";
import { describeHolder } from "./port-holder.ts";
import { isAlwaysWritable, Waits } from "./waits.ts";

/** Which direction of a connection ends. */
export type ShutdownDirection = "read" | "write" | "both";

/** (uid_t) -1, as it is read. */
const NO_ID = 0xffff_ffff;

const HOW = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

/** A descriptor that is a socket already: what accept, socketpair and `from` hand to the constructor. */
export class Adopted {
  readonly fd: number;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** Whether O_NONBLOCK is known to be set. */
  readonly nonBlocking: boolean;
  /** The peer's struct sockaddr, where accept told it. */
  readonly peer: Uint8Array | undefined;

  constructor(
    fd: number,
    family: number,
    type: number,
    protocol: number,
    nonBlocking: boolean,
    peer: Uint8Array | undefined,
  ) {
    this.fd = fd;
    this.family = family;
    this.type = type;
    this.protocol = protocol;
    this.nonBlocking = nonBlocking;
    this.peer = peer;
  }
}

export abstract class SocketHandle extends OptionAccess {
  /** The address family, AF_INET … */
  readonly family: number;
  /** The socket type, SOCK_STREAM … */
  readonly type: number;
  /** The protocol, IPPROTO_TCP …; 0 is the only or the usual one of family and type. */
  readonly protocol: number;
  #fd: number;
  #nonBlocking: boolean;
  #waits: Waits | undefined;
  #peer: Uint8Array | undefined;
  #closeCallbacks: (() => void)[] | undefined;
  #leaving: AbortController | undefined;
  /** Whom the last non-blocking attempt to connect was about. */
  protected attempted: SystemErrorDetails | undefined;

  protected constructor(family: FamilyName | number | Adopted, type: TypeName | number, protocol: number) {
    super();
    if (family instanceof Adopted) {
      this.family = family.family;
      this.type = family.type;
      this.protocol = family.protocol;
      this.#fd = family.fd;
      this.#nonBlocking = family.nonBlocking;
      this.#peer = family.peer;
      return;
    }
    this.family = familyNumber(family);
    this.type = typeNumber(type);
    if (!Number.isInteger(protocol)) throw new TypeError(`a protocol is a number, not ${protocol}`);
    this.protocol = checkInt("a protocol", protocol);
    const result = sys.socket(this.family, this.type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    this.#fd = checked("socket", result, () => explainSocketFailure(this.family, this.type, protocol, result));
    this.#nonBlocking = true;
  }

  /** The descriptor's number; -1 once the socket is closed or detached. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether `close` or `detach` was called. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The address that the socket is bound to; of an unbound one the kernel's empty address. getsockname(2)
   * @throws SystemError EBADF when the socket is closed.
   */
  get localAddress(): SocketAddress {
    checked("getsockname", localName(this.descriptor("getsockname")));
    return lastAddress() ?? { family: "unknown", familyNumber: this.family, bytes: new Uint8Array(0) };
  }

  /**
   * The address of the peer; undefined while there is none. Of an accepted connection it is known even after the peer
   * has reset it. getpeername(2)
   * @throws SystemError EBADF when the socket is closed.
   */
  get remoteAddress(): SocketAddress | undefined {
    const fd = this.descriptor("getpeername");
    if (this.#peer !== undefined) return decodeSockaddr(this.#peer);
    const result = peerName(fd);
    if (result === -ENOTCONN) return undefined;
    checked("getpeername", result);
    return lastAddress();
  }

  /**
   * What the socket is doing, asked of the kernel: for one that came from elsewhere. A connection that was reset, or an
   * attempt that failed, leaves `"bound"`.
   * @throws SystemError EBADF when the socket is closed.
   */
  get state(): SocketState {
    return socketState(this.descriptor("getsockopt"), this.family);
  }

  /**
   * Who connected, listened or made the pair at the other end of a unix socket, as the kernel noted it at that moment;
   * undefined where there is no such peer. The ids are those that this process's namespaces know; pid 0 and uid 65534
   * stand for strangers to them. SO_PEERCRED, unix(7)
   */
  get peerCredentials(): OptionReadValue<"SO_PEERCRED"> | undefined {
    const isUnix = this.family === AF_UNIX;
    const credentials = isUnix ? this.getOption("SO_PEERCRED") : undefined;
    // Of an unconnected socket the kernel says pid 0 and ids of all ones.
    return credentials?.uid === NO_ID ? undefined : credentials;
  }

  /**
   * The error that waits on the socket, if there is one; asking takes it away. This is how a non-blocking connect tells
   * its outcome once the socket is writable, and how a datagram socket tells what an ICMP message said. SO_ERROR, socket(7)
   * @param syscall the call that the error is about, for its message.
   * @throws SystemError EBADF when the socket is closed.
   */
  takeError(syscall = "connect"): SystemError | undefined {
    const errno = checked("getsockopt", socketInt(this.descriptor("getsockopt"), SO_ERROR), { subject: "SO_ERROR" });
    if (errno === 0) return undefined;
    // The kernel forgets whom a failed attempt was about.
    const details = syscall === "connect" ? this.attempted : undefined;
    return new SystemError(syscall, errno, this.describeError(details));
  }

  /**
   * Gives the socket an address. bind(2)
   * @param address port 0 lets the kernel choose one (see `localAddress`); an unnamed unix address, a name.
   * @throws TypeError or RangeError for an address that cannot be; SystemError EADDRINUSE (its message says who holds
   * the address, where that can be found out), EADDRNOTAVAIL, EACCES …
   */
  bind(address: AddressLike): void {
    const fd = this.descriptor("bind");
    const sockaddr = toSockaddr(address);
    const result = sys.bind(fd, sockaddr, sockaddr.length);
    if (result < 0) throw this.#addressError("bind", result, toAddress(address));
  }

  /**
   * Makes the socket take connections. listen(2)
   * @param backlog connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
   * @throws SystemError EADDRINUSE, EOPNOTSUPP …
   */
  listen(backlog: number = SOMAXCONN): void {
    const fd = this.descriptor("listen");
    const result = sys.listen(fd, checkInt("a backlog", backlog, 0));
    if (result < 0) throw this.#addressError("listen", result, this.localAddress);
  }

  /**
   * Ends one or both directions of the connection for everyone who holds the socket; the descriptor stays open. After
   * `"write"` the peer reads the end of the stream, and this side can still receive. shutdown(2)
   * @throws SystemError ENOTCONN …
   */
  shutdown(direction: ShutdownDirection): void {
    const fd = this.descriptor("shutdown");
    const how = HOW[direction];
    if (how === undefined) throw new TypeError(`shutdown takes "read", "write" or "both", not ${String(direction)}`);
    checked("shutdown", sys.shutdown(fd, how), () => this.peerDetails());
  }

  /**
   * Closes the socket. Calls that wait on it are rejected with ECANCELED; later ones fail with EBADF, without a system
   * call. Closing a closed socket does nothing. The connection ends when nobody else holds the socket. close(2)
   */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#leave();
    // The descriptor is gone whatever close says (close(2), NOTES), so its result is no news.
    sys.close(fd);
    const callbacks = this.#closeCallbacks ?? [];
    this.#closeCallbacks = undefined;
    for (const callback of callbacks) callback();
  }

  /**
   * Gives the descriptor away: the caller owns it, and this object is as if closed. Calls that wait are rejected with
   * ECANCELED. The descriptor is non-blocking if the socket was made here, and close-on-exec.
   */
  detach(): number {
    this.descriptor("detach");
    this.#closeCallbacks = undefined;
    return this.#leave();
  }

  /**
   * Sets or clears O_NONBLOCK, for everyone who shares the open file: a program that is given a socket mostly expects it to
   * block. The calls of this class work either way; accept and connect set it again. fcntl(2), F_SETFL
   */
  setNonBlocking(nonBlocking: boolean): void {
    setNonBlocking(this.descriptor("fcntl"), nonBlocking);
    this.#nonBlocking = nonBlocking;
  }

  /** Calls back once, after `close` has closed the socket; never after `detach`. */
  onClose(callback: () => void): void {
    this.descriptor("close");
    this.#closeCallbacks ??= [];
    this.#closeCallbacks.push(callback);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  protected descriptor(syscall: string): number {
    if (this.#fd < 0) throw closedError(syscall);
    return this.#fd;
  }

  /** The descriptor, non-blocking for certain: for accept and connect, which have no flag for one call alone. */
  protected nonBlockingDescriptor(syscall: string): number {
    const fd = this.descriptor(syscall);
    if (!this.#nonBlocking) {
      setNonBlocking(fd, true);
      this.#nonBlocking = true;
    }
    return fd;
  }

  /** The queues of what waits on this socket, made at first use. */
  protected get waits(): Waits {
    const alwaysWritable = isAlwaysWritable(this.family, this.type);
    this.#waits ??= new Waits(this.descriptor("poll"), alwaysWritable, (details) => this.describeError(details));
    return this.#waits;
  }

  /** The same, but only if something has waited before. */
  protected get waitsSoFar(): Waits | undefined {
    return this.#waits;
  }

  /** Aborted when the descriptor is closed or given away: for pauses in which nothing waits for the descriptor itself. */
  protected get leaving(): AbortSignal {
    this.descriptor("poll");
    this.#leaving ??= new AbortController();
    return this.#leaving.signal;
  }

  /** After connect: a stream's peer is kept for the time when the connection is lost and the kernel has forgotten it. */
  protected rememberPeer(): void {
    this.#peer = this.type === SOCK_STREAM && peerName(this.#fd) >= 0 ? lastSockaddr() : undefined;
  }

  /** For an error about the connection: its two ends. */
  protected peerDetails(): SystemErrorDetails {
    return this.#fd < 0 ? {} : this.withLocal(this.#remoteDetails());
  }

  /** What an operation says of its own error, completed; for one that says nothing, the two ends. */
  protected describeError(details: SystemErrorDetails | undefined): SystemErrorDetails {
    if (details === undefined) return this.peerDetails();
    // Who says only why leaves it to the socket to say whom it was about.
    const saysWhom = "address" in details || "path" in details;
    return !saysWhom && "cause" in details ? { ...this.peerDetails(), ...details } : this.withLocal(details);
  }

  /** For an error that is about an address: the own end beside it. */
  protected withLocal(details: SystemErrorDetails): SystemErrorDetails {
    return "address" in details || "path" in details ? { ...details, local: this.localText() } : details;
  }

  /** A second descriptor of the same open file. */
  protected duplicate(): Adopted {
    const result = sys.fcntl(this.descriptor("fcntl"), F_DUPFD_CLOEXEC);
    const fd = checked("fcntl", result, { subject: "F_DUPFD_CLOEXEC" });
    return new Adopted(fd, this.family, this.type, this.protocol, this.#nonBlocking, this.#peer);
  }

  /** For an error about two ends: the own one, if it has a port or a name. */
  protected localText(): string | undefined {
    if (this.#fd < 0 || localName(this.#fd) < 0) return undefined;
    const address = lastAddress();
    if (address === undefined || ("port" in address && address.port === 0)) return undefined;
    return address.family === "unix" && address.kind === "unnamed" ? undefined : formatAddress(address);
  }

  #remoteDetails(): SystemErrorDetails {
    if (this.#peer !== undefined) return addressDetails(decodeSockaddr(this.#peer));
    return peerName(this.#fd) < 0 ? {} : addressDetails(lastAddress());
  }

  #addressError(syscall: string, result: number, address: SocketAddress): SystemError {
    const details = addressDetails(address);
    if (result !== -EADDRINUSE) {
      const cause = syscall === "bind" ? explainBind(address, result, this.protocol) : undefined;
      return new SystemError(syscall, result, { ...details, cause });
    }
    const isUnix = this.family === AF_UNIX;
    const cause = isUnix ? "the name is taken; a path stays taken until its file is removed" : undefined;
    return new SystemError(syscall, result, {
      ...details,
      cause,
      hint: describeHolder(address, this.#protocolNumber()),
    });
  }

  /** The protocol, where the socket was made with 0 for the usual one. */
  #protocolNumber(): number {
    if (this.protocol !== 0) return this.protocol;
    return this.type === SOCK_STREAM ? 6 : 17;
  }

  #leave(): number {
    const fd = this.#fd;
    this.#fd = -1;
    this.#waits?.cancel();
    this.#waits = undefined;
    this.#leaving?.abort();
    return fd;
  }
}

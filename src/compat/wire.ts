/**
 * A stream socket's descriptor as `net.Socket` uses it: the reactor's streaming contract, turned into the calls and
 * callbacks of a Duplex.
 *
 * Two things are settled here. Writing: a write is done for its owner once the reactor has it, as long as little waits
 * there; more than {@link SLACK_BYTES}, and the owner is held until the kernel has taken all. Failures: they are told
 * one turn of Node's loop late, because a reactor's pass reports much at once, and whoever has just learned of a
 * connection by a promise must get the chance to listen for errors first.
 */
import type { AsyncResource } from "node:async_hooks";
import { EAGAIN, EINTR, EPIPE, MSG_DONTWAIT, POLLIN } from "../abi/index.ts";
import { type Reactor, type Slot, type SlotHandler, threadReactor } from "../reactor/index.ts";
import * as sys from "../sys/index.ts";
import { keep, release } from "./keeper.ts";
import { resetOnClose } from "./socket-options.ts";

/** What may wait in the reactor, beyond the kernel's buffer, before a write counts as not yet done. */
const SLACK_BYTES = 64 * 1024;
/** Small pieces of one writev are joined up to this size, to leave in one system call. */
const JOINED_BYTES = 64 * 1024;
/**
 * A stream that brings this much at once is received straight into memory of its own: a copy less than by way of the
 * reactor's buffer, which is the better one for small messages.
 */
const BULK_BYTES = 64 * 1024;

/** Who owns a wire and is told what happens on it. Errors are positive errno numbers. */
export interface WireOwner {
  /** Bytes `[start, end)`, good until the call returns. */
  wireReceived(bytes: Uint8Array, start: number, end: number): void;
  /** Bytes to keep. */
  wireReceivedOwn(bytes: Buffer): void;
  wireEnded(): void;
  wireFailed(errno: number, syscall: string): void;
}

export type WriteDone = (errno: number) => void;

export class Wire implements SlotHandler {
  readonly fd: number;
  readonly #owner: WireOwner;
  /** The asynchronous context in which the owner was made, and in which it is told. */
  readonly #scope: AsyncResource;
  readonly #reactor: Reactor;
  readonly #slot: Slot;
  #connectDone: ((errno: number) => void) | undefined;
  #writeDone: WriteDone | undefined;
  #isReading = false;
  #isBulk = false;
  #hasEnded = false;
  #isClosed = false;
  /** The failure that has happened; what the peer sent before may still have to be read. */
  #errno = 0;

  /** Takes over a descriptor, which must be non-blocking if it is to be connected. */
  constructor(fd: number, owner: WireOwner, scope: AsyncResource) {
    this.fd = fd;
    this.#owner = owner;
    this.#scope = scope;
    this.#reactor = threadReactor();
    this.#slot = this.#reactor.attach(fd, this);
    keep(fd);
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Bytes that the kernel has not taken. */
  get pendingBytes(): number {
    return this.#reactor.pending(this.#slot);
  }

  connect(sockaddr: Uint8Array, done: (errno: number) => void): void {
    this.#connectDone = done;
    this.#reactor.connect(this.#slot, sockaddr);
  }

  startReading(): void {
    if (this.#isReading || this.#hasEnded || this.#isClosed) return;
    this.#isReading = true;
    if (this.#errno !== 0) setImmediate(() => this.#receiveLeftover());
    else if (this.#isBulk) this.#reactor.arm(this.#slot, POLLIN);
    else this.#reactor.receive(this.#slot);
  }

  stopReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#reactor.pause(this.#slot);
  }

  /** @param done called at once, or when the kernel has taken the bytes or refused them; one write at a time. */
  write(bytes: Uint8Array, done: WriteDone): void {
    if (this.#errno === 0) this.#reactor.send(this.#slot, bytes, 0, bytes.length);
    this.#settle(done);
  }

  writeAll(chunks: readonly Uint8Array[], done: WriteDone): void {
    if (this.#errno === 0) {
      for (const bytes of joined(chunks)) this.#reactor.send(this.#slot, bytes, 0, bytes.length);
    }
    this.#settle(done);
  }

  /** Half-closes after everything has left. */
  finish(done: WriteDone): void {
    this.#reactor.finish(this.#slot);
    if (this.#reactor.pending(this.#slot) === 0 || this.#errno !== 0) done(0);
    else this.#writeDone = done;
  }

  /** Closes the descriptor; nothing is told afterwards but a write that was under way, which is called done. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isReading = false;
    release(this.fd);
    this.#reactor.close(this.#slot);
    const done = this.#writeDone;
    this.#writeDone = undefined;
    this.#connectDone = undefined;
    if (done !== undefined) setImmediate(done, 0);
  }

  /** Closes with a reset. */
  reset(): void {
    resetOnClose(this.fd);
    this.close();
  }

  /** Whether waiting here keeps Node alive. */
  setRef(isRef: boolean): void {
    this.#reactor.background(this.#slot, !isRef);
  }

  // The reactor's side.

  received(_slot: Slot, bytes: Uint8Array, start: number, end: number): void {
    this.#scope.runInAsyncScope(this.#owner.wireReceived, this.#owner, bytes, start, end);
    if (end - start < BULK_BYTES) return;
    this.#isBulk = true;
    if (this.#isReading) this.#reactor.arm(this.#slot, POLLIN);
  }

  ready(): void {
    if (!this.#isReading) return;
    const length = this.#receiveOwn();
    if (length === 0) this.ended();
    else if (length < 0 && length !== -EAGAIN && length !== -EINTR) this.failed(this.#slot, -length);
    if (!this.#isReading) return;
    this.#isBulk = length > BULK_BYTES / 2 || length < 0;
    if (this.#isBulk) this.#reactor.arm(this.#slot, POLLIN);
    else this.#reactor.receive(this.#slot);
  }

  ended(): void {
    this.#isReading = false;
    this.#hasEnded = true;
    this.#scope.runInAsyncScope(this.#owner.wireEnded, this.#owner);
  }

  connected(_slot: Slot, errno: number): void {
    const done = this.#connectDone;
    this.#connectDone = undefined;
    if (done !== undefined) this.#scope.runInAsyncScope(done, undefined, errno);
  }

  drained(): void {
    const done = this.#writeDone;
    this.#writeDone = undefined;
    if (done !== undefined) this.#scope.runInAsyncScope(done, undefined, 0);
  }

  failed(_slot: Slot, errno: number, isUnasked = false): void {
    this.#errno = errno;
    const wasReading = this.#isReading;
    const done = this.#writeDone;
    this.#writeDone = undefined;
    this.#isReading = false;
    setImmediate(() => {
      if (this.#isClosed) return;
      // Nobody asked for anything: as with Node's own, the failure shows itself when somebody reads or writes.
      if (isUnasked && done === undefined) return;
      this.#tellFailure(wasReading && errno !== EPIPE && done === undefined ? "read" : "write");
      done?.(errno);
    });
  }

  accepted(): void {}

  #tellFailure(syscall: string): void {
    this.#scope.runInAsyncScope(this.#owner.wireFailed, this.#owner, this.#errno, syscall);
  }

  #settle(done: WriteDone): void {
    if (this.#errno !== 0) {
      done(this.#errno);
      return;
    }
    if (this.#reactor.pending(this.#slot) <= SLACK_BYTES) {
      done(0);
      return;
    }
    this.#writeDone = done;
    // What is gathered during a pass leaves at its end, perhaps all of it, and then nothing is reported.
    process.nextTick(this.#checkGathered);
  }

  readonly #checkGathered = (): void => {
    if (this.#writeDone !== undefined && !this.#isClosed && this.#reactor.pending(this.#slot) === 0) this.drained();
  };

  /** Receives into new memory. @returns the length, 0 at the end, or `-errno`. */
  #receiveOwn(): number {
    const bytes = Buffer.allocUnsafeSlow(BULK_BYTES);
    const length = sys.recv(this.fd, bytes, BULK_BYTES, MSG_DONTWAIT);
    if (length <= 0) return length;
    // A little in large memory would keep all of it.
    const own = length > BULK_BYTES / 2 ? bytes.subarray(0, length) : Buffer.from(bytes.subarray(0, length));
    this.#scope.runInAsyncScope(this.#owner.wireReceivedOwn, this.#owner, own);
    return length;
  }

  /** After a failure the reactor receives no more, but what came before it lies in the kernel. */
  #receiveLeftover(): void {
    while (this.#isReading && !this.#isClosed) {
      if (this.#receiveOwn() <= 0) {
        this.#tellFailure("read");
        return;
      }
    }
  }
}

/** The same bytes in fewer pieces. */
function joined(chunks: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  const flush = (): void => {
    if (small.length > 0) pieces.push(small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, smallBytes));
    small = [];
    smallBytes = 0;
  };
  for (const chunk of chunks) {
    if (smallBytes + chunk.length > JOINED_BYTES) flush();
    small.push(chunk);
    smallBytes += chunk.length;
  }
  flush();
  return pieces;
}

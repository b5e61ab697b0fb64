/**
 * A datagram socket's descriptor as `dgram.Socket` uses it: what arrives is taken in batches and told one by one, what
 * is sent is queued and leaves in batches.
 *
 * Between two messages everything runs that waits for the first: whoever awaits one message after another gets each.
 */
import type { AsyncResource } from "node:async_hooks";
import type { RemoteInfo } from "node:dgram";
import { EAGAIN, ECANCELED, EINTR, EMSGSIZE, ENOBUFS, POLLIN, POLLOUT } from "../abi/index.ts";
import { IdleHandler, type Reactor, type Slot, threadReactor } from "../reactor/index.ts";
import { BATCH, borrowBatch, type DatagramBatch, type Outgoing, type Received, returnBatch } from "./dgram-batch.ts";
import { keep, release } from "./keeper.ts";

/** What may be queued while the kernel's buffer is full; beyond it a send fails with ENOBUFS. */
const MAX_QUEUED = 65_536;
/** More cannot be a datagram, whatever the kernel. */
const MAX_PAYLOAD_BYTES = 65_535;

export interface DatagramOwner {
  datagramReceived(message: Buffer, from: RemoteInfo): void;
  /** @param errno positive */
  receiveFailed(errno: number): void;
}

export interface QueuedDatagram extends Outgoing {
  /** Called later with 0 or an errno; undefined for nobody. */
  readonly done: ((errno: number) => void) | undefined;
}

export class DatagramWire extends IdleHandler {
  readonly fd: number;
  readonly #owner: DatagramOwner;
  readonly #scope: AsyncResource;
  readonly #reactor: Reactor;
  readonly #slot: Slot;
  readonly #batch: DatagramBatch;
  #queue: QueuedDatagram[] = [];
  #queueStart = 0;
  #queueBytes = 0;
  #isFlushDue = false;
  #isBlocked = false;
  #inbox: Received[] = [];
  #inboxStart = 0;
  #isClosed = false;

  constructor(fd: number, owner: DatagramOwner, scope: AsyncResource) {
    super();
    this.fd = fd;
    this.#owner = owner;
    this.#scope = scope;
    this.#reactor = threadReactor();
    this.#slot = this.#reactor.attach(fd, this);
    this.#batch = borrowBatch();
    keep(fd);
  }

  /** Bytes and datagrams that wait to be sent. */
  get queueBytes(): number {
    return this.#queueBytes;
  }

  get queueCount(): number {
    return this.#queue.length - this.#queueStart;
  }

  /** Begins to receive. */
  start(): void {
    this.#arm();
  }

  send(datagram: QueuedDatagram): void {
    if (this.queueCount >= MAX_QUEUED) {
      this.#settle(datagram, ENOBUFS);
      return;
    }
    this.#queue.push(datagram);
    this.#queueBytes += datagram.sizeBytes;
    // While messages are told, answers gather until the last of them.
    if (this.#isFlushDue || this.#isBlocked || this.#inbox.length > 0) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flushDue);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    release(this.fd);
    this.#reactor.close(this.#slot);
    returnBatch();
    for (const datagram of this.#queue.slice(this.#queueStart)) this.#settle(datagram, ECANCELED);
    this.#queue = [];
    this.#queueStart = 0;
    this.#queueBytes = 0;
    this.#inbox = [];
  }

  /** Whether waiting here keeps Node alive. */
  setRef(isRef: boolean): void {
    this.#reactor.background(this.#slot, !isRef);
  }

  override ready(_slot: Slot, events: number): void {
    if ((events & POLLOUT) !== 0) {
      this.#isBlocked = false;
      this.#flush();
    }
    if ((events & ~POLLOUT) !== 0) this.#receive();
    this.#arm();
  }

  override failed(_slot: Slot, errno: number): void {
    this.#scope.runInAsyncScope(this.#owner.receiveFailed, this.#owner, errno);
  }

  #arm(): void {
    if (this.#isClosed) return;
    const wanted = (this.#inbox.length === 0 ? POLLIN : 0) | (this.#isBlocked ? POLLOUT : 0);
    if (wanted !== 0) this.#reactor.arm(this.#slot, wanted);
  }

  #receive(): void {
    if (this.#inbox.length > 0) return;
    const count = this.#batch.receive(this.fd, this.#inbox);
    if (count > 0) this.#tellNext();
    else if (count !== -EAGAIN && count !== -EINTR && count !== 0) this.failed(this.#slot, -count);
  }

  readonly #tellNext = (): void => {
    const next = this.#inbox[this.#inboxStart++];
    if (next === undefined || this.#isClosed) return;
    try {
      this.#scope.runInAsyncScope(this.#owner.datagramReceived, this.#owner, next.message, next.from);
    } finally {
      if (this.#inboxStart < this.#inbox.length) {
        // First what promises left, then the next: a microtask that makes a tick.
        queueMicrotask(this.#tellSoon);
      } else {
        this.#inbox = [];
        this.#inboxStart = 0;
        if (!this.#isClosed) this.#flush();
        this.#arm();
      }
    }
  };

  readonly #tellSoon = (): void => process.nextTick(this.#tellNext);

  readonly #flushDue = (): void => {
    this.#isFlushDue = false;
    if (this.#isClosed || this.#isBlocked) return;
    this.#flush();
    if (this.#isBlocked) this.#arm();
  };

  /** Sends what is queued until the kernel takes no more. */
  #flush(): void {
    while (this.#queueStart < this.#queue.length) {
      const first = this.#queue[this.#queueStart] as QueuedDatagram;
      const isTooLong = first.sizeBytes > MAX_PAYLOAD_BYTES;
      const result = isTooLong ? -EMSGSIZE : this.#batch.send(this.fd, this.#queue, this.#queueStart);
      if (result === -EAGAIN) {
        this.#isBlocked = true;
        return;
      }
      if (result > 0) for (let i = 0; i < result; i++) this.#shift(0);
      else if (result !== -EINTR) this.#shift(-result);
    }
    this.#queue = [];
    this.#queueStart = 0;
  }

  #shift(errno: number): void {
    const datagram = this.#queue[this.#queueStart++] as QueuedDatagram;
    this.#queueBytes -= datagram.sizeBytes;
    this.#settle(datagram, errno);
    // What has been sent is let go while a long queue is worked off.
    if (this.#queueStart < BATCH * 16) return;
    this.#queue = this.#queue.slice(this.#queueStart);
    this.#queueStart = 0;
  }

  #settle({ done }: QueuedDatagram, errno: number): void {
    if (done !== undefined) process.nextTick(done, errno);
  }
}

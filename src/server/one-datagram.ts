/** Datagrams one at a time, for designs in which each is somebody's whole task. */
import { decodeSockaddr, EAGAIN, EINTR, MSG_DONTWAIT, MSG_TRUNC, SOCKADDR_STORAGE } from "../abi/index.ts";
import type { DatagramIntents, DatagramProtocol, PeerAddress } from "../protocol/index.ts";
import type { DeadlineHeap } from "../reactor/index.ts";
import { recvfrom, sendto } from "../sys/index.ts";
import { add, BYTES_IN, BYTES_OUT, DATAGRAMS_DROPPED, DATAGRAMS_IN, DATAGRAMS_OUT, ERRORS } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { localOf, toPeerAddress } from "./peer.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

/** What was received: `bytes[0, length)`, of `fullLength` on the wire, from `name`, an encoded socket address. */
export interface ReceivedDatagram {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly fullLength: number;
  readonly name: Uint8Array;
}

/** Receives one at a time, into the same memory. */
export class DatagramReceiver {
  readonly #bytes: Uint8Array;
  readonly #name = new Uint8Array(SOCKADDR_STORAGE.size);
  readonly #nameLength = new Uint32Array(1);

  constructor(maxDatagramBytes: number) {
    this.#bytes = new Uint8Array(maxDatagramBytes);
  }

  /** @returns what was received, good until the next call; or `-errno`. EINTR is tried again. */
  receive(fd: number): ReceivedDatagram | number {
    for (;;) {
      this.#nameLength[0] = SOCKADDR_STORAGE.size;
      const { length: capacity } = this.#bytes;
      const flags = MSG_DONTWAIT | MSG_TRUNC;
      const fullLength = recvfrom(fd, this.#bytes, capacity, flags, this.#name, this.#nameLength);
      if (fullLength === -EINTR) continue;
      if (fullLength < 0) return fullLength;
      const name = this.#name.subarray(0, this.#nameLength[0]);
      return { bytes: this.#bytes, length: Math.min(fullLength, capacity), fullLength, name };
    }
  }
}

/** One protocol, given datagrams one at a time; it answers through `fd`. */
export class DatagramAnswerer implements DatagramIntents {
  readonly #task: RunningTask;
  readonly #fd: number;
  readonly #protocol: DatagramProtocol;
  readonly #timers: ProtocolTimers;
  #name = new Uint8Array(0);

  constructor(task: RunningTask, fd: number, heap: DeadlineHeap) {
    if (task.service.datagram === undefined) throw new TypeError(`${task.service.name} is not spoken over datagrams`);
    this.#task = task;
    this.#fd = fd;
    this.#protocol = task.service.datagram(task.options, { memory: task.memory, localPort: localOf(fd).port })();
    this.#timers = new ProtocolTimers(heap, (id) => this.#guard(() => this.#protocol.timer?.(this, id)));
  }

  /** Gives the protocol a datagram, and sends what it answers. */
  take({ bytes, length, fullLength, name }: ReceivedDatagram): void {
    const { counters } = this.#task;
    add(counters, DATAGRAMS_IN, 1);
    add(counters, BYTES_IN, length);
    // A timer answers whoever sent last, when the receiver's memory is somebody else's.
    this.#name = name.slice();
    this.#guard(() => this.#protocol.datagram(this, bytes, 0, length, fullLength));
  }

  dispose(): void {
    this.#timers.clearAll();
  }

  get nowMs(): number {
    return performance.now();
  }

  get unixMs(): number {
    return Date.now();
  }

  get peer(): PeerAddress {
    return toPeerAddress(decodeSockaddr(this.#name, 0, this.#name.length));
  }

  /** What the kernel refuses is dropped and counted, as the network would. */
  reply(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const { counters } = this.#task;
    const answer = bytes.subarray(start, end);
    let sent = -EINTR;
    while (sent === -EINTR) {
      sent = sendto(this.#fd, answer, answer.length, MSG_DONTWAIT, this.#name, this.#name.length);
    }
    add(counters, sent < 0 ? DATAGRAMS_DROPPED : DATAGRAMS_OUT, 1);
    if (sent > 0) add(counters, BYTES_OUT, sent);
  }

  setTimer(id: number, atMs: number): void {
    this.#timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#timers.clear(id);
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      reportProtocol(this.#task, error);
    }
  }
}

/** Tells of a receive that failed; an ICMP error that came back for an earlier answer is no reason to stop. */
export function complainOfReceive(task: Pick<RunningTask, "counters" | "report">, errno: number): void {
  if (errno === EAGAIN) return;
  add(task.counters, ERRORS, 1);
  task.report({ where: "recvfrom", message: describe("recvfrom", errno) });
}

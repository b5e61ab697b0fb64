/** Datagrams one at a time, for designs in which each is somebody's whole task. */
import { decodeSockaddr, EAGAIN } from "../abi/index.ts";
import type { DatagramIntents, DatagramProtocol, PeerAddress } from "../protocol/index.ts";
import type { DeadlineHeap } from "../reactor/index.ts";
import { asksForAddress } from "./asked-address.ts";
import { add, BYTES_IN, BYTES_OUT, DATAGRAMS_DROPPED, DATAGRAMS_IN, DATAGRAMS_OUT, ERRORS } from "./counters.ts";
import { describe, reportProtocol } from "./describe.ts";
import { OneMessage } from "./one-message.ts";
import { localOf, toPeerAddress } from "./peer.ts";
import { setJoined } from "./segments.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

/** The most that IPv4 and IPv6 carry. */
const MAX_DATAGRAM_BYTES = 65_535;

/**
 * What was received: `bytes[0, length)`, of `fullLength` on the wire, from `name`, an encoded socket address; `asked` goes back
 * with an answer.
 */
export interface ReceivedDatagram {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly fullLength: number;
  readonly name: Uint8Array;
  readonly asked: Uint8Array;
}

/** Receives one at a time, into the same memory. */
export class DatagramReceiver {
  readonly #message: OneMessage;
  readonly #fd: number;
  readonly #roomBytes: number;

  constructor(fd: number, maxDatagramBytes: number) {
    this.#fd = fd;
    this.#roomBytes = maxDatagramBytes;
    this.#message = new OneMessage(maxDatagramBytes);
    asksForAddress(fd);
    setJoined(fd, false);
  }

  /** @returns what was received, by this socket or by another, good until the next call; or `-errno`. */
  receive(fd: number = this.#fd): ReceivedDatagram | number {
    const fullLength = this.#message.receive(fd);
    if (fullLength < 0) return fullLength;
    const { bytes, name, asked } = this.#message;
    return { bytes, length: Math.min(fullLength, this.#roomBytes), fullLength, name, asked };
  }

  dispose(): void {
    this.#message.dispose();
  }
}

/** One protocol, given datagrams one at a time; it answers through `fd`. */
export class DatagramAnswerer implements DatagramIntents {
  readonly #task: RunningTask;
  readonly #ownFd: number;
  /** Where the answer leaves. */
  #fd: number;
  readonly #protocol: DatagramProtocol;
  readonly #timers: ProtocolTimers;
  readonly #answer = new OneMessage(MAX_DATAGRAM_BYTES);
  #name = new Uint8Array(0);
  #asked = new Uint8Array(0);

  constructor(task: RunningTask, fd: number, heap: DeadlineHeap) {
    if (task.service.datagram === undefined) throw new TypeError(`${task.service.name} is not spoken over datagrams`);
    this.#task = task;
    this.#ownFd = fd;
    this.#fd = fd;
    const { memory, shares } = task;
    this.#protocol = task.service.datagram(task.options, { memory, localPort: localOf(fd).port, shares })();
    this.#timers = new ProtocolTimers(heap, (id) => this.#guard(() => this.#protocol.timer?.(this, id)));
  }

  /** Gives the protocol a datagram, and sends what it answers, by this socket or by another of the same address. */
  take({ bytes, length, fullLength, name, asked }: ReceivedDatagram, fd: number = this.#ownFd): void {
    const { counters } = this.#task;
    this.#fd = fd;
    add(counters, DATAGRAMS_IN, 1);
    add(counters, BYTES_IN, length);
    // A timer answers whoever sent last, when the receiver's memory is somebody else's.
    this.#name = name.slice();
    this.#asked = asked.slice();
    this.#guard(() => this.#protocol.datagram(this, bytes, 0, length, fullLength));
  }

  /** Another socket is about to be closed; what a timer still answers leaves by the own one. */
  leave(fd: number): void {
    if (this.#fd === fd) this.#fd = this.#ownFd;
  }

  dispose(): void {
    this.#timers.clearAll();
    this.#answer.dispose();
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
    if (answer.length > MAX_DATAGRAM_BYTES) throw new RangeError(`an answer of ${answer.length} bytes is no datagram`);
    const sent = this.#answer.send(this.#fd, answer, this.#name, this.#asked);
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

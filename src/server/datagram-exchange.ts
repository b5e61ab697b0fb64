/**
 * Datagrams in batches: one recvmmsg takes what waits, the protocol answers each, one sendmmsg sends the answers.
 *
 * All memory is mapped once. An answer that is (part of) the received datagram is sent from where it was received;
 * others are gathered in an arena. Message headers are filled in with plain stores. Runs of one peer come and go as one
 * message each (`segments.ts`).
 */
import { CMSGHDR, MSG_DONTWAIT, MSG_TRUNC } from "../abi/index.ts";
import type { DatagramIntents, DatagramProtocol, PeerAddress } from "../protocol/index.ts";
import type { DeadlineHeap } from "../reactor/index.ts";
import { recvmmsgAt } from "../sys/index.ts";
import { answerFrom, asksForAddress, controlBytes } from "./asked-address.ts";
import { add, BYTES_IN, DATAGRAMS_DROPPED, DATAGRAMS_IN, ERRORS } from "./counters.ts";
import { DatagramAnswers, type Question } from "./datagram-answers.ts";
import {
  BATCH,
  CONTROLLEN_WORD,
  DatagramMemory,
  HEADER_WORDS,
  IN_CONTROL_BYTES,
  LENGTH_WORD,
} from "./datagram-memory.ts";
import { describe, reportProtocol } from "./describe.ts";
import { localOf } from "./peer.ts";
import { PeerCache } from "./peer-cache.ts";
import { joinedSize, setJoined } from "./segments.ts";
import type { RunningTask } from "./task.ts";
import { ProtocolTimers } from "./timers.ts";

/** The longest run that the kernel joins. Where buffers are shorter, it must not. */
const LONGEST_RUN_BYTES = 65_535;
const CONTROL_HEADER_WORDS = CMSGHDR.size / 4;

/** What of a task an exchange is concerned with. */
type ExchangeTask = Omit<RunningTask, "control">;

export class DatagramExchange implements DatagramIntents {
  readonly #task: ExchangeTask;
  readonly #protocol: DatagramProtocol;
  readonly #timers: ProtocolTimers;
  readonly #clock: () => number;
  readonly #admits: ((peer: PeerAddress) => boolean) | undefined;
  readonly #capacity: number;
  readonly #memory: DatagramMemory;
  readonly #words: Uint32Array;
  readonly #peers: PeerCache;
  readonly #answers: DatagramAnswers;
  /** Whether the kernel says which address each datagram came to; not where there is one only. */
  readonly #isAsked: boolean;
  /** Whether it joins runs. */
  readonly #isJoined: boolean;
  /** The message in hand. */
  readonly #question: Question = { message: 0, segmentBytes: 0, askedWord: 0, askedLength: 0 };
  /** Its sender, once somebody has asked. */
  #peer: PeerAddress | undefined;
  /** How many messages the last receive took: their headers are to be prepared again. */
  #taken = BATCH;

  /**
   * @param clock the loop's `nowMs`.
   * @param admits whether a datagram may be answered; by default all may. With it, the socket is somebody else's, who may
   * want it as it was: nothing is joined.
   */
  constructor(task: ExchangeTask, timers: DeadlineHeap, clock: () => number, admits?: (peer: PeerAddress) => boolean) {
    if (task.service.datagram === undefined) throw new TypeError(`${task.service.name} is not spoken over datagrams`);
    this.#task = task;
    const { memory, shares } = task;
    this.#protocol = task.service.datagram(task.options, { memory, localPort: localOf(task.fd).port, shares })();
    this.#timers = new ProtocolTimers(timers, (id) => this.#guard(() => this.#protocol.timer?.(this, id)));
    this.#clock = clock;
    this.#admits = admits;
    this.#capacity = task.limits.maxDatagramBytes;
    this.#memory = new DatagramMemory(this.#capacity);
    this.#words = this.#memory.words;
    this.#peers = new PeerCache(this.#memory.bytes, this.#words);
    this.#isAsked = asksForAddress(task.fd);
    this.#isJoined = setJoined(task.fd, admits === undefined && this.#capacity >= LONGEST_RUN_BYTES);
    this.#answers = new DatagramAnswers(this.#memory, task.fd, task.counters, this.#isJoined);
  }

  /**
   * Takes one batch and answers it.
   * @returns how many messages there were (less than {@link BATCH}: no more wait), or `-errno`.
   */
  serve(): number {
    const { fd, counters } = this.#task;
    const memory = this.#memory;
    memory.prepare(this.#taken, this.#isAsked || this.#isJoined);
    this.#taken = 0;
    // SAFETY: headers, vectors, names, control data and buffers lie in one region that lives until `dispose`.
    const received = recvmmsgAt(fd, memory.region.address + memory.inHeaders, BATCH, MSG_DONTWAIT | MSG_TRUNC, 0);
    if (received <= 0) return received;
    this.#taken = received;
    const question = this.#question;
    let [datagrams, refused, bytesIn] = [0, 0, 0];
    for (let i = 0, header = memory.inHeaders / 4; i < received; i++, header += HEADER_WORDS) {
      const fullLength = this.#words[header + LENGTH_WORD] as number;
      const start = memory.input + i * memory.stride;
      const end = start + Math.min(fullLength, this.#capacity);
      question.message = i;
      question.segmentBytes = 0;
      question.askedLength = 0;
      this.#peer = undefined;
      const said = this.#words[header + CONTROLLEN_WORD] as number;
      if (said > 0) this.#hear(said);
      bytesIn += end - start;
      const size = question.segmentBytes;
      if (size === 0) {
        datagrams++;
        if (!this.#take(start, end, fullLength)) refused++;
      }
      for (let at = start; size > 0 && at < end; at += size) {
        const length = Math.min(size, end - at);
        datagrams++;
        if (!this.#take(at, at + length, length)) refused++;
      }
    }
    add(counters, DATAGRAMS_IN, datagrams);
    add(counters, DATAGRAMS_DROPPED, refused);
    add(counters, BYTES_IN, bytesIn);
    this.#answers.flush();
    return received;
  }

  /** Gives the protocol a datagram. @returns whether it was admitted */
  #take(start: number, end: number, fullLength: number): boolean {
    if (this.#admits?.(this.peer) === false) return false;
    try {
      this.#protocol.datagram(this, this.#memory.bytes, start, end, fullLength);
    } catch (error) {
      reportProtocol(this.#task, error);
    }
    return true;
  }

  /** Reads what the kernel says of the message in hand. */
  #hear(said: number): void {
    const question = this.#question;
    let at = (this.#memory.inControl + question.message * IN_CONTROL_BYTES) / 4;
    const end = at + said / 4;
    while (at + CONTROL_HEADER_WORDS <= end) {
      const room = controlBytes(this.#words, at);
      if (room === 0) return;
      const size = joinedSize(this.#words, at);
      if (size > 0) {
        question.segmentBytes = size;
      } else if (this.#isAsked) {
        const length = answerFrom(this.#words, at, room);
        if (length > 0) {
          question.askedLength = length;
          question.askedWord = at;
        }
      }
      at += room / 4;
    }
  }

  dispose(): void {
    this.#timers.clearAll();
    this.#memory.dispose();
  }

  get nowMs(): number {
    return this.#clock();
  }

  get unixMs(): number {
    return Date.now();
  }

  get peer(): PeerAddress {
    const { message } = this.#question;
    this.#peer ??= this.#peers.read(this.#memory.nameOf(message), this.#memory.nameLength(message));
    return this.#peer;
  }

  reply(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#answers.add(this.#question, bytes, start, end);
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
    // Also after a throw: where the answers go is written over by the next receive.
    if (!this.#answers.isEmpty) this.#answers.flush();
  }

  /** Tells of a receive that failed. An ICMP error that came back for an earlier answer is no reason to stop. */
  complain(errno: number): void {
    add(this.#task.counters, ERRORS, 1);
    this.#task.report({ where: "recvmmsg", message: describe("recvmmsg", errno) });
  }
}

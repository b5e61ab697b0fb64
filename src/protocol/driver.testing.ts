/**
 * Drivers for tests: no socket, a clock that stands still until told, and the contract's rules enforced. Received
 * bytes are overwritten once a method has returned, and written bytes must be unchanged until then.
 */
import type { DatagramIntents, DatagramProtocol } from "./datagram.ts";
import type { Publication, Resource, ResourceValue } from "./resource.ts";
import {
  MAX_MESSAGE_BYTES,
  MAX_OUTSTANDING_REQUESTS,
  MAX_SUBSCRIPTIONS,
  type PeerAddress,
  type SharedStreamIntents,
  type SharedStreamProtocol,
  type StreamProtocol,
} from "./stream.ts";

/** More turns of a loop than any test needs: one that goes on has run away. */
const MAX_TURNS = 1_000_000;
const SPOILT = 0xdd;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** One byte per character, whatever its value below 256. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function peerAt(address: string, port: number): PeerAddress {
  return { family: address.includes(":") ? "inet6" : "inet", address, port };
}

/** Bytes that a protocol lent to the driver, and what they were when it did. */
interface Loan {
  readonly lent: Uint8Array;
  readonly copy: Uint8Array;
}

class Loans {
  readonly #open: Loan[] = [];

  take(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (start < 0 || end < start || end > bytes.length) throw new RangeError(`no window: [${start}, ${end})`);
    const lent = bytes.subarray(start, end);
    const copy = lent.slice();
    this.#open.push({ lent, copy });
    return copy;
  }

  settle(): void {
    for (const { lent, copy } of this.#open.splice(0)) {
      if (lent.some((byte, i) => byte !== copy[i]))
        throw new Error("written bytes were changed before the method returned");
    }
  }
}

/** The received bytes in the middle of a larger buffer, as drivers hand them over. */
function inBuffer(bytes: Uint8Array): { buffer: Uint8Array; start: number; end: number } {
  const start = 3;
  const buffer = new Uint8Array(bytes.length + 7).fill(SPOILT);
  buffer.set(bytes, start);
  return { buffer, start, end: start + bytes.length };
}

class Clock {
  nowMs = 1000;
  unixMs: number = Date.UTC(2003, 6, 27, 22, 1, 51);
  readonly timers: Map<number, number> = new Map();

  /** Moves on to each timer that is due within `ms`, calls it, and ends `ms` later. */
  advance(ms: number, fire: (id: number) => void): void {
    const untilMs = this.nowMs + ms;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const due = [...this.timers].filter(([, atMs]) => atMs <= untilMs).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) {
        this.unixMs += untilMs - this.nowMs;
        this.nowMs = untilMs;
        return;
      }
      const [id, atMs] = due;
      const stepMs = Math.max(0, atMs - this.nowMs);
      this.nowMs += stepMs;
      this.unixMs += stepMs;
      this.timers.delete(id);
      fire(id);
    }
    throw new Error("the timers never come to rest");
  }
}

/** The owner of resources and topics, and the wire to it: what is asked waits until the test lets it through. */
export class FakeHub {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly #jobs: (() => void)[] = [];
  readonly #streams: FakeStream[] = [];

  constructor(resources: Readonly<Record<string, Resource>>) {
    this.resources = resources;
  }

  /** Requests and messages that are on their way. */
  get waiting(): number {
    return this.#jobs.length;
  }

  join(stream: FakeStream): number {
    this.#streams.push(stream);
    return this.#streams.length;
  }

  leave(stream: FakeStream): void {
    this.#jobs.push(() => {
      for (const resource of Object.values(this.resources)) this.deliver(resource.gone?.(stream.number) ?? []);
    });
  }

  ask(from: FakeStream, id: number, name: string, body: ResourceValue): void {
    const carried: ResourceValue = JSON.parse(JSON.stringify(body));
    this.#jobs.push(() => {
      const resource = this.resources[name];
      if (resource === undefined) throw new Error(`no resource ${name}`);
      const { value, publications } = resource.handle(carried, from.number);
      this.deliver(publications ?? []);
      from.respond(id, JSON.parse(JSON.stringify(value)));
    });
  }

  publish(publication: Publication): void {
    this.#jobs.push(() => this.deliver([publication]));
  }

  /** Lets one request or message through. */
  step(): void {
    const job = this.#jobs.shift();
    if (job === undefined) throw new Error("nothing is on its way");
    job();
  }

  run(): void {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (this.#jobs.length === 0) return;
      this.step();
    }
    throw new Error("the requests never come to rest");
  }

  deliver(publications: readonly Publication[]): void {
    for (const { topic, bytes } of publications) {
      if (bytes.length > MAX_MESSAGE_BYTES) throw new RangeError("the message is too long");
      for (const stream of this.#streams) stream.tell(topic, bytes);
    }
  }
}

export interface FakeStreamOptions {
  readonly highWaterBytes?: number;
  readonly hub?: FakeHub;
  readonly peer?: PeerAddress;
  /** Delivers input although the protocol has paused, as a driver does whose read was already under way. */
  readonly readsAhead?: boolean;
}

/** One connection. */
export class FakeStream implements SharedStreamIntents {
  readonly peer: PeerAddress;
  readonly local: PeerAddress = peerAt("127.0.0.1", 7000);
  readonly number: number;
  ended = false;
  aborted: string | undefined;
  paused = false;
  /** Bytes written since the last {@link drain}. */
  waitingBytes = 0;
  readonly topics: Set<string> = new Set();
  readonly #protocol: StreamProtocol | SharedStreamProtocol;
  readonly #highWaterBytes: number;
  readonly #hub: FakeHub | undefined;
  readonly #readsAhead: boolean;
  readonly #clock = new Clock();
  readonly #loans = new Loans();
  readonly #written: Uint8Array[] = [];
  readonly #unread: Uint8Array[] = [];
  #peerEnded = false;
  #endSeen = false;
  #blocked = false;
  #closed = false;
  #lastRequest = 0;
  #outstanding = 0;

  constructor(protocol: StreamProtocol | SharedStreamProtocol, options: FakeStreamOptions = {}) {
    this.#protocol = protocol;
    this.#highWaterBytes = options.highWaterBytes ?? Number.POSITIVE_INFINITY;
    this.#hub = options.hub;
    this.#readsAhead = options.readsAhead ?? false;
    this.peer = options.peer ?? peerAt("127.0.0.1", 40_000);
    this.number = this.#hub?.join(this) ?? 1;
    this.#call(() => this.#protocol.open?.(this));
  }

  // What a test does.

  get output(): Uint8Array {
    const all = new Uint8Array(this.#written.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of this.#written) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  get text(): string {
    return decoder.decode(this.output);
  }

  get timerCount(): number {
    return this.#clock.timers.size;
  }

  /** What was written since the last call. */
  takeText(): string {
    const { text } = this;
    this.#written.length = 0;
    return text;
  }

  /** The peer sends bytes, which arrive in pieces that end at `cuts`. */
  send(input: string | Uint8Array, cuts: readonly number[] = []): this {
    const bytes = typeof input === "string" ? bytesOf(input) : input;
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      if (cut > from) this.#unread.push(bytes.slice(from, cut));
      from = Math.max(from, cut);
    }
    this.#readOn();
    return this;
  }

  sendByteByByte(input: string | Uint8Array): this {
    const bytes = typeof input === "string" ? bytesOf(input) : input;
    return this.send(
      bytes,
      Array.from(bytes, (_, i) => i + 1),
    );
  }

  /** The peer half-closes. */
  finish(): this {
    this.#peerEnded = true;
    this.#readOn();
    return this;
  }

  /** All that was written has left. */
  drain(): this {
    this.waitingBytes = 0;
    if (this.#blocked && !this.ended && this.aborted === undefined) {
      this.#blocked = false;
      this.#call(() => this.#protocol.writable?.(this));
    }
    this.#readOn();
    return this;
  }

  advance(ms: number): this {
    this.#clock.advance(ms, (id) => this.#call(() => this.#protocol.timer?.(this, id)));
    this.#readOn();
    return this;
  }

  /** The connection breaks. */
  break(reason: string): this {
    this.#close(reason);
    return this;
  }

  /** The hub's answer. */
  respond(id: number, value: ResourceValue): void {
    this.#outstanding--;
    if (this.#closed || this.#protocol.shared !== true) return;
    const { response } = this.#protocol;
    this.#call(() => response?.call(this.#protocol, this, id, value));
    this.#readOn();
  }

  /** The hub's message. */
  tell(topic: string, bytes: Uint8Array): void {
    const protocol = this.#protocol;
    if (this.#closed || protocol.shared !== true || !this.topics.has(topic)) return;
    const copy = bytes.slice();
    this.#call(() => protocol.message?.(this, topic, copy));
    copy.fill(SPOILT);
    this.#readOn();
  }

  // What the protocol asks.

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  get unixMs(): number {
    return this.#clock.unixMs;
  }

  write(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    if (this.ended || this.#closed) return false;
    const copy = this.#loans.take(bytes, start, end);
    this.#written.push(copy);
    this.waitingBytes += copy.length;
    if (this.waitingBytes <= this.#highWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  end(): void {
    if (this.#closed) return;
    this.ended = true;
    this.#clock.timers.clear();
    if (this.#peerEnded) this.#close(undefined);
  }

  abort(reason: string): void {
    if (this.#closed) return;
    this.aborted = reason;
    this.#close(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  setTimer(id: number, atMs: number): void {
    if (!Number.isFinite(atMs)) throw new RangeError(`no moment: ${atMs}`);
    this.#clock.timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#clock.timers.delete(id);
  }

  publish(topic: string, bytes: Uint8Array): void {
    this.#hub?.publish({ topic, bytes: bytes.slice() });
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
    if (this.topics.size > MAX_SUBSCRIPTIONS) throw new RangeError("too many topics");
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  request(resource: string, body: ResourceValue): number {
    if (this.#hub === undefined) throw new Error("no hub");
    if (++this.#outstanding > MAX_OUTSTANDING_REQUESTS) throw new RangeError("too many requests");
    this.#hub.ask(this, ++this.#lastRequest, resource, body);
    return this.#lastRequest;
  }

  #readOn(): void {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (this.#closed || (this.paused && !this.#readsAhead)) return;
      const piece = this.#unread.shift();
      if (piece === undefined) break;
      if (this.ended) continue;
      const { buffer, start, end } = inBuffer(piece);
      this.#call(() => this.#protocol.data(this, buffer, start, end));
      buffer.fill(SPOILT);
    }
    if (!this.#peerEnded || this.#endSeen) return;
    this.#endSeen = true;
    if (this.ended) this.#close(undefined);
    else this.#call(() => (this.#protocol.end === undefined ? this.end() : this.#protocol.end(this)));
  }

  #call(run: () => void): void {
    if (this.#closed) return;
    run();
    this.#loans.settle();
  }

  #close(reason: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#clock.timers.clear();
    this.#protocol.close?.(reason);
    this.#hub?.leave(this);
  }
}

/** What a conversation came to, for comparing one with another. */
export interface Outcome {
  readonly output: readonly number[];
  readonly ended: boolean;
  readonly aborted: string | undefined;
}

/** A whole conversation: `input` in pieces that end at `cuts`, then the peer's end. */
export function converse(protocol: StreamProtocol, input: Uint8Array, cuts: readonly number[] = []): Outcome {
  const stream = new FakeStream(protocol).send(input, cuts).finish();
  return { output: [...stream.output], ended: stream.ended, aborted: stream.aborted };
}

/** One socket, and the peers that send to it. */
export class FakeDatagrams implements DatagramIntents {
  peer: PeerAddress = peerAt("127.0.0.1", 40_000);
  readonly #protocol: DatagramProtocol;
  readonly #clock = new Clock();
  readonly #loans = new Loans();
  #replies: Uint8Array[] = [];

  constructor(protocol: DatagramProtocol) {
    this.#protocol = protocol;
  }

  /** A datagram arrives; returns the answers to it. */
  receive(input: string | Uint8Array, peer: PeerAddress = this.peer, fullLength?: number): Uint8Array[] {
    const bytes = typeof input === "string" ? bytesOf(input) : input;
    this.peer = peer;
    this.#replies = [];
    const { buffer, start, end } = inBuffer(bytes);
    this.#protocol.datagram(this, buffer, start, end, fullLength ?? bytes.length);
    this.#loans.settle();
    buffer.fill(SPOILT);
    return this.#replies;
  }

  receiveText(input: string, peer?: PeerAddress): string[] {
    return this.receive(input, peer).map((bytes) => decoder.decode(bytes));
  }

  advance(ms: number): this {
    this.#clock.advance(ms, (id) => {
      this.#protocol.timer?.(this, id);
      this.#loans.settle();
    });
    return this;
  }

  set unixMs(ms: number) {
    this.#clock.unixMs = ms;
  }

  get unixMs(): number {
    return this.#clock.unixMs;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  reply(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#replies.push(this.#loans.take(bytes, start, end));
  }

  setTimer(id: number, atMs: number): void {
    this.#clock.timers.set(id, atMs);
  }

  clearTimer(id: number): void {
    this.#clock.timers.delete(id);
  }
}

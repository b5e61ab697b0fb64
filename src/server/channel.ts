/**
 * A worker's end of the socketpair that ties it to its server. It blocks in poll(2) and has no loop of Node's, so it
 * sends and receives by system calls of its own; the server's end is a stream of Node's (`channel-parent.ts`).
 *
 * The server's end is closed when the server's process is gone, by whatever cause: then a worker has nobody to work for.
 */
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, POLLIN, POLLOUT } from "../abi/index.ts";
import { poll, recv, send } from "../sys/index.ts";
import { encodeLine, LineSplitter } from "./channel-lines.ts";
import type { Json } from "./service.ts";

const INPUT_BYTES = 64 * 1024;
/** Bytes of messages that wait to be taken before no more are received. */
const MAX_INBOX_BYTES: number = 1024 * 1024;
/** How long a server may not read what a worker tells it before the worker gives it up. */
const SEND_TIMEOUT_MS = 10_000;

export class Channel {
  readonly fd: number;
  readonly #splitter = new LineSplitter();
  readonly #input = new Uint8Array(INPUT_BYTES);
  readonly #inbox: Json[] = [];
  #inboxBytes = 0;
  #isOpen = true;
  /** How messages are sent where a reactor does it. */
  sendThrough: ((line: Uint8Array) => void) | undefined = undefined;

  /** @param fd a connected stream socket, blocking or not; the caller's to close */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** False once the server is gone. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether more should be received. */
  get isFull(): boolean {
    return this.#inboxBytes > MAX_INBOX_BYTES;
  }

  /** Messages that wait to be taken. */
  get waiting(): number {
    return this.#inbox.length;
  }

  /** The next message, if there is one. */
  take(): Json | undefined {
    if (this.#inbox.length <= 1) this.#inboxBytes = 0;
    return this.#inbox.shift();
  }

  /** Takes what has arrived into the inbox, without waiting. */
  receive(): void {
    while (this.#isOpen && !this.isFull) {
      const count = recv(this.fd, this.#input, INPUT_BYTES, MSG_DONTWAIT);
      if (count === -EINTR) continue;
      if (count === -EAGAIN) return;
      if (count > 0) this.push(this.#input, 0, count);
      else this.#isOpen = false;
      if (count < INPUT_BYTES) return;
    }
  }

  /** The server is gone. */
  lose(): void {
    this.#isOpen = false;
  }

  /** Takes bytes that a reactor has received. */
  push(bytes: Uint8Array, start: number, end: number): void {
    this.#inboxBytes += end - start;
    this.#splitter.push(bytes.subarray(start, end), (message) => this.#inbox.push(message));
  }

  /** Waits for a message. @returns undefined where the server is gone. */
  wait(): Json | undefined {
    while (this.#inbox.length === 0 && this.#isOpen) {
      this.#poll(POLLIN, -1);
      this.receive();
    }
    return this.take();
  }

  /** Sends a message, whole, before it returns. To a server that is gone, or that does not read, nothing is sent. */
  send(message: Json): void {
    const line = encodeLine(message);
    if (this.sendThrough !== undefined) {
      this.sendThrough(line);
      return;
    }
    let from = 0;
    while (from < line.length && this.#isOpen) {
      const sent = send(this.fd, line.subarray(from), line.length - from, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) from += sent;
      else if (sent === -EAGAIN) this.#isOpen = this.#poll(POLLOUT, SEND_TIMEOUT_MS) !== 0;
      else if (sent !== -EINTR) this.#isOpen = false;
    }
  }

  #poll(events: number, timeoutMs: number): number {
    const count = poll(new Int32Array([this.fd, events]), 1, timeoutMs);
    return count === -EINTR ? 1 : count;
  }
}

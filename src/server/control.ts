/**
 * How a server that blocks in the kernel is told to stop: a shared word says how long it may finish what it has, and an
 * eventfd, which every loop of ours watches, wakes it.
 */

import { EFD_CLOEXEC, EFD_NONBLOCK } from "../abi/index.ts";
import { checked } from "../socket/index.ts";
import { close, eventfd, read, write } from "../sys/index.ts";
import type { Channel } from "./channel.ts";

/** The words: how long open connections may go on (or RUNNING), and whether the server has closed its socket. */
const GRACE = 0;
const SOCKET_CLOSED = 1;
const RUNNING = -1;
const ONE = new BigUint64Array([1n]);

export interface ControlData {
  readonly fd: number;
  readonly words: Int32Array;
}

export class Control {
  readonly fd: number;
  /** What ties a worker to its server; when that is gone, it is time to stop. */
  readonly channel: Channel | undefined;
  readonly #words: Int32Array;

  private constructor(fd: number, words: Int32Array, channel?: Channel) {
    this.fd = fd;
    this.#words = words;
    this.channel = channel;
  }

  /**
   * @param words shared with whoever is to be controlled; two are used.
   * @throws SystemError EMFILE, ENOMEM …
   */
  static create(words: Int32Array = new Int32Array(new SharedArrayBuffer(8))): Control {
    words[GRACE] = RUNNING;
    words[SOCKET_CLOSED] = 0;
    return new Control(checked("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), words);
  }

  /** In another thread or process: the same control, from what {@link transferable} gave. */
  static from(data: ControlData, channel?: Channel): Control {
    return new Control(data.fd, data.words, channel);
  }

  get transferable(): ControlData {
    return { fd: this.fd, words: this.#words };
  }

  get isStopping(): boolean {
    return Atomics.load(this.#words, GRACE) !== RUNNING;
  }

  /** How long open connections may go on; meaningful once stopping. */
  get graceMs(): number {
    return Math.max(0, Atomics.load(this.#words, GRACE));
  }

  /** Asks to stop. A second call may shorten the grace. */
  stop(graceMs: number): void {
    Atomics.store(this.#words, GRACE, graceMs);
    write(this.fd, ONE, 8);
  }

  /** Takes the wake-up, so that the descriptor is quiet until the next order. */
  consume(): void {
    read(this.fd, new BigUint64Array(1), 8);
  }

  /** Closes the server's socket, once, whichever thread comes first. */
  closeSocket(fd: number): void {
    if (Atomics.exchange(this.#words, SOCKET_CLOSED, 1) === 0) close(fd);
  }

  close(): void {
    close(this.fd);
  }
}

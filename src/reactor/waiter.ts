/**
 * The second road into Node's loop: a worker blocks in poll(2) on a reactor's behalf and says by message that there is
 * work.
 *
 * Waits and turns alternate: the worker polls a copy of the reactor's wait set (the epoll descriptor, or the whole
 * array of the poll backend), posts a message and sleeps on a shared word; this thread does its passes, sends a fresh
 * copy and wakes it. A change of the set while the worker polls ends that poll early through an eventfd, and the next
 * starts on the fresh copy.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { EFD_CLOEXEC, EFD_NONBLOCK } from "../abi/index.ts";
import { close, eventfd, write } from "../sys/index.ts";
import { check } from "./check.ts";
import type { Reactor } from "./contract.ts";

/** The shared word: what the worker may do. */
export const WAITER_SLEEP = 0;
export const WAITER_POLL = 1;
export const WAITER_EXIT = 2;

/** What the worker is started with. */
export interface WaiterData {
  readonly control: Int32Array;
  readonly sets: MessagePort;
  readonly interruptFd: number;
}

const ONE = new BigUint64Array([1n]);

export class Waiter {
  readonly #reactor: Reactor;
  readonly #worker: Worker;
  readonly #control = new Int32Array(new SharedArrayBuffer(4));
  readonly #channel = new MessageChannel();
  readonly #interruptFd: number;
  readonly #interrupt = (): void => void write(this.#interruptFd, ONE, 8);

  constructor(reactor: Reactor, ready: () => void) {
    this.#reactor = reactor;
    this.#interruptFd = check("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const workerData: WaiterData = {
      control: this.#control,
      sets: this.#channel.port2,
      interruptFd: this.#interruptFd,
    };
    this.#worker = new Worker(new URL("./waiter-worker.js", import.meta.url), {
      workerData,
      transferList: [this.#channel.port2],
      name: "portolan waiter",
    });
    this.#worker.on("message", ready);
    this.#worker.once("exit", () => close(this.#interruptFd));
    reactor.onWaitSetChange = this.#interrupt;
    // A process cannot exit while one of its workers is blocked in a system call.
    process.once("exit", this.#interrupt);
    this.resume();
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  /** Lets the worker poll the set as it is now. */
  resume(): void {
    this.#channel.port1.postMessage(this.#reactor.waitSet());
    this.#release(WAITER_POLL);
  }

  /** Ends the worker; its descriptor is closed when it has ended. */
  close(): void {
    this.#reactor.onWaitSetChange = undefined;
    process.off("exit", this.#interrupt);
    this.#worker.unref();
    this.#release(WAITER_EXIT);
    this.#interrupt();
    this.#channel.port1.close();
  }

  #release(order: number): void {
    Atomics.store(this.#control, 0, order);
    Atomics.notify(this.#control, 0);
  }
}

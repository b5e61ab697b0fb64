/**
 * The second road into Node's loop: a worker blocks in poll(2) on a reactor's behalf and says by message that there is
 * work.
 *
 * Waits and turns alternate: the worker polls a copy of the reactor's wait set (the epoll descriptor, or the whole
 * array of the poll backend), posts a message and sleeps on a shared word; this thread does its passes, sends a fresh
 * copy and wakes it. A change of the set while the worker polls ends that poll early through an eventfd, and the next
 * starts on the fresh copy. That matters for closing too: a poll under way holds the files of its set open, so a socket
 * closed meanwhile would not say good-bye to its peer before that poll ends.
 *
 * A thread that is blocked in the kernel cannot be ended. The main thread's exit is announced, and ends the poll; that
 * of another worker, which takes its waiter with it, is not, so there the poll is cut into slices. Nor can a thread be
 * ended while it loads native code: the foreign-function library aborts the process when its own start is refused. So
 * an exit that comes as early as that waits until the waiter has started. (A `terminate()` of the owner waits for nobody:
 * there, as with any worker that is terminated while it imports `portolan/sys`, the hazard remains.)
 */
import { isMainThread, MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { EFD_CLOEXEC, EFD_NONBLOCK } from "../abi/index.ts";
import { eventfd, write } from "../sys/index.ts";
import { check } from "./check.ts";
import type { Reactor } from "./contract.ts";
import { closeKept, keepDescriptor } from "./descriptor.ts";
import { workerOptions } from "./worker-options.ts";

/** The first shared word: what the worker may do. */
export const WAITER_SLEEP = 0;
export const WAITER_POLL = 1;
export const WAITER_EXIT = 2;

/** The second shared word: whether the worker has started. */
export const WAITER_STARTED_WORD = 1;

/** What the worker is started with. */
export interface WaiterData {
  readonly control: Int32Array;
  readonly sets: MessagePort;
  readonly interruptFd: number;
  /** The longest poll in milliseconds; -1: as long as it takes. */
  readonly sliceMs: number;
}

/** How long the end of a worker may have to wait for the waiter that it owns. */
const SLICE_IN_WORKER_MS = 100;

/** How long an exit waits at most for a waiter that is starting. */
const LONGEST_START_MS = 2_000;

const ONE = new BigUint64Array([1n]);

export class Waiter {
  readonly #reactor: Reactor;
  readonly #worker: Worker;
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #channel = new MessageChannel();
  readonly #interruptFd: number;
  readonly #interrupt = (): void => void write(this.#interruptFd, ONE, 8);
  readonly #setChanged = (): void => {
    if (this.#isPolling) this.#interrupt();
  };

  /** A process cannot exit while one of its workers is blocked in a system call. */
  readonly #exiting = (): void => {
    Atomics.wait(this.#control, WAITER_STARTED_WORD, 0, LONGEST_START_MS);
    this.#interrupt();
  };

  constructor(reactor: Reactor, ready: () => void) {
    this.#reactor = reactor;
    this.#interruptFd = keepDescriptor(check("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    const workerData: WaiterData = {
      control: this.#control,
      sets: this.#channel.port2,
      interruptFd: this.#interruptFd,
      sliceMs: isMainThread ? -1 : SLICE_IN_WORKER_MS,
    };
    this.#worker = new Worker(new URL("./waiter-worker.js", import.meta.url), {
      ...workerOptions(),
      workerData,
      transferList: [this.#channel.port2],
      name: "portolan waiter",
    });
    this.#worker.on("message", ready);
    addExitTask(this.#exiting);
    this.#worker.once("exit", () => {
      removeExitTask(this.#exiting);
      closeKept(this.#interruptFd);
    });
    reactor.onWaitSetChange = this.#setChanged;
    this.resume();
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  /** Lets the worker poll the set as it is now. While it polls there is no need: a change would have ended that. */
  resume(): void {
    if (this.#isPolling) return;
    this.#channel.port1.postMessage(this.#reactor.waitSet());
    this.#release(WAITER_POLL);
  }

  /** Ends the worker; its descriptor is closed when it has ended. */
  close(): void {
    this.#reactor.onWaitSetChange = undefined;
    this.#worker.unref();
    this.#release(WAITER_EXIT);
    this.#interrupt();
    this.#channel.port1.close();
  }

  get #isPolling(): boolean {
    return Atomics.load(this.#control, 0) === WAITER_POLL;
  }

  #release(order: number): void {
    Atomics.store(this.#control, 0, order);
    Atomics.notify(this.#control, 0);
  }
}

/** What is to be done when this thread exits: by one listener, however many waiters there are. */
const exitTasks = new Set<() => void>();

function runExitTasks(): void {
  for (const task of exitTasks) task();
}

function addExitTask(task: () => void): void {
  if (exitTasks.size === 0) process.on("exit", runExitTasks);
  exitTasks.add(task);
}

function removeExitTask(task: () => void): void {
  exitTasks.delete(task);
  if (exitTasks.size === 0) process.off("exit", runExitTasks);
}

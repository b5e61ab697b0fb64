/**
 * A reactor's place inside Node's own loop, in the main thread or in a worker.
 *
 * The road: libuv watches the reactor's descriptor (an epoll descriptor polls readable when it has events) with a
 * `uv_poll_t` that we make ourselves, and calls back when there is work. The work is done in `setImmediate`, which
 * libuv runs right after its poll phase: there Node drains microtasks and ticks between callbacks, as in any callback
 * of its own, and an exception is an ordinary uncaught one. (Inside the C callback, Node 26 drains nothing, and an
 * exception surfaces in whichever native call comes next.)
 *
 * This leans on the size of libuv's handle and on the place of its flags, so both are checked at start, and the Node
 * majors that were tested are named. Elsewhere, and for backends without a descriptor, the second road is taken: a
 * worker blocks in poll(2) on the reactor's behalf and wakes this thread by message (`waiter.ts`). It is slower by some
 * 50 µs a wake, and behaves the same.
 */
import {
  addCleanupHook,
  calloc,
  free,
  registerPollCallback,
  removeCleanupHook,
  symbolAddress,
  uv_close,
  uv_handle_size,
  uv_poll_init,
  uv_poll_start,
  uv_poll_stop,
  uv_ref,
  uv_unref,
  uvEventLoop,
  viewMemory,
} from "../sys/index.ts";
import type { Reactor } from "./contract.ts";
import { Waiter } from "./waiter.ts";

const UV_POLL = 8;
const UV_READABLE = 1;
const UV_HANDLE_BYTES = 160;
const UV_FLAGS_OFFSET = 88;
/** Keeps libuv from counting the handle among those that must be closed before a worker's loop may end. */
const UV_HANDLE_INTERNAL = 0x10;
const TESTED_NODE_MAJORS: readonly number[] = [20, 22, 24, 26];

/** Timers of Node cannot wait longer (about 24 days). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** How Node's loop learns that the reactor has work. */
export type Road = "uv_poll" | "waiter";

interface Watcher {
  ref(): void;
  unref(): void;
  /** Watches again, after a turn. */
  resume(): void;
  close(): void;
}

/** Runs a reactor inside the loop of the thread that makes this. */
export class NodeLoop {
  readonly road: Road;
  readonly #reactor: Reactor;
  readonly #watcher: Watcher;
  #scheduled: NodeJS.Immediate | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #timeoutAtMs = Number.POSITIVE_INFINITY;
  #closed = false;

  /** @param road for tests; by default the faster one that this Node can take. */
  constructor(reactor: Reactor, road: Road = bestRoad(reactor)) {
    this.#reactor = reactor;
    this.road = road;
    const ready = (): void => this.#schedule();
    this.#watcher = road === "uv_poll" ? watchWithUv(reactor.pollDescriptor, ready) : new Waiter(reactor, ready);
    reactor.onActivity = (): void => this.#followActivity();
    reactor.timers.onEarlier = (): void => this.#followTimers();
    this.#followActivity();
    this.#followTimers();
    if (reactor.rest()) this.#schedule();
  }

  /** Takes the reactor out of Node's loop. The reactor itself is left as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reactor.onActivity = undefined;
    this.#reactor.timers.onEarlier = undefined;
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    if (this.#timeout !== undefined) clearTimeout(this.#timeout);
    this.#watcher.close();
  }

  #schedule(): void {
    if (this.#scheduled === undefined && !this.#closed) this.#scheduled = setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = undefined;
    // Until a pass finds nothing to report, there may be more: failures that handlers caused, which no descriptor tells.
    // But one pass a turn, so that whoever awaits the first of two events runs before the second is reported.
    let isIdle = false;
    try {
      isIdle = this.#reactor.pass(0) === 0;
    } finally {
      if (!this.#closed) {
        if (!isIdle || this.#reactor.rest()) this.#schedule();
        else this.#watcher.resume();
        this.#followTimers();
      }
    }
  };

  /** Pending waits keep Node alive, as a pending `net.Socket` does; an idle reactor does not. */
  #followActivity(): void {
    if (this.#reactor.active > 0) {
      this.#watcher.ref();
      this.#timeout?.ref();
    } else {
      this.#watcher.unref();
      this.#timeout?.unref();
    }
  }

  #followTimers(): void {
    const nextMs = this.#reactor.timers.nextMs;
    if (nextMs === this.#timeoutAtMs) return;
    if (this.#timeout !== undefined) clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#timeoutAtMs = nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    const untilNext = Math.min(Math.max(0, Math.ceil(nextMs - performance.now())), LONGEST_TIMEOUT_MS);
    this.#timeout = setTimeout(() => {
      this.#timeoutAtMs = Number.POSITIVE_INFINITY;
      this.#schedule();
    }, untilNext);
    if (this.#reactor.active === 0) this.#timeout.unref();
  }
}

function bestRoad(reactor: Reactor): Road {
  const major = Number.parseInt(process.versions.node, 10);
  const isKnown = TESTED_NODE_MAJORS.includes(major) && uv_handle_size(UV_POLL) === UV_HANDLE_BYTES;
  return isKnown && reactor.pollDescriptor >= 0 ? "uv_poll" : "waiter";
}

function watchWithUv(descriptor: number, ready: () => void): Watcher {
  const handle = calloc(1, UV_HANDLE_BYTES);
  // SAFETY: libuv owns the handle until it calls `free` for it, when it has closed it.
  const initialised = uv_poll_init(uvEventLoop(), handle, descriptor);
  if (initialised < 0) {
    free(handle);
    throw new Error(`uv_poll_init on the reactor's descriptor failed with libuv error ${initialised}`);
  }
  const flags = new Uint32Array(viewMemory(handle, UV_HANDLE_BYTES), UV_FLAGS_OFFSET, 1);
  flags[0] = (flags[0] as number) | UV_HANDLE_INTERNAL;
  const callback = registerPollCallback(ready);
  uv_poll_start(handle, UV_READABLE, callback.address);
  // A worker that ends, or is terminated, must stop the handle before its loop is torn down: libuv's own stop function
  // is the hook, so no JavaScript has to run by then.
  const stopHook = symbolAddress("uv_poll_stop");
  addCleanupHook(stopHook, handle);
  return {
    ref: () => uv_ref(handle),
    unref: () => uv_unref(handle),
    resume: () => {},
    close: () => {
      removeCleanupHook(stopHook, handle);
      uv_poll_stop(handle);
      // Node's own callbacks are no measure of libuv's turns: after an exception, new ones run in the turn in hand.
      uv_close(handle, symbolAddress("free"));
      callback.release();
    },
  };
}

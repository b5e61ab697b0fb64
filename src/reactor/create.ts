/** The backends there are, by name. */
import type { Reactor } from "./contract.ts";
import { EpollSelector } from "./epoll.ts";
import { PollSelector } from "./poll.ts";
import { ReadinessReactor } from "./readiness.ts";
import { SelectSelector } from "./select.ts";
import { UringReactor } from "./uring/reactor.ts";
import { UringRefused } from "./uring/refusal.ts";

const BACKENDS = {
  epoll: (): Reactor => new ReadinessReactor(new EpollSelector()),
  "epoll-et": (): Reactor => new ReadinessReactor(new EpollSelector(true)),
  poll: (): Reactor => new ReadinessReactor(new PollSelector()),
  select: (): Reactor => new ReadinessReactor(new SelectSelector()),
  uring: (): Reactor => new UringReactor(),
} as const;

/** The name of a backend: the system call that waits. */
export type BackendName = keyof typeof BACKENDS;

/** Every backend that there is; whether the kernel lets it run is known when it is made. */
export const backendNames: readonly BackendName[] = Object.keys(BACKENDS) as BackendName[];

/**
 * Why a backend cannot be had on this machine, whatever the program does: the kernel is too old for it, or a sandbox
 * refuses its calls. It is found out by making one.
 * @returns undefined where it can be had: select, poll and epoll always
 * @throws RangeError for a name that is no backend's; SystemError EMFILE, ENFILE where there are no descriptors to find out.
 *
 * @example
 * const backend = backendRefusal("uring") === undefined ? "uring" : "epoll";
 */
export function backendRefusal(backend: BackendName): string | undefined {
  try {
    createReactor(backend).dispose();
    return undefined;
  } catch (error) {
    if (error instanceof UringRefused) return error.message;
    throw error;
  }
}

/**
 * Makes an event loop, which runs when its `run` or `pass` is called, or when a {@link NodeLoop} is made for it.
 *
 *     const reactor = createReactor("epoll");
 *     reactor.dispose();
 *
 * @throws RangeError for a name that is no backend's; Error that says why where {@link backendRefusal} has a reason.
 */
export function createReactor(backend: BackendName): Reactor {
  const create = BACKENDS[backend];
  if (create === undefined) throw new RangeError(`no backend "${backend}"; there are ${backendNames.join(", ")}`);
  return create();
}

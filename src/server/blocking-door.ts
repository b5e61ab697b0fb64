/** Accepting by blocking, within the limits: one client when asked for one. */
import { EAGAIN, ECONNABORTED, EINTR, POLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../abi/index.ts";
import { accept4 } from "../sys/index.ts";
import { ACCEPT_RETRY_MS, type AcceptedClient, Admission, REFUSED_PLACE } from "./admission.ts";
import { add, ERRORS } from "./counters.ts";
import type { RunningTask } from "./task.ts";
import { waitFor } from "./wait.ts";

export class BlockingDoor {
  readonly #task: RunningTask;
  readonly #admission: Admission;
  /** Nobody is accepted before. */
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(task: RunningTask) {
    this.#task = task;
    this.#admission = new Admission(task);
  }

  /** Waits for a client. @returns undefined where none came, was let in, or could be accepted; then ask again */
  next(): AcceptedClient | undefined {
    const { fd: listener, control, counters } = this.#task;
    this.#rest();
    // The order to stop has been taken by now: nothing would end another wait.
    if (control.isStopping) return undefined;
    waitFor(listener, POLLIN, control, Number.POSITIVE_INFINITY);
    if (control.isStopping) return undefined;
    const fd = accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const nowMs = performance.now();
      this.#restUntilMs = nowMs + this.#admission.restMs(nowMs);
      const place = this.#admission.enter(fd);
      if (place !== REFUSED_PLACE) return { fd, place };
    } else if (fd !== -EAGAIN && fd !== -EINTR && fd !== -ECONNABORTED) {
      add(counters, ERRORS, 1);
      if (!this.#admission.cope(-fd)) this.#restUntilMs = performance.now() + ACCEPT_RETRY_MS;
    }
    return undefined;
  }

  /** A client has left. */
  leave({ place }: AcceptedClient): void {
    this.#admission.leave(place);
  }

  close(): void {
    this.#admission.close();
  }

  #rest(): void {
    const { control } = this.#task;
    // A wait ends early by news of the channel, which are somebody else's.
    for (;;) {
      const leftMs = this.#restUntilMs - performance.now();
      if (leftMs <= 0 || control.isStopping) return;
      waitFor(-1, 0, control, leftMs);
    }
  }
}

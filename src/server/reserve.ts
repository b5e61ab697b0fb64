/**
 * One descriptor that is kept for the moment when there are no more.
 *
 * Where the process (EMFILE) or the system (ENFILE) has none left, accept(2) takes nobody, and a client would wait in the
 * backlog for what may never come, while level-triggered readiness reports it again and again. So the reserve is given up,
 * the client is accepted with it and reset at once, so that it knows, and the reserve is taken again.
 */
import { EFD_CLOEXEC, EMFILE, ENFILE, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../abi/index.ts";
import { accept4, close, eventfd } from "../sys/index.ts";
import { resetOnClose } from "./reset.ts";

/** Clients turned away in one go, so that those who are served get their turn. */
const MAX_AT_ONCE = 64;
const NONE = -1;

/** Whether an errno of accept4 says that there is no descriptor left. */
export function isOutOfDescriptors(errno: number): boolean {
  return errno === EMFILE || errno === ENFILE;
}

export class Reserve {
  // An eventfd, for that is a file of its own: a duplicate would give nothing back to a system without files (ENFILE).
  #fd = eventfd(0, EFD_CLOEXEC);

  /** Takes a descriptor again after another thread of the process has taken the one that was given up, if there is one. */
  restore(): void {
    if (this.#fd < 0) this.#fd = eventfd(0, EFD_CLOEXEC);
  }

  /**
   * Turns away who waits to be accepted, as far as the reserve allows.
   * @returns how many; undefined where there is no reserve, for another has taken what was given up
   */
  refuse(listener: number): number | undefined {
    this.restore();
    if (this.#fd < 0) return undefined;
    close(this.#fd);
    let count = 0;
    while (count < MAX_AT_ONCE) {
      const client = accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) break;
      resetOnClose(client);
      close(client);
      count++;
    }
    this.#fd = eventfd(0, EFD_CLOEXEC);
    return count;
  }

  close(): void {
    if (this.#fd >= 0) close(this.#fd);
    this.#fd = NONE;
  }
}

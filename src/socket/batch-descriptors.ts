/**
 * Descriptors that come with the datagrams of a batch: SCM_RIGHTS and SCM_PIDFD, over unix sockets whose batch has room
 * for control data. Whoever sends them would otherwise fill this process's table.
 */
import { MSG_CTRUNC } from "../abi/index.ts";
import type { Ancillary } from "./ancillary.ts";
import { closeDescriptors } from "./message.ts";

export class BatchDescriptors {
  /** By datagram; those without any are absent. */
  readonly #owned = new Map<number, readonly number[]>();

  /** Takes over what came with a datagram. When some were lost, the rest is closed: nobody could tell which is which. */
  add(index: number, entries: readonly Ancillary[], flags: number): void {
    const found = entries.flatMap((entry) => {
      if (entry.type === "SCM_RIGHTS") return entry.descriptors;
      return entry.type === "SCM_PIDFD" && entry.pidfd >= 0 ? [entry.pidfd] : [];
    });
    if ((flags & MSG_CTRUNC) !== 0) closeDescriptors(found);
    else if (found.length > 0) this.#owned.set(index, found);
  }

  /** Gives them to the caller. */
  take(index: number): number[] {
    const found = this.#owned.get(index) ?? [];
    this.#owned.delete(index);
    return [...found];
  }

  /** Closes those that nobody took. */
  close(): void {
    for (const found of this.#owned.values()) closeDescriptors(found);
    this.#owned.clear();
  }
}

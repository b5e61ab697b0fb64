/** The reactor of the calling thread, inside its Node loop: made at first use, shared by every socket of the thread. */
import type { Reactor } from "./contract.ts";
import { createReactor } from "./create.ts";
import { NodeLoop } from "./node-loop.ts";

let current: { reactor: Reactor; loop: NodeLoop } | undefined;

/**
 * The thread's reactor. It keeps Node alive only while something waits on it.
 *
 *     console.log(threadReactor().backend);
 */
export function threadReactor(): Reactor {
  if (current === undefined) {
    const reactor = createReactor("epoll");
    try {
      current = { reactor, loop: new NodeLoop(reactor) };
    } catch (error) {
      // The next wait makes another, and would again: who tries until there are descriptors would use them up.
      reactor.dispose();
      throw error;
    }
  }
  return current.reactor;
}

/** Gives the thread's reactor back, with its descriptors and memory. The next use makes a new one. */
export function closeThreadReactor(): void {
  if (current === undefined) return;
  current.loop.close();
  current.reactor.dispose();
  current = undefined;
}

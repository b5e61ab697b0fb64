/** The designs there are. A new one is a file in `designs/` and a line here. */
import { epoll } from "./designs/epoll.ts";
import { epollEdge } from "./designs/epoll-et.ts";
import { iterative } from "./designs/iterative.ts";
import { perPeer } from "./designs/per-peer.ts";
import { poll } from "./designs/poll.ts";
import { pool } from "./designs/pool.ts";
import { prefork } from "./designs/prefork.ts";
import { process } from "./designs/process.ts";
import { select } from "./designs/select.ts";
import { thread } from "./designs/thread.ts";
import { uring } from "./designs/uring.ts";
import type { ServerDesign } from "./task.ts";

/** Every server design. */
export const designs: readonly ServerDesign[] = [
  epoll,
  epollEdge,
  iterative,
  perPeer,
  poll,
  pool,
  prefork,
  process,
  select,
  thread,
  uring,
];

/**
 * The design of a name, such as `epoll`.
 *
 *     const { summary, maxWorkers } = designNamed("uring");
 *
 * @throws RangeError for a name that is no design's.
 */
export function designNamed(name: string): ServerDesign {
  const design = designs.find((candidate) => candidate.name === name);
  if (design !== undefined) return design;
  throw new RangeError(
    `there is no server design "${name}"; there are ${designs.map((known) => known.name).join(", ")}`,
  );
}

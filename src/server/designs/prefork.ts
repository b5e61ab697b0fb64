/**
 * Some processes that were there before the first client: each accepts on the listener that all have inherited, and serves
 * one client after the other. No client waits for a process to start, and one that dies takes its one client with it and is
 * replaced. As many clients are served at a time as there are children; the others wait in the listener's queue.
 *
 * Datagrams likewise: whichever child is free takes the next request from the socket that all share.
 */
import { serveStreamsOneByOne } from "../blocking-stream.ts";
import { shareOf } from "../limits.ts";
import { serveRequests } from "../per-request.ts";
import { startStanding } from "../standing-workers.ts";
import type { ServerDesign } from "../task.ts";

/** Node takes some 50 MB and a tenth of a second for each. */
const MAX_CHILDREN = 64;
const DEFAULT_CHILDREN = 4;

export const prefork: ServerDesign = {
  name: "prefork",
  summary: "some processes, started beforehand, that accept by themselves",
  cost: "a Node of some 20 MB for each child, whether there are clients or not; as many clients at a time as children",
  suits: "blocking work on several processors, kept apart: a child that dies loses one client and is replaced",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  usesProcesses: true,
  maxWorkers: MAX_CHILDREN,
  start(task) {
    const { fd, limits, workers = DEFAULT_CHILDREN } = task;
    const { acceptsPerSecond, maxConnections } = limits;
    // One for each child, at least.
    const count = Math.min(workers, maxConnections, acceptsPerSecond || workers);
    const places = Array.from({ length: count }, (_, index) => ({
      fd,
      limits: shareOf(limits, count, index),
      part: null,
    }));
    return startStanding({ design: "prefork", task, in: "processes", places, connectionsEach: 1 });
  },
  run: (task, serving) => (task.kind === "stream" ? serveStreamsOneByOne(task, serving) : serveRequests(task, serving)),
};

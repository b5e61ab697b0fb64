/**
 * One client after the other. The simplest server there is, and the right one where a conversation is a moment (daytime,
 * time) or where clients must not overlap. A client that dawdles holds up all who come after it.
 */
import { serveDatagrams } from "../blocking-datagram.ts";
import { serveStreamsOneByOne } from "../blocking-stream.ts";
import type { ServerDesign } from "../task.ts";
import { startThread } from "../thread.ts";

export const iterative: ServerDesign = {
  name: "iterative",
  summary: "one client after the other, blocking",
  cost: "no memory beyond the one thread; whoever comes while a client is served waits, however long that takes",
  suits: "answers that take a moment, such as daytime; clients that must not overlap",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  start: (task) => startThread("iterative", task),
  run: (task, serving) =>
    task.kind === "stream" ? serveStreamsOneByOne(task, serving) : serveDatagrams(task, serving),
};

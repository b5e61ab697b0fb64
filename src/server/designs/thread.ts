/**
 * A thread for each client, in one process: cheaper to start than a process, and with memory that all can share. What one
 * client does holds up no other; what one does to the process, by exhausting its memory or crashing it, it does to all. For
 * datagrams, a thread for each request.
 */
import { serveClient, startPerClient } from "../per-client.ts";
import { serveOneRequest, startPerRequest } from "../per-request.ts";
import type { ServerDesign } from "../task.ts";

export const thread: ServerDesign = {
  name: "thread",
  summary: "a thread for each client, or for each request",
  cost: "a start of a worker thread for each client, and some 20 MB while the client is there",
  suits: "few clients that block or compute for long, and share memory",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  start: (task) =>
    task.kind === "stream" ? startPerClient("thread", "threads", task) : startPerRequest("thread", "threads", task),
  run: (task, serving) => (task.kind === "stream" ? serveClient(task, serving) : serveOneRequest(task, serving)),
};

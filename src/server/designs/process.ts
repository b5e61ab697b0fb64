/**
 * A process for each client: the textbook's concurrent server, with a Node that is spawned where C would fork. Clients are
 * kept apart by the kernel, so a crash, a leak or an endless loop is one client's; and each costs a start of Node. For
 * datagrams, a process for each request.
 */
import { serveClient, startPerClient } from "../per-client.ts";
import { serveOneRequest, startPerRequest } from "../per-request.ts";
import type { ServerDesign } from "../task.ts";

export const process: ServerDesign = {
  name: "process",
  summary: "a process for each client, or for each request",
  cost: "a start of Node for each client, and some 20 MB while the client is there",
  suits: "few clients, kept apart by the kernel: work that may crash, leak or never end",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  usesProcesses: true,
  start: (task) =>
    task.kind === "stream"
      ? startPerClient("process", "processes", task)
      : startPerRequest("process", "processes", task),
  run: (task, serving) => (task.kind === "stream" ? serveClient(task, serving) : serveOneRequest(task, serving)),
};

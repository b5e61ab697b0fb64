/**
 * One thread, all clients, readiness by epoll(7): the design for many connections, most of them idle. A slow client
 * costs its buffers and nobody's time; a service that computes for long holds up everybody.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const epoll: ServerDesign = loopDesign("epoll", {
  summary: "one loop for all clients, woken by epoll",
  cost: "less than 1.2 KB for each client; a wait costs by what is ready, not by who is there; a callback that computes holds up everybody",
  suits: "the default: any number of clients, most of them idle",
});

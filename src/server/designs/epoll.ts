/**
 * One thread, all clients, readiness by epoll(7): the design for many connections, most of them idle. A slow client
 * costs its buffers and nobody's time; a service that computes for long holds up everybody.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const epoll: ServerDesign = loopDesign("epoll", "one loop for all clients, woken by epoll");

/**
 * One thread, all clients, and the kernel does the requests (io_uring(7)): the fastest loop there is here, where the
 * kernel has it and the sandbox allows it.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const uring: ServerDesign = loopDesign("uring", {
  summary: "one loop for all clients, requests done by io_uring",
  cost: "about as epoll in memory, fewer system calls; some sandboxes and containers refuse io_uring",
  suits: "the most requests for each second of processor time",
});

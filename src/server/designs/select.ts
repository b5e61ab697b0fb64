/**
 * One thread, all clients, readiness by select(2): the loop of the textbooks, for at most 1,024 descriptors. A connection
 * whose number is beyond that is refused.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const select: ServerDesign = loopDesign("select", {
  summary: "one loop for up to 1,024 descriptors, woken by select",
  cost: "as poll; a client whose descriptor would be 1024 or above is refused",
  suits: "following a textbook; a comparison with epoll",
});

/**
 * One thread, all clients, readiness by poll(2): as portable as loops get, and the kernel looks at every client at every
 * wait. Fine for tens, slow for thousands.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const poll: ServerDesign = loopDesign("poll", {
  summary: "one loop for all clients, woken by poll",
  cost: "as epoll, and the kernel looks at every client at every wait",
  suits: "some tens of clients; a comparison with epoll",
});

/**
 * The epoll loop, told of a condition once, when it begins (EPOLLET): fewer wake-ups where clients are slow, and the
 * duty to read until nothing is left, which the reactor takes over.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const epollEdge: ServerDesign = loopDesign("epoll-et", {
  summary: "the epoll loop, told of each condition once",
  cost: "as epoll, with fewer wake-ups and one more read for each, to learn that nothing is left",
  suits: "clients that send in pieces or take their answers slowly",
});

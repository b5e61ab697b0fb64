/**
 * The epoll loop, told of a condition once, when it begins (EPOLLET): fewer wake-ups where clients are slow, and the
 * duty to read until nothing is left, which the reactor takes over.
 */
import type { ServerDesign } from "../task.ts";
import { loopDesign } from "./loop.ts";

export const epollEdge: ServerDesign = loopDesign("epoll-et", "the epoll loop, told of each condition once");

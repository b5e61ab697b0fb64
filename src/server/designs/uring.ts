/**
 * One thread, all clients, and the kernel does the requests (io_uring(7)): the fastest loop there is here, where the
 * kernel has it and the sandbox allows it. Where not, the epoll loop serves, and says why.
 */
import { backendRefusal } from "../../reactor/index.ts";
import type { ServerDesign } from "../task.ts";
import { epoll } from "./epoll.ts";
import { loopDesign } from "./loop.ts";

export const uring: ServerDesign = loopDesign(
  "uring",
  {
    summary: "one loop for all clients, requests done by io_uring",
    cost: "about as epoll in memory, fewer system calls; where a sandbox or container refuses io_uring, epoll serves instead",
    suits: "the most requests for each second of processor time",
  },
  {
    substitute() {
      const why = backendRefusal("uring");
      return why === undefined ? undefined : { design: epoll, why };
    },
  },
);

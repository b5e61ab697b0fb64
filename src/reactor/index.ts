/** Event loops: one contract, several backends, alone or inside Node's own loop. */
export {
  IdleHandler,
  MAX_DESCRIPTORS,
  MOST_KEPT_BYTES,
  type Reactor,
  type Slot,
  type SlotHandler,
} from "./contract.ts";
export { type BackendName, backendNames, backendRefusal, createReactor } from "./create.ts";
export { NodeLoop, type Road } from "./node-loop.ts";
export { OutputTally } from "./output.ts";
export { closeThreadReactor, threadReactor } from "./thread.ts";
export { Deadline, DeadlineHeap, type DeadlineOwner } from "./timers.ts";
export { workerOptions } from "./worker-options.ts";

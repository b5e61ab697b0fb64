/** Drives a datagram protocol by blocking in poll(2) between batches. */
import { EAGAIN, EINTR, POLLIN } from "../abi/index.ts";
import { DeadlineHeap } from "../reactor/index.ts";
import { DatagramExchange } from "./datagram-exchange.ts";
import { BATCH } from "./datagram-memory.ts";
import type { RunningTask } from "./task.ts";
import { waitFor } from "./wait.ts";

export function serveDatagrams(task: RunningTask, serving: () => void): void {
  const heap = new DeadlineHeap();
  let nowMs = performance.now();
  const exchange = new DatagramExchange(task, heap, () => nowMs);
  let mayWait = true;
  serving();
  while (!task.control.isStopping) {
    if (mayWait) waitFor(task.fd, POLLIN, task.control, heap.nextMs - performance.now());
    nowMs = performance.now();
    heap.fire(nowMs);
    const received = exchange.serve();
    if (received < 0 && received !== -EAGAIN && received !== -EINTR) exchange.complain(-received);
    mayWait = received < BATCH;
  }
  exchange.dispose();
  task.control.closeSocket(task.fd);
}

/** The thread behind `waiter.ts`: polls a set, reports, sleeps until told to poll the next. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { POLLIN } from "../abi/index.ts";
import { poll, read } from "../sys/index.ts";
import { WAITER_EXIT, WAITER_POLL, WAITER_SLEEP, WAITER_STARTED_WORD, type WaiterData } from "./waiter.ts";

const { control, sets, interruptFd, sliceMs } = workerData as WaiterData;
const drained = new BigUint64Array(1);

Atomics.store(control, WAITER_STARTED_WORD, 1);
Atomics.notify(control, WAITER_STARTED_WORD);

for (;;) {
  Atomics.wait(control, 0, WAITER_SLEEP);
  if (Atomics.load(control, 0) === WAITER_EXIT) break;
  const set = newestSet();
  if (set === undefined) continue;
  const pollfds = new Int32Array(set.length + 2);
  pollfds.set(set);
  pollfds[set.length] = interruptFd;
  pollfds[set.length + 1] = POLLIN;
  while (poll(pollfds, pollfds.length / 2, sliceMs) === 0);
  read(interruptFd, drained, 8);
  // An order to exit that came meanwhile must not be overwritten.
  Atomics.compareExchange(control, 0, WAITER_POLL, WAITER_SLEEP);
  parentPort?.postMessage(null);
}
sets.close();

/** A turn that a timer began has sent a set while an earlier one was polled: only the newest is true. */
function newestSet(): Int32Array | undefined {
  let newest: Int32Array | undefined;
  for (;;) {
    const received = receiveMessageOnPort(sets);
    if (received === undefined) return newest;
    newest = received.message as Int32Array;
  }
}

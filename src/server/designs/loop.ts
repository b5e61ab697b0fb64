/** What every design built on a loop has in common: only the backend differs. */
import { type BackendName, createReactor, NodeLoop } from "../../reactor/index.ts";
import { Control } from "../control.ts";
import { serveOnReactor } from "../evented.ts";
import { shareOf } from "../limits.ts";
import { measureLoop } from "../loop-measure.ts";
import { loadService } from "../service-loader.ts";
import { sharedAccess } from "../shared-state-access.ts";
import { startStanding } from "../standing-workers.ts";
import type { RunningTask, ServerDesign, ServerHandle, ServerTask } from "../task.ts";
import { startThread } from "../thread.ts";

/** Threads that run one loop each. */
const MAX_LOOPS = 64;
/** What a thread is told where its loop is to be measured. */
const MEASURED = "measured";

export function loopDesign(
  backend: BackendName,
  words: Pick<ServerDesign, "summary" | "cost" | "suits">,
  more: Pick<ServerDesign, "substitute"> = {},
): ServerDesign {
  return {
    name: backend,
    ...words,
    kinds: ["stream", "datagram"],
    placements: ["thread", "node"],
    maxWorkers: MAX_LOOPS,
    socketPerWorker: true,
    start(task) {
      if (task.placement === "node") return startInNode(backend, task);
      if (task.workers !== undefined && task.workers > 1) return startLoops(backend, task);
      return startThread(backend, task, task.measuresLoops ? MEASURED : null);
    },
    run: (task, serving) => runAlone(backend, task, serving),
    ...more,
  };
}

/**
 * The same loop several times, each in a thread. Of an address with a port each has its own socket: the kernel spreads
 * connections, and the peers of datagrams, by a hash of both ends (SO_REUSEPORT, socket(7)), evenly when they are many, and
 * no two threads are woken for one client. A unix socket is one, and whoever comes first gets the client.
 */
function startLoops(backend: BackendName, task: ServerTask): ServerHandle {
  const fds = [task.fd, ...task.moreFds];
  const count = task.workers as number;
  const places = Array.from({ length: count }, (_, index) => ({
    fd: fds[index % fds.length] as number,
    part: task.measuresLoops ? MEASURED : null,
    limits: shareOf(task.limits, count, index),
  }));
  const connectionsEach = Math.ceil(task.limits.maxConnections / count);
  return startStanding({ design: backend, task, in: "threads", places, connectionsEach });
}

/** Blocks this thread in the loop until the control says stop. */
function runAlone(backend: BackendName, task: RunningTask, serving: () => void): void {
  const reactor = createReactor(backend);
  if (task.part === MEASURED) measureLoop(reactor, task.counters);
  serveOnReactor(reactor, task, () => reactor.stop());
  serving();
  reactor.run();
  reactor.dispose();
}

/** Serves from a reactor inside this thread's Node loop, between Node's other callbacks. */
function startInNode(backend: BackendName, task: ServerTask): ServerHandle {
  const reactor = createReactor(backend);
  const control = Control.create();
  const loop = new NodeLoop(reactor);
  const endMeasuring = task.measuresLoops ? measureLoop(reactor, task.counters) : (): void => {};
  const dispose = (): void => {
    endMeasuring();
    loop.close();
    reactor.dispose();
    control.close();
  };
  const { promise: done, resolve, reject } = withResolvers();
  const ready = loadService(task.service).then((service) => {
    const running: RunningTask = {
      ...task,
      service,
      options: task.service.options,
      control,
      index: 0,
      part: null,
      designMemory: undefined,
      sources: undefined,
      shares: undefined,
      held: undefined,
      shared: sharedAccess(service, task.service.options, undefined, task.report),
    };
    serveOnReactor(reactor, running, () => {
      // Not from inside the reactor's own pass.
      setImmediate(() => {
        dispose();
        resolve();
      });
    });
  });
  ready.catch((error: unknown) => {
    control.closeSocket(task.fd);
    dispose();
    reject(error);
  });
  done.catch(() => {});
  return { ready, done, stop: (graceMs) => control.stop(graceMs) };
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

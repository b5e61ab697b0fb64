/**
 * Some threads that were there before the first client, and a queue: one thread accepts and puts connections into the
 * queue, the others take one, serve it from its first byte to its last, and take the next. The queue is bounded; while it is
 * full nobody is accepted, and clients wait in the listener's own queue.
 *
 * For datagrams the socket's buffer is the queue: whichever thread is free takes the next request.
 */
import { POLLIN } from "../../abi/index.ts";
import { close } from "../../sys/index.ts";
import { BlockingDoor } from "../blocking-door.ts";
import { BlockingConversation, streamFactory } from "../blocking-stream.ts";
import { ConnectionQueue } from "../connection-queue.ts";
import { ACCEPTED, add } from "../counters.ts";
import { serveRequests } from "../per-request.ts";
import { resetOnClose } from "../reset.ts";
import { NOWHERE } from "../source-counts.ts";
import { startStanding } from "../standing-workers.ts";
import type { RunningTask, ServerDesign, ServerHandle, ServerTask } from "../task.ts";
import { waitFor } from "../wait.ts";

const MAX_THREADS = 128;
const DEFAULT_THREADS = 8;
/** Connections that wait for a thread. */
const MAX_QUEUED = 128;
const ACCEPTOR = "acceptor";
const SERVER = "server";

export const pool: ServerDesign = {
  name: "pool",
  summary: "some threads that take connections, or requests, from a queue",
  cost: "some 20 MB for each thread, whether there are clients or not; as many clients at a time as threads, the others queue",
  suits: "blocking work at a steady rate that shares memory",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  maxWorkers: MAX_THREADS,
  start: (task) => (task.kind === "stream" ? startStreams(task) : startDatagrams(task)),
  run(task, serving) {
    if (task.kind === "datagram") serveRequests(task, serving);
    else if (task.part === ACCEPTOR) acceptIntoQueue(task, queueOf(task), serving);
    else serveFromQueue(task, queueOf(task), serving);
  },
};

function startStreams(task: ServerTask): ServerHandle {
  const { fd, limits, workers = DEFAULT_THREADS } = task;
  const threads = Math.min(workers, limits.maxConnections);
  // Who waits for a thread counts as a connection too.
  const queue = ConnectionQueue.create(Math.max(1, Math.min(MAX_QUEUED, limits.maxConnections - threads)));
  const cleanUp = (): void => queue.dispose(turnAway);
  const roles = [ACCEPTOR, ...Array.from({ length: threads }, () => SERVER)];
  const places = roles.map((part) => ({ fd, limits, part }));
  try {
    const { memory: designMemory } = queue;
    return startStanding({
      design: "pool",
      task,
      in: "threads",
      places,
      designMemory,
      connectionsEach: MAX_QUEUED,
      cleanUp,
    });
  } catch (error) {
    cleanUp();
    throw error;
  }
}

function startDatagrams(task: ServerTask): ServerHandle {
  const { fd, limits, workers = DEFAULT_THREADS } = task;
  const places = Array.from({ length: workers }, () => ({ fd, limits, part: SERVER }));
  return startStanding({ design: "pool", task, in: "threads", places, connectionsEach: 1 });
}

function queueOf(task: RunningTask): ConnectionQueue {
  return ConnectionQueue.from(task.designMemory as SharedArrayBuffer);
}

/** The thread that accepts. Whoever it has accepted when the order to stop comes is still served. */
function acceptIntoQueue(task: RunningTask, queue: ConnectionQueue, serving: () => void): void {
  const { fd, control, counters } = task;
  const door = new BlockingDoor(task);
  serving();
  while (!control.isStopping) {
    waitFor(queue.spacesFd, POLLIN, control, Number.POSITIVE_INFINITY);
    if (control.isStopping || !queue.reserve()) continue;
    const client = door.next();
    if (client === undefined) {
      queue.unreserve();
    } else {
      add(counters, ACCEPTED, 1);
      queue.put(client);
    }
  }
  door.close();
  control.closeSocket(fd);
  queue.close();
}

/** A thread that serves: until the order to stop, and then until the queue is empty or the grace is over. */
function serveFromQueue(task: RunningTask, queue: ConnectionQueue, serving: () => void): void {
  const { control, index, sources } = task;
  const create = streamFactory(task);
  control.closeSocket(task.fd);
  let deadlineMs = Number.POSITIVE_INFINITY;
  serving();
  while (performance.now() < deadlineMs) {
    waitFor(queue.itemsFd, POLLIN, control, deadlineMs - performance.now());
    if (control.isStopping) {
      if (control.graceMs === 0) break;
      deadlineMs = Math.min(deadlineMs, performance.now() + control.graceMs);
    }
    const client = queue.take();
    if (client !== undefined) {
      // Whose thread dies is counted no more, so it is counted with its thread.
      const place = sources?.move(client.place, index) ?? NOWHERE;
      new BlockingConversation(task, client.fd, create()).run(deadlineMs);
      sources?.release(place);
    } else if (queue.isClosed) {
      break;
    }
  }
}

/** A connection that nobody has served. */
function turnAway(fd: number): void {
  resetOnClose(fd);
  close(fd);
}

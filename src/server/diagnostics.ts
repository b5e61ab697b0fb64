/**
 * What happens in servers, for whoever subscribes to Node's diagnostics channels (docs/guide/metrics.md). A channel without
 * subscribers costs a look at a property, once for each event and never for each byte.
 *
 * Channels belong to a thread: Node carries no message to another. Servers and workers are announced in the thread that
 * called `serve`; connections in the thread or process that serves them, where the service's module is loaded too.
 */
import { channel } from "node:diagnostics_channel";
import type { PeerAddress } from "../protocol/index.ts";
import { type CounterName, counterNameAt } from "./counters.ts";
import { localOf, peerOf } from "./peer.ts";
import type { Placement, RunningTask } from "./task.ts";

/** A server, in the messages about it. */
export interface ServerMessage {
  readonly service: string;
  readonly design: string;
  readonly placement: Placement;
  readonly endpoint: string;
}

/** One connection: its descriptor names it until it is closed, among those of its thread's process. */
export interface ConnectionMessage {
  readonly service: string;
  /** Which of the server's workers has it, from 0. */
  readonly worker: number;
  readonly fd: number;
}

/** A thread or process that serves. */
export interface WorkerMessage {
  readonly service: string;
  readonly design: string;
  readonly kind: "thread" | "process";
  /** Its number in its server, from 0. One that is replaced leaves its number to the next. */
  readonly worker: number;
  /** Of a process. */
  readonly pid?: number;
}

/** The messages of each channel. */
export interface DiagnosticMessages {
  /** A server serves. */
  readonly "portolan:server:start": ServerMessage;
  /** A server has been told to stop; a successor may have its sockets. */
  readonly "portolan:server:stop": ServerMessage & { readonly graceMs: number; readonly isSucceeded: boolean };
  /** A server has ended, and of what it died if it did. */
  readonly "portolan:server:end": ServerMessage & { readonly error?: unknown };
  /** Something went wrong that the server survived, as `report` of `serve` is told. */
  readonly "portolan:server:trouble": ServerMessage & { readonly where: string; readonly message: string };
  /** A worker was started. */
  readonly "portolan:worker:start": WorkerMessage;
  /** A worker has ended, and of what it died if it did. */
  readonly "portolan:worker:exit": WorkerMessage & { readonly error?: Error };
  /** A connection was let in. */
  readonly "portolan:connection:open": ConnectionMessage & { readonly peer: PeerAddress; readonly local: PeerAddress };
  /** A connection is about to be closed. Without a reason, both sides had come to their end. */
  readonly "portolan:connection:close": ConnectionMessage & { readonly openMs: number; readonly reason?: string };
  /** Connections were refused: `source`, `descriptors`, `workers`. Several at once where there are no descriptors. */
  readonly "portolan:connection:refused": {
    readonly service: string;
    readonly worker: number;
    readonly reason: string;
    readonly count: number;
  };
}

/** The name of a channel, for `node:diagnostics_channel`. */
export type DiagnosticChannel = keyof DiagnosticMessages;

const serverStart = channel("portolan:server:start");
const serverStop = channel("portolan:server:stop");
const serverEnd = channel("portolan:server:end");
const serverTrouble = channel("portolan:server:trouble");
const workerStart = channel("portolan:worker:start");
const workerExit = channel("portolan:worker:exit");
const connectionOpen = channel("portolan:connection:open");
const connectionClose = channel("portolan:connection:close");
const connectionRefused = channel("portolan:connection:refused");

type Server = ServerMessage;
type Told<Name extends DiagnosticChannel> = DiagnosticMessages[Name];
type ConnectionTask = { readonly service: { readonly name: string } } & Pick<RunningTask, "index">;

export function tellServerStarted({ service, design, placement, endpoint }: Server): void {
  if (!serverStart.hasSubscribers) return;
  serverStart.publish({ service, design, placement, endpoint } satisfies Told<"portolan:server:start">);
}

export function tellServerStops(server: Server, graceMs: number, isSucceeded: boolean): void {
  if (!serverStop.hasSubscribers) return;
  const { service, design, placement, endpoint } = server;
  const message = { service, design, placement, endpoint, graceMs, isSucceeded };
  serverStop.publish(message satisfies Told<"portolan:server:stop">);
}

/** @param error undefined where it had been told to stop */
export function tellServerEnded({ service, design, placement, endpoint }: Server, error: unknown): void {
  if (!serverEnd.hasSubscribers) return;
  const message = { service, design, placement, endpoint, ...(error === undefined ? {} : { error }) };
  serverEnd.publish(message satisfies Told<"portolan:server:end">);
}

export function tellTrouble(server: Server, where: string, message: string): void {
  if (!serverTrouble.hasSubscribers) return;
  serverTrouble.publish({ ...server, where, message } satisfies Told<"portolan:server:trouble">);
}

export function tellWorkerStarted(worker: WorkerMessage): void {
  if (workerStart.hasSubscribers) workerStart.publish(worker satisfies Told<"portolan:worker:start">);
}

export function tellWorkerEnded(worker: WorkerMessage, error: Error | undefined): void {
  if (!workerExit.hasSubscribers) return;
  const message = { ...worker, ...(error === undefined ? {} : { error }) };
  workerExit.publish(message satisfies Told<"portolan:worker:exit">);
}

export function tellOpened({ service, index: worker }: ConnectionTask, fd: number): void {
  if (!connectionOpen.hasSubscribers) return;
  const message = { service: service.name, worker, fd, peer: peerOf(fd), local: localOf(fd) };
  connectionOpen.publish(message satisfies Told<"portolan:connection:open">);
}

/** To be called before the descriptor is closed, for then its number may be another's. */
export function tellClosed(task: ConnectionTask, fd: number, openMs: number, reason: string | undefined): void {
  if (!connectionClose.hasSubscribers) return;
  const message = { service: task.service.name, worker: task.index, fd, openMs };
  const told = reason === undefined ? message : { ...message, reason };
  connectionClose.publish(told satisfies Told<"portolan:connection:close">);
}

/** @param counter of the reason */
export function tellRefused(service: string, worker: number, counter: number, count: number): void {
  if (!connectionRefused.hasSubscribers) return;
  const message = { service, worker, reason: reasonOf("refused", counterNameAt(counter)), count };
  connectionRefused.publish(message satisfies Told<"portolan:connection:refused">);
}

/** The reason that a counter is for: `source` of `refusedSource`, `total_bytes` of `abortedTotalBytes`. */
export function reasonOf(whole: string, counter: CounterName): string {
  return counter
    .slice(whole.length)
    .replace(/(?<=.)[A-Z]/g, "_$&")
    .toLowerCase();
}

/**
 * A design's blocking part in a process of its own: Node, started anew with the descriptor inherited, since a process with
 * V8 in it cannot be forked (docs/decisions/0004-no-fork.md).
 *
 * Node reaps what it has spawned, so no child of ours is ever left a zombie, and nobody else's is waited for.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { ParentChannel } from "./channel-parent.ts";
import { CannotStart, type ChildLaunch, type Launched, type WorkerNews } from "./launch.ts";
import type { Limits } from "./limits.ts";
import type { Json, ServiceReference } from "./service.ts";
import type { HubLink } from "./shared-state.ts";
import type { SourceShape } from "./source-counts.ts";
import type { Kind } from "./task.ts";

/** Where a child finds what it has inherited. */
export const CHANNEL_FD = 3;
export const WAKE_FD = 4;
export const ROWS_FD = 5;
export const TASK_FD = 6;

/** The first thing that a child is told. */
export interface ChildData {
  readonly design: string;
  readonly kind: Kind;
  readonly service: ServiceReference;
  readonly limits: Limits;
  readonly part: Json;
  readonly index: number;
  /** How many workers share the memory behind {@link ROWS_FD}. */
  readonly count: number;
  readonly sources: SourceShape | undefined;
  readonly isSharing: boolean;
}

const entry = fileURLToPath(new URL("./child-entry.js", import.meta.url));

/**
 * Starts a child. When this returns it has its copy of the descriptor, and the caller may close the own one.
 * @throws CannotStart where there are no processes, descriptors or memory for it; other causes end it before it is ready.
 */
export function launchChild(launch: ChildLaunch): Launched {
  const { design, fd, kind, service, limits, part, index, control, rows, isSharing } = launch;
  // Its output must not get into that of a program whose output is read by another.
  const child = spawn(process.execPath, [...loaderArguments(), entry, design], {
    stdio: ["ignore", 2, 2, "pipe", control.fd, rows.fd as number, fd],
  });
  const stream = child.stdio[CHANNEL_FD] as Duplex | null | undefined;
  if (child.pid === undefined || stream === null || stream === undefined) {
    // Node tells why by an event that comes later.
    child.once("error", (error) => launch.report({ where: "spawn", message: error.message }));
    throw new CannotStart();
  }

  const listener = new ChildListener(launch, child, stream);
  const sources = rows.sourceMemory?.shape;
  const data: ChildData = { design, kind, service, limits, part, index, count: rows.count, sources, isSharing };
  listener.channel.send(data as unknown as Json);
  return listener;
}

/** What of our own arguments a child needs to load the same modules: not those that name a program or a debugger. */
function loaderArguments(): string[] {
  const kept: string[] = [];
  const loaders = /^(-r|-C|--(require|import|loader|experimental-loader|conditions|preserve-symlinks\S*))(=|$)/;
  process.execArgv.forEach((argument, at) => {
    const before = process.execArgv[at - 1] ?? "";
    if (loaders.test(argument) || (loaders.test(before) && !before.includes("=") && !argument.startsWith("-"))) {
      kept.push(argument);
    }
  });
  return kept;
}

/** Hears what a child says, until its end. */
class ChildListener implements Launched {
  readonly pid: number;
  readonly channel: ParentChannel;
  readonly ready: Promise<void>;
  readonly ended: Promise<Error | undefined>;
  readonly #launch: ChildLaunch;
  readonly #child: ChildProcess;
  readonly #link: HubLink | undefined;
  #failure: Error | undefined;
  #settleReady: () => void = () => {};

  constructor(launch: ChildLaunch, child: ChildProcess, stream: Duplex) {
    this.#launch = launch;
    this.#child = child;
    // There is none only where there is no process.
    this.pid = child.pid as number;
    this.#link = launch.hub?.join((news) => this.channel.send(news as unknown as Json));
    this.channel = new ParentChannel(stream, (news) => this.#take(news as unknown as WorkerNews), this.#giveUp);
    this.ended = new Promise((resolve) => {
      child.once("error", this.#giveUp);
      // `close` and not `exit`: what it said last has been heard then.
      child.once("close", (status, signal) => {
        this.#link?.close();
        this.channel.close();
        if (signal !== null) this.#failure ??= new Error(`a ${launch.design} child was ended by ${signal}`);
        else if (status !== 0) {
          this.#failure ??= new Error(`a ${launch.design} child has ended with status ${status}`);
        }
        resolve(this.#failure);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = resolve;
      void this.ended.then((error) => (error === undefined ? resolve() : reject(error)));
    });
    this.ready.catch(() => {});
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  readonly #giveUp = (error: Error): void => {
    this.#failure ??= error;
    this.#child.kill("SIGKILL");
  };

  #take(news: WorkerNews): void {
    if (news[0] === "ready") this.#settleReady();
    else if (news[0] === "event") this.#launch.report({ where: news[1], message: news[2] });
    else if (news[0] === "unable") this.#failure ??= new Error(news[1]);
    else this.#link?.take(news);
  }
}

/**
 * A service that runs: its socket, when it listens, rests and stops. How it serves is the matter of those that extend this.
 */
import { POLLIN } from "../../abi/index.ts";
import {
  Deadline,
  type DeadlineOwner,
  IdleHandler,
  type Reactor,
  type Slot,
  threadReactor,
} from "../../reactor/index.ts";
import type { Server } from "../../server/index.ts";
import type { Socket } from "../../socket/index.ts";
import type { InetdService } from "../model.ts";
import type { Gate } from "./gate.ts";
import type { Host, PreparedService } from "./host.ts";
import type { Launch } from "./launch.ts";
import { Program, type ProgramEnd } from "./programs.ts";

/** What a service is doing. */
export type RunnerState = "busy" | "listening" | "resting" | "stopped";

/** Something of a service that goes on beside its socket: a program, or a connection that is served here. */
export interface Ongoing {
  readonly pid: number | undefined;
  /** Tells it to end: SIGTERM of a program. */
  end(): void;
  /** Ends it. */
  kill(): void;
}

const SIGKILL = 9;
const SIGTERM = 15;

export abstract class Runner extends IdleHandler implements DeadlineOwner {
  protected readonly host: Host;
  protected readonly reactor: Reactor;
  protected prepared: PreparedService;
  /** Programs and connections, in the order of their start. */
  readonly ongoing: Set<Ongoing> = new Set();
  /** How many were started, and how many turned away. */
  started = 0;
  refused = 0;
  readonly socket: Socket;
  readonly #slot: Slot;
  readonly #rest: Deadline = new Deadline(this, 0);
  #state: RunnerState = "stopped";
  #idle: (() => void) | undefined;

  constructor(host: Host, prepared: PreparedService, socket: Socket) {
    super();
    this.host = host;
    this.prepared = prepared;
    this.socket = socket;
    this.reactor = threadReactor();
    this.#slot = this.reactor.attach(socket.fd, this);
  }

  get service(): InetdService {
    return this.prepared.service;
  }

  /** Everything that was made ready for the service as it is now. */
  get current(): PreparedService {
    return this.prepared;
  }

  /** Servers that a design of ours has started for the service. */
  get servers(): Iterable<Server> {
    return [];
  }

  get gate(): Gate {
    return this.prepared.gate;
  }

  get state(): RunnerState {
    return this.#state;
  }

  /** Whether the socket by itself lets Node end. What was started does not. */
  background(isBackground: boolean): void {
    this.reactor.background(this.#slot, isBackground);
  }

  /** Starts to listen. */
  listen(): void {
    this.#state = "listening";
    this.reactor.arm(this.#slot, POLLIN);
  }

  /**
   * Takes another configuration for the same socket; what was started goes on as it was. A rest is over then, as with inetd:
   * who reads the configuration again may just have changed what was wrong.
   */
  update(prepared: PreparedService): void {
    this.prepared = prepared;
    if (this.#state !== "resting") return;
    this.reactor.timers.clear(this.#rest);
    this.expired();
  }

  /** Lets go of the socket, which stays open; what was started goes on. */
  leave(): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.reactor.timers.clear(this.#rest);
    this.reactor.detach(this.#slot);
  }

  /** Settles once nothing that was started goes on. */
  whenIdle(): Promise<void> {
    if (this.ongoing.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#idle;
      this.#idle = () => {
        before?.();
        resolve();
      };
    });
  }

  override ready(): void {
    if (this.#state !== "listening") return;
    this.comes();
    if (this.#state === "listening") this.reactor.arm(this.#slot, POLLIN);
  }

  override failed(_slot: Slot, errno: number): void {
    this.host.record(this.service, { entry: "NOTE", reason: `the socket failed with error ${errno}` });
    this.rest("the socket cannot be watched");
  }

  expired(): void {
    if (this.#state !== "resting") return;
    this.host.record(this.service, { entry: "NOTE", reason: "listens again" });
    this.listen();
  }

  /** Somebody has come. */
  protected abstract comes(): void;

  /** Waits with the next, as one program has the socket. */
  protected hold(): void {
    this.#state = "busy";
  }

  /** Takes nobody for a while; those who come wait in the kernel's queue. */
  protected rest(reason: string, restMs: number = this.gate.restMs(performance.now())): void {
    if (this.#state === "stopped") return;
    this.#state = "resting";
    const seconds = Math.ceil(restMs / 1000);
    this.host.record(this.service, { entry: "REST", reason: `${reason}: stopped for ${seconds} seconds` });
    this.reactor.arm(this.#slot, 0);
    this.reactor.timers.set(this.#rest, performance.now() + restMs);
  }

  /**
   * Starts the service's program with a descriptor.
   * @param given called once the program has the descriptor, or cannot have it: closing it makes room for the one by which
   * the program is watched, so that there are none left only before a program starts, and not after.
   * @throws SystemError where it cannot be started.
   */
  protected startProgram(
    fd: number,
    environment: readonly string[],
    from: string,
    given: () => void,
    ended: (end: ProgramEnd) => void,
  ): Program {
    const { service } = this;
    let pid: number;
    try {
      pid = (this.prepared.launch as Launch).start(fd, environment);
    } finally {
      given();
    }
    const program = new Program(pid, (end) => {
      this.settle(ongoing);
      this.host.record(service, { entry: "EXIT", pid, from, ...end, durationSeconds: end.durationMs / 1000 });
      ended(end);
    });
    const ongoing = { pid, end: () => program.signal(SIGTERM), kill: () => program.signal(SIGKILL) };
    this.ongoing.add(ongoing);
    this.started++;
    this.host.record(service, { entry: "START", pid, from });
    return program;
  }

  /** Something that was started has ended. */
  protected settle(ongoing: Ongoing): void {
    this.ongoing.delete(ongoing);
    if (this.ongoing.size > 0) return;
    this.#idle?.();
    this.#idle = undefined;
  }

  /** A program could not be started. */
  protected couldNotStart(error: unknown, from: string): void {
    this.refused++;
    this.host.record(this.service, { entry: "FAIL", reason: "fork", from });
    this.host.record(this.service, { entry: "NOTE", reason: (error as Error).message });
    if (this.gate.fail(performance.now())) {
      this.rest(`${this.service.limits.failures} programs could not be started`);
    }
  }
}

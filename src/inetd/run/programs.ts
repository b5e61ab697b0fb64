/**
 * The programs that run: each has a pidfd in the reactor, polls readable there when it has ended, and is waited for by
 * that very descriptor. So nobody is a zombie for longer than one turn of the loop, and children of Node's are left alone.
 */
import { CLD_EXITED, P_PID, P_PIDFD, POLLIN, SIGINFO, WEXITED, WNOHANG } from "../../abi/index.ts";
import { IdleHandler, type Reactor, type Slot, threadReactor } from "../../reactor/index.ts";
import { checked } from "../../socket/index.ts";
import { pidfd_open, pidfd_send_signal, waitid } from "../../sys/index.ts";

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit status; undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly signal: number | undefined;
  readonly durationMs: number;
}

/** A program that was started, until it is reaped. */
export class Program extends IdleHandler {
  readonly pid: number;
  readonly #startedMs = performance.now();
  readonly #reactor: Reactor;
  readonly #pidfd: number;
  readonly #slot: Slot;
  readonly #ended: (end: ProgramEnd) => void;

  /**
   * @param ended told once, when the program has been reaped.
   * @throws SystemError EMFILE, ENFILE …
   */
  constructor(pid: number, ended: (end: ProgramEnd) => void) {
    super();
    this.pid = pid;
    this.#ended = ended;
    this.#reactor = threadReactor();
    const pidfd = pidfd_open(pid, 0);
    // Nobody would learn of its end.
    if (pidfd < 0) discard(pid);
    this.#pidfd = checked("pidfd_open", pidfd, { subject: `process ${pid}` });
    this.#slot = this.#reactor.attach(this.#pidfd, this);
    this.#reactor.arm(this.#slot, POLLIN);
  }

  /** Sends a signal to the program and to what it has started in its process group. */
  signal(number: number): void {
    // Not reaped yet, so that the number is still this program's own.
    try {
      process.kill(-this.pid, number);
    } catch {
      // Before it has its group, or where its user is another one than ours may signal.
      pidfd_send_signal(this.#pidfd, number, null, 0);
    }
  }

  override ready(): void {
    const info = new Uint8Array(SIGINFO.size);
    const result = waitid(P_PIDFD, this.#pidfd, info, WEXITED | WNOHANG);
    const view = new DataView(info.buffer);
    if (result === 0 && view.getInt32(SIGINFO.si_pid, true) === 0) {
      this.#reactor.arm(this.#slot, POLLIN);
      return;
    }
    this.#reactor.close(this.#slot);
    const number = view.getInt32(SIGINFO.si_status, true);
    const isExit = view.getInt32(SIGINFO.si_code, true) === CLD_EXITED;
    this.#ended({
      status: isExit ? number : undefined,
      signal: isExit ? undefined : number,
      durationMs: performance.now() - this.#startedMs,
    });
  }
}

/** Ends a child and takes its status. It is a child of this thread's process, and nobody else waits for it. */
function discard(pid: number): void {
  process.kill(pid, "SIGKILL");
  waitid(P_PID, pid, null, WEXITED);
}

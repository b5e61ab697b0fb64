/**
 * Children that Node does not know of, as a program in C has them: started by posix_spawn(3), so that nobody waits for
 * them unless we do. (What `node:child_process` starts is reaped by Node, and can never be seen as a zombie.)
 */
import { readFileSync } from "node:fs";
import { errnoMessage, errnoName, O_CLOEXEC, P_PIDFD, POLLIN, SIGINFO, SIGKILL, WEXITED } from "../../../abi/index.ts";
import {
  addressOf,
  close,
  dup,
  pidfd_open,
  pidfd_send_signal,
  pipe2,
  poll,
  posix_spawn,
  waitid,
} from "../../../sys/index.ts";

/** How long a child may take to end by itself before it is killed. */
const PATIENCE_MS = 10_000;
/** How long the kernel may take to remove the entry of a child that it reaps itself. */
const SETTLING_MS = 1000;
/** Where the state stands in what follows the name in /proc/PID/stat: proc(5), field 3. */
const STATE_AT = 2;

/** A child of this process, with a descriptor that stands for it. */
export class Child implements Disposable {
  readonly pid: number;
  readonly #pidfd: number;

  /**
   * Starts one that does `exit(status)`, not before its descriptor is here: where SIGCHLD is ignored, it would be gone
   * without a trace.
   * @throws Error where the kernel refuses.
   */
  constructor(status: number) {
    const ends = new Int32Array(2);
    check("pipe2", pipe2(ends, O_CLOEXEC));
    const [readEnd = -1, writeEnd = -1] = ends;
    // A copy is inherited, as the one made by pipe2 is not. Should this process die, the child reads the end, and ends too.
    const inherited = dup(readEnd);
    try {
      this.pid = spawnShell(`read _ < /proc/self/fd/${inherited}; exit ${status}`);
      this.#pidfd = check("pidfd_open", pidfd_open(this.pid, 0));
    } finally {
      for (const fd of [inherited, readEnd, writeEnd]) close(fd);
    }
  }

  /** Waits until it has ended, without reaping it: a pidfd polls readable then. */
  waitForEnd(): void {
    if (poll(new Int32Array([this.#pidfd, POLLIN]), 1, PATIENCE_MS) === 1) return;
    pidfd_send_signal(this.#pidfd, SIGKILL, null, 0);
    throw new Error(`child ${this.pid} did not end within ${PATIENCE_MS / 1000} seconds, and was killed`);
  }

  /** The letter of its state, as ps(1) shows it: R, S, Z …; undefined for one that is gone. */
  state(): string | undefined {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    } catch {
      return undefined;
    }
    // The name may contain anything, so look behind the last bracket.
    return stat.slice(stat.lastIndexOf(")")).charAt(STATE_AT);
  }

  /**
   * As {@link state}, for a child that the kernel reaps: it tells of the end a moment before it removes the entry, so one
   * second is allowed for that.
   */
  stateOnceSettled(): string | undefined {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const deadlineMs = performance.now() + SETTLING_MS;
    let state = this.state();
    while (state !== undefined && performance.now() < deadlineMs) {
      Atomics.wait(pause, 0, 0, 1);
      state = this.state();
    }
    return state;
  }

  /** Waits for exactly this child and takes its status. @returns the status, or `-errno`. */
  reap(): number {
    const info = new Uint8Array(SIGINFO.size);
    const result = waitid(P_PIDFD, this.#pidfd, info, WEXITED);
    return result < 0 ? result : new DataView(info.buffer).getInt32(SIGINFO.si_status, true);
  }

  /** Gives the descriptor back; a child that was not reaped is reaped now, killed first if it must be. */
  [Symbol.dispose](): void {
    pidfd_send_signal(this.#pidfd, SIGKILL, null, 0);
    this.reap();
    close(this.#pidfd);
  }
}

function spawnShell(script: string): number {
  const texts = ["sh", "-c", script].map((word) => new TextEncoder().encode(`${word}\0`));
  const argv = new BigUint64Array([...texts.map((text) => BigInt(addressOf(text))), 0n]);
  const pid = new Int32Array(1);
  // SAFETY: `texts` is used below, so what `argv` points to lives until the call has returned.
  const result = posix_spawn(pid, "/bin/sh", null, null, argv, new BigUint64Array(1));
  texts.length = 0;
  check("posix_spawn", result);
  return pid[0] as number;
}

function check(call: string, result: number): number {
  if (result >= 0) return result;
  throw Object.assign(new Error(`${call}: ${errnoName(-result)}, ${errnoMessage(-result)}`), {
    code: errnoName(-result),
    errno: result,
    syscall: call,
  });
}

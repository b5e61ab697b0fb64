/**
 * Look-ups off the main thread run on libuv's pool, which file system calls share. As Node's own do, ours take at most
 * half of it, so that a silent name server does not stop the reading of files; the others wait in line.
 *
 * A look-up that has begun cannot be stopped: its caller is let go when its time or patience is over, and the answer
 * is thrown away when it comes.
 */
import { EAI_AGAIN } from "../../abi/index.ts";
import { timeoutError } from "../errors.ts";
import { checkWait, deadlineOf, type WaitOptions } from "../waits.ts";
import { LookupError, type LookupSubject } from "./errors.ts";

/** Look-ups that may wait in line in one thread. */
const MAX_WAITING_LOOKUPS = 4096;
/** Below koffi's own limit of asynchronous calls under way. */
const MAX_RUNNING_LOOKUPS = 32;
/** setTimeout's longest, 24 days: a limit beyond it is none. */
const MAX_TIMER_MS = 0x7fffffff;
/** libuv's default. */
const DEFAULT_POOL_THREADS = 4;

const poolThreads = Number(process.env.UV_THREADPOOL_SIZE) || DEFAULT_POOL_THREADS;
const maxRunning = Math.min(MAX_RUNNING_LOOKUPS, Math.max(1, Math.ceil(poolThreads / 2)));

let running = 0;
const waiting = new Set<() => void>();

/**
 * Runs a look-up when it is its turn.
 * @param run owns its memory, and frees it also when nobody waits for the answer any more.
 */
export function enqueue<Result>(
  syscall: string,
  subject: LookupSubject,
  options: WaitOptions,
  run: () => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    checkWait(options);
    if (waiting.size >= MAX_WAITING_LOOKUPS) {
      const reason = `${MAX_WAITING_LOOKUPS} look-ups of this thread wait in line already`;
      throw new LookupError(syscall, "EAI", EAI_AGAIN, { ...subject, reason });
    }
    const start = (): void => {
      running++;
      run()
        .then(resolve, reject)
        .finally(() => {
          unwatch();
          running--;
          startNext();
        });
    };
    const unwatch = watch(syscall, subject, options, (reason) => {
      waiting.delete(start);
      reject(reason);
    });
    waiting.add(start);
    startNext();
  });
}

function startNext(): void {
  for (const start of waiting) {
    if (running >= maxRunning) return;
    waiting.delete(start);
    start();
  }
}

/** Calls back when the signal aborts or the time is over, until the returned function is called. */
function watch(
  syscall: string,
  { hostname, service }: LookupSubject,
  options: WaitOptions,
  giveUp: (reason: unknown) => void,
): () => void {
  const { signal } = options;
  const nowMs = performance.now();
  const limitMs = deadlineOf(options, nowMs) - nowMs;
  const aborted = (): void => giveUp(signal?.reason);
  const subject = [hostname, service].filter((part) => part !== undefined).join(" ");
  const expired = (): void => giveUp(timeoutError(syscall, limitMs, { subject }));
  if (limitMs <= 0) throw timeoutError(syscall, limitMs, { subject });
  signal?.addEventListener("abort", aborted, { once: true });
  const timer = limitMs > MAX_TIMER_MS ? undefined : setTimeout(expired, limitMs);
  return () => {
    signal?.removeEventListener("abort", aborted);
    clearTimeout(timer);
  };
}

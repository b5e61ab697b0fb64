/**
 * Accepting for as long as a listener is open. A connection for which there is no descriptor or no memory stays in the
 * kernel's queue, and what is short now comes back when some other connection closes: so a shortage is waited out.
 */
import type { Socket } from "./socket.ts";

/** After a shortage, accepting rests for this long, and twice as long after each further one in a row. */
export const FIRST_SHORTAGE_PAUSE_MS = 5;
/** The longest such rest. */
export const LONGEST_SHORTAGE_PAUSE_MS = 1000;
/** Between two warnings of one loop, where nobody else is told. */
export const SHORTAGE_WARNING_MS = 10_000;

/** What passes by itself: neither the listener nor the connection is to blame. accept(2) */
const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** How {@link Socket.connections} goes on. */
export interface ConnectionsOptions {
  /** Aborting it ends the loop with the signal's reason; the listener stays open. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when there was no descriptor (EMFILE, ENFILE) or no memory (ENOBUFS, ENOMEM) for the next connection, before
   * the rest of `pauseMs` milliseconds. What it throws ends the loop. Without it the process is warned: `process.on("warning")`,
   * at most once in ten seconds.
   */
  readonly onShortage?: ((error: Error, pauseMs: number) => void) | undefined;
}

/**
 * The loop behind {@link Socket.connections}.
 * @param leaving aborted when the listener is closed or given away: nothing rests on after that.
 */
export async function* acceptEach(
  listener: Socket,
  { signal, onShortage = warner() }: ConnectionsOptions,
  leaving: () => AbortSignal,
): AsyncGenerator<Socket, void, undefined> {
  let pauseMs = 0;
  while (!listener.closed) {
    let peer: Socket;
    try {
      peer = await listener.accept({ signal });
    } catch (error) {
      if (listener.closed) return;
      if (!isShortage(error)) throw error;
      pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_SHORTAGE_PAUSE_MS), LONGEST_SHORTAGE_PAUSE_MS);
      onShortage(error, pauseMs);
      // The callback may have closed the listener.
      if (!listener.closed) await rest(pauseMs, signal === undefined ? [leaving()] : [leaving(), signal]);
      signal?.throwIfAborted();
      continue;
    }
    pauseMs = 0;
    yield peer;
  }
}

/** Of the thread's reactor as well, which is made at the first wait and has descriptors of its own. */
function isShortage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && SHORTAGES.has(error.code);
}

function warner(): (error: Error, pauseMs: number) => void {
  let nextMs = 0;
  return (error, pauseMs) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + SHORTAGE_WARNING_MS;
    const code = String((error as Error & { code?: unknown }).code);
    process.emitWarning(`${error.message}; connections wait, the next try is in ${pauseMs} ms`, "SocketWarning", code);
  };
}

/** Waits for a while, or until one of the signals is aborted. */
function rest(timeoutMs: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, timeoutMs);
    for (const signal of signals) signal.addEventListener("abort", end);
    if (signals.some(({ aborted }) => aborted)) end();
  });
}

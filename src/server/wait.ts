/** poll(2) on one descriptor and the control at once: how the blocking designs wait. */
import { EINTR, POLLIN } from "../abi/index.ts";
import { poll } from "../sys/index.ts";
import type { Control } from "./control.ts";

/** Added to the events where the control asked to stop; no POLL* bit. */
export const STOP_ASKED: number = 1 << 16;

const LONGEST_MS = 2 ** 31 - 1;
const pollfds = new Int32Array(4);

/**
 * Waits until `fd` has one of `events` (or an error or hang-up), the control has an order, or `timeoutMs` have passed
 * (Infinity: no limit). A negative `fd` waits for the control alone.
 * @returns the events of `fd`, with {@link STOP_ASKED} where the control has an order, 0 on time-out.
 */
export function waitFor(fd: number, events: number, control: Control, timeoutMs: number): number {
  pollfds[0] = fd;
  pollfds[1] = events;
  pollfds[2] = control.fd;
  pollfds[3] = POLLIN;
  const boundedMs =
    timeoutMs === Number.POSITIVE_INFINITY ? -1 : Math.min(Math.max(0, Math.ceil(timeoutMs)), LONGEST_MS);
  const count = poll(pollfds, 2, boundedMs);
  if (count === -EINTR || count <= 0) return 0;
  const ready = (pollfds[1] as number) >>> 16;
  if ((pollfds[3] as number) >>> 16 === 0) return ready;
  control.consume();
  return ready | STOP_ASKED;
}

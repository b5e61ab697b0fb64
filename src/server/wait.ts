/** poll(2) on one descriptor, the control and the channel at once: how the blocking designs wait. */
import { EINTR, POLLERR, POLLHUP, POLLIN } from "../abi/index.ts";
import { poll } from "../sys/index.ts";
import type { Channel } from "./channel.ts";
import type { Control } from "./control.ts";

/** Added to the events where the control asked to stop; no POLL* bit. */
export const STOP_ASKED: number = 1 << 16;

/** Added where the server has told something over the channel; it waits to be taken there. */
export const NEWS: number = 1 << 17;

const LONGEST_MS = 2 ** 31 - 1;
const pollfds = new Int32Array(6);

/**
 * Waits until `fd` has one of `events` (or an error or hang-up), the control has an order, the channel has news, or
 * `timeoutMs` have passed (Infinity: no limit). A negative `fd` waits for the others alone.
 * @returns the events of `fd`, with {@link STOP_ASKED} where the control has an order or the server is gone, with
 * {@link NEWS}; 0 on time-out.
 */
export function waitFor(fd: number, events: number, control: Control, timeoutMs: number): number {
  pollfds[0] = fd;
  pollfds[1] = events;
  pollfds[2] = control.fd;
  pollfds[3] = POLLIN;
  const { channel } = control;
  // It may have been lost by a send, of which nobody was told.
  if (channel?.isOpen === false && !(control.isStopping && control.graceMs === 0)) control.stop(0);
  pollfds[4] = channel?.isOpen ? channel.fd : -1;
  pollfds[5] = channel?.isFull ? 0 : POLLIN;
  const boundedMs =
    timeoutMs === Number.POSITIVE_INFINITY ? -1 : Math.min(Math.max(0, Math.ceil(timeoutMs)), LONGEST_MS);
  const count = poll(pollfds, channel === undefined ? 2 : 3, boundedMs);
  if (count === -EINTR || count <= 0) return 0;
  let ready = (pollfds[1] as number) >>> 16;
  const heard = (pollfds[5] as number) >>> 16;
  if (channel !== undefined && heard !== 0) ready |= hear(channel, control, heard);
  if ((pollfds[3] as number) >>> 16 === 0) return ready;
  control.consume();
  return ready | STOP_ASKED;
}

function hear(channel: Channel, control: Control, heard: number): number {
  if ((heard & (POLLHUP | POLLERR)) !== 0) channel.lose();
  else channel.receive();
  if (channel.isOpen) return NEWS;
  control.stop(0);
  return STOP_ASKED;
}

/** Waiting for a condition, with a limit: what tests do in place of sleeping. */
import { setTimeout as delay } from "node:timers/promises";

const intervalMs = 5;

/** @throws Error once `limitMs` have passed. */
export async function until(condition: () => boolean, limitMs = 45_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() >= deadlineMs) throw new Error(`this did not come true in ${limitMs} ms: ${condition}`);
    await delay(intervalMs);
  }
}

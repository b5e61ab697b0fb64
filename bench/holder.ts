/** Connections that are held by a program, beside what is measured; and when a server has noticed. */
import type { Context, Subject } from "./benches.ts";
import { Child } from "./children.ts";
import { countDescriptors } from "./memory.ts";

/** What connecting and answering late may take beyond the time asked for. */
export const slackMs = 60_000;
const lookEveryMs = 100;

/** A program that holds connections, and does with them as it is told. */
export class Holder {
  readonly #child: Child;

  constructor(subject: Subject, context: Context) {
    const command = [context.programs.native("idle"), "-p", String(subject.port)];
    this.#child = new Child("idle", command, context.placement);
  }

  async tell(line: string): Promise<void> {
    this.#child.write(line);
    await this.#child.waitFor((answer) => (answer === `${line} done` ? true : undefined), slackMs);
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** How many the server holds once it has closed what its clients have. */
export async function descriptorsAtRest(pid: number): Promise<number> {
  let last = Number.NaN;
  for (let next = countDescriptors(pid); next !== last; next = countDescriptors(pid)) {
    last = next;
    await pause();
  }
  return last;
}

/** Waits until the server holds so many descriptors. A design that has one process per connection holds more, not fewer. */
export async function descriptorsReach(pid: number, wanted: number): Promise<void> {
  await until(
    () => countDescriptors(pid) >= wanted,
    () => `the server holds ${countDescriptors(pid)} of ${wanted} descriptors`,
  );
}

/** @throws Error with what is wrong, where that does not come true in time. */
export async function until(condition: () => boolean, wrong: () => string): Promise<void> {
  const deadlineMs = Date.now() + slackMs;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error(wrong());
    await pause();
  }
}

/** Lets a moment pass between two looks. */
export async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
}

/** The user's or the system's wish that the program end. */
import { constants } from "node:os";
import { SIGNAL_STATUS_BASE } from "./failure.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
type StopSignal = (typeof SIGNALS)[number];

/** The reason that the signal is aborted with. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  /** The shell's status of a program that this signal ended: 130 for SIGINT. */
  readonly status: number;

  constructor(by: StopSignal) {
    super(`stopped by ${by}`);
    this.status = SIGNAL_STATUS_BASE + constants.signals[by];
  }
}

export class StopSignals {
  readonly #controller = new AbortController();
  readonly #listener = (signal: StopSignal): void => {
    const stopped = new Stopped(signal);
    if (this.#controller.signal.aborted) process.exit(stopped.status);
    this.#controller.abort(stopped);
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Aborted by the first SIGINT or SIGTERM, with {@link Stopped} as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}

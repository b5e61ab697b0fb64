/** What a service has done, counted for as long as it is configured, whatever of its configuration changes meanwhile. */
import type { HistogramValues } from "../../server/index.ts";
import type { LogRecord } from "./log.ts";

/** Upper bounds of durations: 1 ms, 2 ms, 4 ms … 70 minutes. */
const BOUNDS: readonly number[] = Array.from({ length: 23 }, (_, power) => 2 ** power / 1000);

export class Tally {
  started = 0;
  rests = 0;
  /** By the reason, a word of the log's. */
  readonly refused: Map<string, number> = new Map();
  /** Of programs, by their exit status, and by the signal that ended them. */
  readonly exits: Map<number, number> = new Map();
  readonly kills: Map<number, number> = new Map();
  /** The last counts what is beyond all bounds. */
  readonly #durations: number[] = new Array(BOUNDS.length + 1).fill(0);
  #sumSeconds = 0;

  /** Counts what is put on record. */
  note({ entry, reason, status, signal, durationSeconds }: Omit<LogRecord, "id">): void {
    if (entry === "START") this.started++;
    else if (entry === "REST") this.rests++;
    else if (entry === "FAIL") increment(this.refused, reason ?? "");
    else if (entry === "EXIT") {
      if (status !== undefined) increment(this.exits, status);
      if (signal !== undefined) increment(this.kills, signal);
      if (durationSeconds !== undefined) this.#last(durationSeconds);
    }
  }

  #last(seconds: number): void {
    const bound = BOUNDS.findIndex((most) => seconds <= most);
    const place = bound < 0 ? BOUNDS.length : bound;
    this.#durations[place] = (this.#durations[place] as number) + 1;
    this.#sumSeconds += seconds;
  }

  /** How long programs and connections lasted. */
  get durations(): HistogramValues {
    let count = 0;
    const cumulative = this.#durations.map((more) => (count += more));
    return { bounds: BOUNDS, cumulative, sumSeconds: this.#sumSeconds };
  }
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

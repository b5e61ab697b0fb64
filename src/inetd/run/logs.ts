/** The logs of a super-server: one for each target that its configuration names, however many services write there. */
import type { InetdConfig, InetdService, LogTarget } from "../model.ts";
import { type LogSink, openSink } from "./log.ts";

const NO_LOG: LogTarget = { kind: "none" };

export class Logs {
  readonly #complain: (message: string) => void;
  readonly #line: ((line: string) => void) | undefined;
  /** By target, as JSON. */
  #sinks: ReadonlyMap<string, LogSink> = new Map();
  /** Of services that name none. */
  #usual: LogTarget = NO_LOG;

  /**
   * @param complain is told of a log that is full, or cannot be written.
   * @param line is told of each line, wherever it goes; standard error has none then.
   */
  constructor(complain: (message: string) => void, line: ((line: string) => void) | undefined) {
    this.#complain = complain;
    this.#line = line;
  }

  /**
   * Opens the logs that the configuration names, anew where they are open: logrotate(8) has renamed them.
   * @throws Error of Node's where one cannot be opened; then all is as before.
   */
  open({ global, services }: InetdConfig): void {
    const targets = new Map(
      [global.log, ...services.map(({ log }) => log.target ?? global.log)].map((target) => [
        JSON.stringify(target),
        target.kind === "stderr" && this.#line !== undefined ? NO_LOG : target,
      ]),
    );
    const fresh = new Map<string, LogSink>();
    try {
      for (const [key, target] of targets) fresh.set(key, openSink(target, this.#complain));
    } catch (error) {
      for (const sink of fresh.values()) sink.close();
      throw error;
    }
    this.close();
    this.#sinks = fresh;
    this.#usual = global.log;
  }

  /** Puts a line on record where the service wants it. */
  write({ log }: InetdService, line: string): void {
    this.#line?.(line);
    this.#sinks.get(JSON.stringify(log.target ?? this.#usual))?.write(line);
  }

  close(): void {
    for (const sink of this.#sinks.values()) sink.close();
    this.#sinks = new Map();
  }
}

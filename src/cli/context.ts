/** What a verb may touch of the world outside: streams, colours, and the wish to stop. */
import { EXIT, type ExitStatus } from "../service/index.ts";
import { type Colours, coloursFor } from "./colours.ts";
import { Output } from "./output.ts";
import { StopSignals } from "./stop-signals.ts";

export interface Context {
  readonly out: Output;
  readonly err: Output;
  /** Of standard output. */
  readonly colours: Colours;
  /** Of standard error. */
  readonly errColours: Colours;
  /** Standard input, read when asked for. */
  readonly input: AsyncIterable<Uint8Array>;
  /**
   * Takes SIGINT and SIGTERM from now on: the first aborts the signal, the next ends the process at once. For verbs
   * that have something to finish; without it, signals end the process as ever.
   */
  stopSignals(): StopSignals;
  /** Lets go of what would keep the process alive. */
  close(): void;
}

/** The context of this process. */
export function processContext(): Context {
  const out = new Output(process.stdout);
  const err = new Output(process.stderr);
  let input: NodeJS.ReadStream | undefined;
  let signals: StopSignals | undefined;
  return {
    out,
    err,
    colours: coloursFor(process.stdout, process.env),
    errColours: coloursFor(process.stderr, process.env),
    get input() {
      input = process.stdin;
      return input;
    },
    stopSignals() {
      signals ??= new StopSignals();
      return signals;
    },
    close() {
      signals?.close();
      input?.destroy();
    },
  };
}

/** The status of a program whose output nobody reads any more: that of one ended by SIGPIPE, as programs in C are. */
export function statusAfter(context: Context, status: ExitStatus): ExitStatus {
  const SIGPIPE_STATUS = 141;
  if (context.out.failure === undefined) return status;
  return context.out.failure === "EPIPE" ? SIGPIPE_STATUS : EXIT.IOERR;
}

/** What a verb may touch of the world outside: streams, colours, and the wish to stop. */
import { errnoMessage, errnoNumber } from "../abi/index.ts";
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

/**
 * The status to end with, once all output has left. Where nobody read it to its end, that of a program ended by SIGPIPE,
 * as those in C are; what could not be written for another reason, such as a full disk, is an error.
 */
export async function statusAfter({ out, err }: Context, status: ExitStatus): Promise<ExitStatus> {
  const SIGPIPE_STATUS = 141;
  await out.flushed();
  if (out.failure === undefined) return status;
  if (out.failure === "EPIPE") return SIGPIPE_STATUS;
  err.line(
    `portolan: standard output cannot be written: ${errnoMessage(errnoNumber(out.failure) ?? 0)} (${out.failure})`,
  );
  return EXIT.IOERR;
}

/**
 * What the client of a service is: a function from an endpoint, some input and some options to output and an exit
 * status. It knows neither a terminal nor `process`, so that the command line, a test or another program can drive it.
 */
import type { Json } from "../server/index.ts";
import type { ExitStatus } from "./exit-status.ts";

/** Where a client's results go. */
export interface ClientOutput {
  /** What the service answered, byte for byte. Resolves when more may be written. */
  data(bytes: Uint8Array): Promise<void>;
  /** What there is to say about it; absent where nobody asks, so that `output.event?.(…)` costs nothing then. */
  readonly event?: ((event: ClientEvent) => void) | undefined;
  /** As `event`, for what is the result itself where the service answers nothing, or nothing for people to read. */
  readonly notice?: ((event: ClientEvent) => void) | undefined;
  /** Whether `data` is shown on a terminal, which can be drawn on. */
  readonly isTerminal?: boolean;
  /** As `event`, for what everybody must hear: why the exit status is what it is. */
  problem(event: ClientEvent): void;
}

/** One observation: `name` and `fields` for machines, `text` for people. */
export interface ClientEvent {
  readonly name: string;
  readonly text: string;
  readonly fields: { readonly [field: string]: Json };
}

/** One use of a service. */
export interface ClientCall {
  /** The server, such as `tcp://127.0.0.1:7007`. */
  readonly endpoint: string;
  /** What to send, where the options do not say. The client takes as much of it as it needs. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: ClientOutput;
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** How long to wait for the server, each time it owes something; the client has its own default. */
  readonly timeoutMs: number | undefined;
  /** By the names in {@link ServiceClient.options}, without dashes and in camel case: `--rate-limit` is `rateLimit`. */
  readonly options: ClientOptions;
}

/** The options of a call, by name. */
export type ClientOptions = Readonly<Record<string, unknown>>;

/** An option of one service's client, for whoever builds a command line. */
export interface ClientOption {
  /** As in a help text: `--count <number>`, or `--quiet` for one without a value. */
  readonly flags: string;
  readonly description: string;
  /** Makes a value of the text. @throws RangeError saying what is wrong with it. */
  readonly parse?: (text: string) => unknown;
  /** Every word that `parse` takes, where it takes one of a few. */
  readonly words?: readonly string[];
  readonly default?: unknown;
}

/** What `client.ts` of a service exports. */
export interface ServiceClient {
  readonly options: readonly ClientOption[];
  /**
   * Uses the service.
   * @returns how it went, as a number of sysexits(3); where that is not 0, a problem was reported.
   * @throws SystemError where a system call failed; RangeError for options that do not go together; the signal's
   * reason once it is aborted.
   */
  call(call: ClientCall): Promise<ExitStatus>;
}

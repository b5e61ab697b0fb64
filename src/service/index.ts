/** The services: what each is, how to serve it, how to call it, what to type to try it. */

export { chargen } from "./chargen/index.ts";
export type { ClientCall, ClientEvent, ClientOption, ClientOptions, ClientOutput, ServiceClient } from "./client.ts";
export { counter } from "./counter/index.ts";
export { daytime } from "./daytime/index.ts";
export { discard } from "./discard/index.ts";
export { echo } from "./echo/index.ts";
export {
  defaultPort,
  defaultUnixName,
  type ServiceEntry,
  TRANSPORTS,
  type Transport,
  type Trial,
  usualEndpoint,
} from "./entry.ts";
export { EXIT, type ExitStatus } from "./exit-status.ts";
export { hangman } from "./hangman/index.ts";
export { LineTooLongError, readLines } from "./lines.ts";
export { type NamedFile, readNamedFile, unreadable } from "./named-file.ts";
export { type NetcatOptions, runNetcat } from "./netcat.ts";
export { seconds, size, wholeNumber } from "./option-values.ts";
export { random } from "./random/index.ts";
export { findService, services } from "./registry.ts";
export { rot13 } from "./rot13/index.ts";
export {
  optionNamed,
  optionValues,
  parseOptionValue,
  type ServiceOption,
  type ServiceOptionValue,
  wanted,
} from "./service-options.ts";
export { runSink, type SinkOptions } from "./sink/sink.ts";
export { parseStep, parseSteps, type Step as SinkStep } from "./sink/steps.ts";
export { squares } from "./squares/index.ts";
export { nearest } from "./suggest.ts";
export { time } from "./time/index.ts";
export { timeQuery } from "./time-query/index.ts";
export { type TrialCommand, trialCommands } from "./trial.ts";
export { truncate } from "./truncate/index.ts";

/** Application protocols as pure state machines: no room below, no I/O, no Node. */
export {
  CHARGEN_LINE_CHARACTERS,
  CHARGEN_MAX_DATAGRAM_BYTES,
  ChargenChecker,
  type ChargenDatagramOptions,
  chargenDatagram,
  chargenStream,
} from "./chargen.ts";
export {
  COUNTER_MAX_AMOUNT,
  COUNTER_RESOURCE,
  type CounterStore,
  counterResource,
  counterStream,
  type OwnedCounterOptions,
  ownedCounterStream,
} from "./counter.ts";
export type { DatagramGate, DatagramIntents, DatagramProtocol, DatagramProtocolFactory } from "./datagram.ts";
export {
  ANSWERING_PORTS,
  DatagramGuard,
  GUARD_DEFAULTS,
  type GuardedDatagramProtocol,
  type GuardOptions,
  type GuardPlace,
  guarded,
  type Refusal,
  UNPRIVILEGED_SHIFT,
} from "./datagram-guard.ts";
export {
  DAYTIME_MAX_BYTES,
  type Daytime,
  type DaytimeForm,
  type DaytimeOptions,
  daytimeDatagram,
  daytimeStream,
  formatDaytime,
  parseDaytime,
  type ZoneOffset,
} from "./daytime.ts";
export { discardDatagram, discardStream } from "./discard.ts";
export { echoDatagram, echoStream } from "./echo.ts";
export { HANGMAN_MAX_LINE_BYTES, type HangmanOptions, hangmanStream } from "./hangman.ts";
export {
  type GuessOutcome,
  HANGMAN_LIVES,
  HANGMAN_MAX_LIVES,
  HANGMAN_MAX_WORD_LETTERS,
  HangmanGame,
  HIDDEN_LETTER,
} from "./hangman-game.ts";
export {
  formatResult,
  formatStatus,
  HANGMAN_ANOTHER_ROUND,
  HANGMAN_GOODBYE,
  type HangmanResult,
  type HangmanStatus,
  parseResult,
  parseStatus,
} from "./hangman-text.ts";
export { gallows, type HangmanPhase, HangmanView } from "./hangman-view.ts";
export { HELD_BY_OUTPUT, HELD_BY_REQUEST, type LineHandler, LineInbox } from "./line-inbox.ts";
export { type LineOutcome, LineReader } from "./line-reader.ts";
export {
  decodeRandomRequest,
  encodeRandomRequest,
  RANDOM_CHUNK_BYTES,
  RANDOM_MAX_DELAY_MS,
  RANDOM_MAX_LENGTH,
  RANDOM_REQUEST_BYTES,
  type RandomRequest,
  type RandomStreamOptions,
  randomStream,
} from "./random-stream.ts";
export type { Publication, Resource, ResourceAnswer, ResourceFactory, ResourceValue } from "./resource.ts";
export { rot13, rot13Datagram, rot13Stream } from "./rot13.ts";
export { SHARES_WORDS, type SharesMemory, seedShares } from "./shared-shares.ts";
export { readSource, type Source, type SourceKind } from "./source-address.ts";
export { SQUARES_MAX_LINE_BYTES, type SquaresOptions, squaresStream } from "./squares.ts";
export {
  decodeSquaresEvent,
  SQUARES_MAX_PLAYERS,
  SQUARES_RESOURCE,
  SQUARES_SIZE,
  SQUARES_TOPIC,
  SQUARES_YOU,
  type SquaresAnswer,
  type SquaresEvent,
  type SquaresOwner,
  type SquaresPosition,
  type SquaresRequest,
  squaresBoard,
  unsafeSquaresBoard,
} from "./squares-board.ts";
export { formatBoard, formatSquaresLine, parseSquaresLine, type SquaresLine } from "./squares-text.ts";
export {
  MAX_MESSAGE_BYTES,
  MAX_OUTSTANDING_REQUESTS,
  MAX_SUBSCRIPTIONS,
  type PeerAddress,
  type SharedStreamIntents,
  type SharedStreamProtocol,
  type SharedStreamProtocolFactory,
  type StreamIntents,
  type StreamProtocol,
  type StreamProtocolFactory,
} from "./stream.ts";
export { TelnetFilter } from "./telnet-filter.ts";
export { decodeTime868, encodeTime868, era868, readTime868, TIME_868_BYTES, timeDatagram, timeStream } from "./time.ts";
export {
  decodeTimeQuery,
  encodeTimeQuery,
  TIME_QUERY_BYTES,
  TIME_QUERY_TYPE,
  type TimeQueryPacket,
  TimeQueryServer,
} from "./time-query.ts";
export {
  type RttSummary,
  TIME_QUERY_MAX_COUNT,
  type TimeQueryAnswer,
  type TimeQueryArrival,
  TimeQueryClient,
  type TimeQueryClientIntents,
  type TimeQueryClientOptions,
  type TimeQueryReport,
} from "./time-query-client.ts";
export {
  TRUNCATING_ECHO_BYTES,
  TRUNCATION_NOTE_MAX_BYTES,
  type TruncatingEchoOptions,
  truncatingEcho,
  truncationNote,
} from "./truncating-echo.ts";

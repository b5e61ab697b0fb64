/**
 * The client of services that answer as much as they are sent: echo, and rot13. Over a stream it sends its input and
 * prints what comes back, both at once, until the peer has closed. Over datagrams it sends a line, waits for that line's
 * answer, and says how long it took.
 */
import { SOCK_DGRAM } from "../abi/index.ts";
import { isSystemError, parseEndpoint, type Socket } from "../socket/index.ts";
import type { ClientCall, ClientOption } from "./client.ts";
import { dial, receiveUntil } from "./client-io.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { LineTooLongError, readLines } from "./lines.ts";
import { wholeNumber } from "./option-values.ts";
import { Silence } from "./silence.ts";

const MAX_COUNT = 1_000_000_000;
/** How long a server may be silent while it owes an answer. */
const STREAM_TIMEOUT_MS = 10_000;
const DATAGRAM_TIMEOUT_MS = 2000;
const BUFFER_BYTES = 64 * 1024;
/** The most that fits into a UDP datagram over IPv4 (udp(7)). */
const MAX_DATAGRAM_BYTES = 65_507;
const NEWLINE = 10;

/** What tells one such service from another. */
export interface Mirror {
  /** For messages: `echo`. */
  readonly name: string;
  /** What comes back for some bytes: as many. */
  answer(bytes: Uint8Array): Uint8Array;
}

export const mirrorOptions: readonly ClientOption[] = [
  { flags: "--message <text>", description: "send this line instead of standard input" },
  { flags: "--count <number>", description: "send it so often", parse: wholeNumber("--count", 1, MAX_COUNT) },
];

/** Uses a mirror; its options are {@link mirrorOptions}. As {@link ServiceClient.call}. */
export function callMirror(mirror: Mirror, call: ClientCall): Promise<ExitStatus> {
  const { message, count = 1 } = call.options as { readonly message?: string; readonly count?: number };
  if (message === undefined && call.options.count !== undefined) {
    throw new RangeError("--count says how often to send --message, which is missing");
  }
  if (parseEndpoint(call.endpoint, { names: true }).type === SOCK_DGRAM) {
    const lines = message === undefined ? readLines(call.input, MAX_DATAGRAM_BYTES) : repeat(message, count);
    return callDatagram(mirror, call, lines, call.timeoutMs ?? DATAGRAM_TIMEOUT_MS);
  }
  const input = message === undefined ? call.input : repeat(`${message}\n`, count);
  return callStream(mirror, call, input, call.timeoutMs ?? STREAM_TIMEOUT_MS);
}

async function* repeat(text: string, count: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let index = 0; index < count; index += 1) yield bytes;
}

interface Exchange {
  sentBytes: number;
  receivedBytes: number;
  inputEnded: boolean;
}

async function callStream(
  mirror: Mirror,
  call: ClientCall,
  input: AsyncIterable<Uint8Array>,
  timeoutMs: number,
): Promise<ExitStatus> {
  const startedMs = performance.now();
  using socket = await dial(call.endpoint, { signal: call.signal, timeoutMs });
  using silence = new Silence(call.signal, timeoutMs);
  const exchange: Exchange = { sentBytes: 0, receivedBytes: 0, inputEnded: false };
  // What goes wrong with the connection is seen by the receiving side too; what goes wrong with the input is not.
  sendAll(socket, input, exchange, silence).catch((error: unknown) => {
    if (!isSystemError(error)) silence.fail(error);
  });
  try {
    await receiveAll(socket, call, exchange, silence);
  } catch (error) {
    if (!silence.expired) throw error;
    const owed = exchange.sentBytes - exchange.receivedBytes;
    const text =
      owed > 0
        ? `no answer from ${call.endpoint} within ${timeoutMs / 1000} s: ${owed} of ${exchange.sentBytes} bytes did not come back`
        : `${call.endpoint} did not close the connection within ${timeoutMs / 1000} s of the end of the input`;
    call.output.problem({ name: "timeout", text, fields: { owedBytes: owed, timeoutMs } });
    return EXIT.UNAVAILABLE;
  }
  const elapsedMs = performance.now() - startedMs;
  const { sentBytes, receivedBytes } = exchange;
  const text = `${sentBytes} bytes sent, ${receivedBytes} received in ${elapsedMs.toFixed(1)} ms`;
  call.output.event?.({ name: "done", text, fields: { sentBytes, receivedBytes, elapsedMs } });
  if (receivedBytes === sentBytes) return EXIT.OK;
  const shortText = `${call.endpoint} closed the connection after ${receivedBytes} of ${sentBytes} bytes: it is no ${mirror.name} server, or it was stopped`;
  call.output.problem({ name: "short", text: shortText, fields: { sentBytes, receivedBytes } });
  return EXIT.PROTOCOL;
}

async function sendAll(
  socket: Socket,
  input: AsyncIterable<Uint8Array>,
  exchange: Exchange,
  silence: Silence,
): Promise<void> {
  for await (const chunk of input) {
    silence.watch();
    let sent = 0;
    while (sent < chunk.length) {
      const count = await socket.send(chunk.subarray(sent), { signal: silence.signal });
      sent += count;
      exchange.sentBytes += count;
    }
  }
  exchange.inputEnded = true;
  silence.watch();
  socket.shutdown("write");
}

async function receiveAll(socket: Socket, call: ClientCall, exchange: Exchange, silence: Silence): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const decoder = new TextDecoder();
  for (;;) {
    const count = await socket.recv(buffer, { signal: silence.signal });
    if (count === 0) return;
    exchange.receivedBytes += count;
    if (exchange.receivedBytes < exchange.sentBytes || exchange.inputEnded) silence.watch();
    else silence.rest();
    const bytes = buffer.subarray(0, count);
    call.output.event?.({
      name: "data",
      text: `${count} bytes came back`,
      fields: { bytes: count, data: decoder.decode(bytes, { stream: true }) },
    });
    await call.output.data(bytes);
  }
}

async function callDatagram(
  mirror: Mirror,
  call: ClientCall,
  lines: AsyncIterable<Uint8Array>,
  timeoutMs: number,
): Promise<ExitStatus> {
  using socket = await dial(call.endpoint, { signal: call.signal, timeoutMs });
  // Room for the newline that is printed after an answer.
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES + 1);
  let sent = 0;
  let lost = 0;
  try {
    for await (const line of lines) {
      sent += 1;
      if (!(await exchangeLine(socket, call, { line, answer: mirror.answer(line), sequence: sent, buffer, timeoutMs })))
        lost += 1;
    }
  } catch (error) {
    if (!(error instanceof LineTooLongError)) throw error;
    const text = `${error.message}, the most that a datagram carries`;
    call.output.problem({ name: "data-error", text, fields: { line: error.line } });
    return EXIT.DATAERR;
  }
  call.output.event?.({ name: "done", text: `${sent} sent, ${lost} lost`, fields: { sent, lost } });
  if (lost === 0) return EXIT.OK;
  const text = `no answer from ${call.endpoint} within ${timeoutMs / 1000} s to ${lost} of ${sent} datagrams: lost, dropped by a firewall, or nobody serves ${mirror.name} there`;
  call.output.problem({ name: "lost", text, fields: { sent, lost, timeoutMs } });
  return EXIT.UNAVAILABLE;
}

interface Line {
  readonly line: Uint8Array;
  readonly answer: Uint8Array;
  readonly sequence: number;
  readonly buffer: Uint8Array;
  readonly timeoutMs: number;
}

/** Sends one line and waits for its answer. Anything else that arrives is late, or not an answer to us. */
async function exchangeLine(
  socket: Socket,
  { output, signal }: ClientCall,
  { line, answer: expected, sequence, buffer, timeoutMs }: Line,
): Promise<boolean> {
  const startedMs = performance.now();
  await socket.send(line, { signal });
  for (;;) {
    const count = await receiveUntil(socket, buffer, signal, startedMs + timeoutMs);
    if (count === undefined) {
      const text = `datagram ${sequence}: no answer within ${timeoutMs / 1000} s`;
      output.event?.({ name: "no-answer", text, fields: { sequence, timeoutMs } });
      return false;
    }
    const rttMs = performance.now() - startedMs;
    const answer = buffer.subarray(0, count);
    const data = new TextDecoder().decode(answer);
    if (!isSame(answer, expected)) {
      const text = `datagram ${sequence}: ignored ${count} bytes that are not its answer`;
      output.event?.({ name: "stray", text, fields: { sequence, bytes: count, data } });
      continue;
    }
    const text = `datagram ${sequence}: ${count} bytes back after ${rttMs.toFixed(3)} ms`;
    output.event?.({ name: "answer", text, fields: { sequence, bytes: count, rttMs, data } });
    buffer[count] = NEWLINE;
    await output.data(buffer.subarray(0, count + 1));
    return true;
  }
}

function isSame(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && first.every((byte, index) => byte === second[index]);
}

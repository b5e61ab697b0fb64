/**
 * The client of services that answer as much as they are sent: echo, and rot13. Over a stream it sends its input and
 * prints what comes back, both at once, until the peer has closed. Over datagrams it sends a line, waits for that line's
 * answer, and says how long it took.
 *
 * What comes back is held against what was sent: as much, and the same. Of a stream that is told by a digest of each
 * direction, which needs no memory for what is still under way.
 */
import { createHash, type Hash } from "node:crypto";
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
  /** What the kernel was asked to take, some of it perhaps before it said so. */
  offeredBytes: number;
  sentBytes: number;
  receivedBytes: number;
  inputEnded: boolean;
  /** Whether what is to be sent comes as somebody gives it, and is not known beforehand. */
  readonly isTyped: boolean;
  /** Of what is to come back, and of what did. */
  readonly due: Hash;
  readonly came: Hash;
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
  const exchange: Exchange = {
    offeredBytes: 0,
    sentBytes: 0,
    receivedBytes: 0,
    inputEnded: false,
    isTyped: call.options.message === undefined,
    due: createHash("sha256"),
    came: createHash("sha256"),
  };
  // What goes wrong with the connection is seen by the receiving side too; what goes wrong with the input is not.
  sendAll(socket, mirror, input, exchange, silence).catch((error: unknown) => {
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
  const fault = faultOf(exchange, mirror.name);
  if (fault === undefined) return EXIT.OK;
  const { name, what } = fault;
  call.output.problem({ name, text: `${call.endpoint} ${what}`, fields: { sentBytes, receivedBytes } });
  return EXIT.PROTOCOL;
}

/** What a server did that is none of its kind, once it has closed, or sent more than it was given. */
function faultOf(exchange: Exchange, name: string): { readonly name: string; readonly what: string } | undefined {
  const { offeredBytes, sentBytes, receivedBytes, inputEnded, isTyped, due, came } = exchange;
  if (receivedBytes > offeredBytes) {
    return { name: "protocol", what: `sent ${receivedBytes} bytes back for ${offeredBytes}: it is no ${name} server` };
  }
  const cause = `it is no ${name} server, or it was stopped`;
  if (receivedBytes < sentBytes) {
    return { name: "short", what: `closed the connection after ${receivedBytes} of ${sentBytes} bytes: ${cause}` };
  }
  // Who types may be left when all that was typed has come back; else there was more to come.
  const isLeft = isTyped && receivedBytes > 0 && receivedBytes === offeredBytes;
  if (!inputEnded && !isLeft)
    return { name: "short", what: `closed the connection before the end of the input: ${cause}` };
  if (due.digest("hex") === came.digest("hex")) return undefined;
  return { name: "protocol", what: `sent other bytes back than were due: it is no ${name} server` };
}

async function sendAll(
  socket: Socket,
  mirror: Mirror,
  input: AsyncIterable<Uint8Array>,
  exchange: Exchange,
  silence: Silence,
): Promise<void> {
  for await (const chunk of input) {
    silence.watch();
    exchange.due.update(mirror.answer(chunk));
    exchange.offeredBytes += chunk.length;
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
    exchange.came.update(buffer.subarray(0, count));
    if (exchange.receivedBytes < exchange.sentBytes || exchange.inputEnded) silence.watch();
    else silence.rest();
    const bytes = buffer.subarray(0, count);
    call.output.event?.({
      name: "data",
      text: `${count} bytes came back`,
      fields: { bytes: count, data: decoder.decode(bytes, { stream: true }) },
    });
    await call.output.data(bytes);
    // No end may ever come of a server that sends on and on.
    if (exchange.receivedBytes > exchange.offeredBytes) return;
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
  const strays: Strays = { count: 0, overdue: [] };
  try {
    for await (const line of lines) {
      sent += 1;
      const answer = mirror.answer(line);
      const isAnswered = await exchangeLine(socket, call, { line, answer, sequence: sent, buffer, timeoutMs }, strays);
      if (isAnswered) continue;
      lost += 1;
      strays.overdue.push(answer);
      if (strays.overdue.length > MAX_OVERDUE) strays.overdue.shift();
    }
  } catch (error) {
    if (!(error instanceof LineTooLongError)) throw error;
    const text = `${error.message}, the most that a datagram carries`;
    call.output.problem({ name: "data-error", text, fields: { line: error.line } });
    return EXIT.DATAERR;
  }
  call.output.event?.({ name: "done", text: `${sent} sent, ${lost} lost`, fields: { sent, lost } });
  if (lost === 0) return EXIT.OK;
  if (lost === sent && strays.count > 0) {
    const text = `${call.endpoint} answered with something else than was due: it is no ${mirror.name} server`;
    call.output.problem({ name: "protocol", text, fields: { sent, lost, strays: strays.count } });
    return EXIT.PROTOCOL;
  }
  const text = `no answer from ${call.endpoint} within ${timeoutMs / 1000} s to ${lost} of ${sent} datagrams: lost, dropped by a firewall, or nobody serves ${mirror.name} there`;
  call.output.problem({ name: "lost", text, fields: { sent, lost, timeoutMs } });
  return EXIT.UNAVAILABLE;
}

/** Answers that came too late are none of a wrong server's; of so many it is known what they look like. */
const MAX_OVERDUE = 16;

/** What came that was no answer. */
interface Strays {
  count: number;
  /** Answers that did not come in time, the last of them. */
  readonly overdue: Uint8Array[];
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
  strays: Strays,
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
      if (!strays.overdue.some((late) => isSame(answer, late))) strays.count += 1;
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

/**
 * The client of chargen (RFC 864): prints what comes, and checks over a stream that it is the RFC's pattern from the first
 * line on. Without a limit it goes on for ever.
 */
import { CHARGEN_LINE_CHARACTERS, CHARGEN_MAX_DATAGRAM_BYTES, ChargenChecker } from "../../protocol/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import {
  bytesText,
  DATAGRAM_TIMEOUT_MS,
  dial,
  isDatagram,
  MAX_DATAGRAM_BYTES,
  receiveUntil,
  reportBreach,
  reportSilence,
  STREAM_TIMEOUT_MS,
} from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { size, wholeNumber } from "../option-values.ts";

const BUFFER_BYTES = 64 * 1024;
/** A line with its CR LF. */
const LINE_BYTES = CHARGEN_LINE_CHARACTERS + 2;
const MAX_LINES = 1_000_000_000;
const MAX_BYTES = 2 ** 40;

interface ChargenOptions {
  readonly lines?: number;
  readonly bytes?: number;
  readonly ask?: number;
}

export const chargenClient: ServiceClient = {
  options: [
    {
      flags: "--lines <number>",
      description: "stop after so many lines; over UDP, ask so often (default there: 1)",
      parse: wholeNumber("--lines", 1, MAX_LINES),
    },
    {
      flags: "--bytes <size>",
      description: "stop after so many bytes, such as 1M",
      parse: size("--bytes", 1, MAX_BYTES),
    },
    {
      flags: "--ask <size>",
      description: "over UDP, ask with so many bytes; a careful server answers with no more",
      parse: size("--ask", 0, MAX_DATAGRAM_BYTES),
      default: CHARGEN_MAX_DATAGRAM_BYTES,
    },
  ],
  call(call) {
    const { lines, bytes, ask = CHARGEN_MAX_DATAGRAM_BYTES } = call.options as ChargenOptions;
    if (lines !== undefined && bytes !== undefined)
      throw new RangeError("--lines and --bytes are two limits; one will do");
    if (isDatagram(call.endpoint)) return callDatagram(call, lines ?? 1, ask);
    return callStream(call, bytes ?? (lines === undefined ? Number.POSITIVE_INFINITY : lines * LINE_BYTES));
  },
};

async function callStream(call: ClientCall, limitBytes: number): Promise<ExitStatus> {
  const { endpoint, output, signal } = call;
  const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS;
  using socket = await dial(endpoint, { signal, timeoutMs });
  const startedMs = performance.now();
  const buffer = new Uint8Array(BUFFER_BYTES);
  const checker = new ChargenChecker();
  let receivedBytes = 0;
  let isPattern = true;
  while (receivedBytes < limitBytes) {
    const room = buffer.subarray(0, Math.min(buffer.length, limitBytes - receivedBytes));
    const count = await receiveUntil(socket, room, signal, performance.now() + timeoutMs);
    if (count === undefined) {
      reportSilence(call, timeoutMs);
      return EXIT.UNAVAILABLE;
    }
    if (count === 0) break;
    receivedBytes += count;
    isPattern = checker.feed(buffer, 0, count) && isPattern;
    await output.data(buffer.subarray(0, count));
  }
  const elapsedMs = performance.now() - startedMs;
  const rate = receivedBytes / 1024 ** 2 / (elapsedMs / 1000);
  const verdict = isPattern ? "all of it the pattern of RFC 864" : `the pattern until byte ${checker.matchedBytes}`;
  const text = `${bytesText(receivedBytes)} in ${elapsedMs.toFixed(1)} ms (${rate.toFixed(1)} MiB/s), ${verdict}`;
  output.event?.({
    name: "done",
    text,
    fields: { receivedBytes, elapsedMs, matchedBytes: checker.matchedBytes, isPattern },
  });
  if (!isPattern) {
    reportBreach(call, `left the pattern that RFC 864 recommends at byte ${checker.matchedBytes}`);
    return EXIT.PROTOCOL;
  }
  if (receivedBytes >= limitBytes || limitBytes === Number.POSITIVE_INFINITY) return EXIT.OK;
  reportBreach(call, `closed after ${bytesText(receivedBytes)}, though RFC 864 leaves that to the client`);
  return EXIT.PROTOCOL;
}

async function callDatagram(call: ClientCall, count: number, askBytes: number): Promise<ExitStatus> {
  const { endpoint, output, signal } = call;
  const timeoutMs = call.timeoutMs ?? DATAGRAM_TIMEOUT_MS;
  using socket = await dial(endpoint, { signal, timeoutMs });
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  const question = new Uint8Array(askBytes);
  for (let sequence = 1; sequence <= count; sequence += 1) {
    await socket.send(question, { signal });
    const received = await receiveUntil(socket, buffer, signal, performance.now() + timeoutMs);
    if (received === undefined) {
      reportSilence(call, timeoutMs);
      return EXIT.UNAVAILABLE;
    }
    const isLong = received > CHARGEN_MAX_DATAGRAM_BYTES;
    const isAmplified = received > askBytes;
    const notes = `${isAmplified ? ", more than it was asked with" : ""}${isLong ? ", more than RFC 864 allows" : ""}`;
    const text = `datagram ${sequence}: ${bytesText(received)} back${notes}`;
    output.event?.({ name: "answer", text, fields: { sequence, bytes: received, isAmplified, isLong } });
    await output.data(buffer.subarray(0, received));
  }
  return EXIT.OK;
}

/**
 * The client of the random stream: asks for so much at such a pace, and reads as slowly as it is told to. What a slow
 * reader does not take fills its receive buffer, closes the window, and then fills the sender's.
 */
import { setTimeout as delay } from "node:timers/promises";
import { encodeRandomRequest, RANDOM_MAX_DELAY_MS, RANDOM_MAX_LENGTH } from "../../protocol/index.ts";
import { connect } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { bytesText, receiveUntil, reportBreach, reportSilence, STREAM_TIMEOUT_MS } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { size, wholeNumber } from "../option-values.ts";

const DEFAULT_LENGTH = 64 * 1024;
const BUFFER_BYTES = 64 * 1024;
const MAX_RATE = 2 ** 40;
const MAX_RECEIVE_BUFFER_BYTES = 2 ** 30;
/** A slow reader reads so often, each time its share. */
const READS_PER_SECOND = 20;
const MS_PER_SECOND = 1000;
const PROGRESS_MS = 1000;

interface RandomOptions {
  readonly length?: number;
  readonly delay?: number;
  readonly rate?: number;
  readonly receiveBuffer?: number;
  readonly raw?: true;
}

export const randomClient: ServiceClient = {
  options: [
    {
      flags: "--length <size>",
      description: "how many bytes to ask for, such as 10M",
      parse: size("--length", 0, RANDOM_MAX_LENGTH),
      default: DEFAULT_LENGTH,
    },
    {
      flags: "--delay <ms>",
      description: "how long the server is to wait before each KiB",
      parse: wholeNumber("--delay", 0, RANDOM_MAX_DELAY_MS),
      default: 0,
    },
    {
      flags: "--rate <size>",
      description: "read no more than so many bytes a second, such as 4k",
      parse: size("--rate", 1, MAX_RATE),
    },
    {
      flags: "--receive-buffer <size>",
      description: "SO_RCVBUF: a small one closes the window sooner",
      parse: size("--receive-buffer", 1, MAX_RECEIVE_BUFFER_BYTES),
    },
    { flags: "--raw", description: "print the bytes as they are" },
  ],
  async call(call) {
    const { length = DEFAULT_LENGTH, delay: delayMs = 0, receiveBuffer } = call.options as RandomOptions;
    const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS + delayMs;
    const options = receiveBuffer === undefined ? {} : { SO_RCVBUF: receiveBuffer };
    using socket = await connect(call.endpoint, { signal: call.signal, timeoutMs, options });
    await socket.sendAll(encodeRandomRequest({ length, delayMs }), { signal: call.signal });
    return await readAll(
      call,
      (buffer) => receiveUntil(socket, buffer, call.signal, performance.now() + timeoutMs),
      length,
      timeoutMs,
    );
  },
};

async function readAll(
  call: ClientCall,
  receive: (buffer: Uint8Array) => Promise<number | undefined>,
  length: number,
  timeoutMs: number,
): Promise<ExitStatus> {
  const { output, signal } = call;
  const { rate = Number.POSITIVE_INFINITY, raw } = call.options as RandomOptions;
  const buffer = new Uint8Array(Math.max(1, Math.min(BUFFER_BYTES, Math.ceil(rate / READS_PER_SECOND))));
  const startedMs = performance.now();
  let shownMs = startedMs;
  let receivedBytes = 0;
  for (;;) {
    const count = await receive(buffer);
    if (count === undefined) {
      reportSilence(call, timeoutMs);
      return EXIT.UNAVAILABLE;
    }
    if (count === 0) break;
    receivedBytes += count;
    // No end may ever come of a server that sends on and on.
    if (receivedBytes > length) {
      reportBreach(call, `sent more than the ${bytesText(length)} that it was asked for`);
      return EXIT.PROTOCOL;
    }
    if (raw === true) await output.data(buffer.subarray(0, count));
    const nowMs = performance.now();
    if (nowMs - shownMs >= PROGRESS_MS) {
      shownMs = nowMs;
      const text = `${receivedBytes} of ${length} bytes after ${((nowMs - startedMs) / MS_PER_SECOND).toFixed(1)} s`;
      output.event?.({ name: "progress", text, fields: { receivedBytes, elapsedMs: nowMs - startedMs } });
    }
    // The moment at which so much may have been read.
    const dueMs = startedMs + (receivedBytes / rate) * MS_PER_SECOND;
    if (dueMs > nowMs) await delay(dueMs - nowMs, undefined, { signal });
  }
  const elapsedMs = performance.now() - startedMs;
  const perSecond = receivedBytes / 1024 / (elapsedMs / MS_PER_SECOND);
  const text = `${bytesText(receivedBytes)} in ${(elapsedMs / MS_PER_SECOND).toFixed(2)} s (${perSecond.toFixed(1)} KiB/s)`;
  (output.notice ?? output.event)?.({ name: "done", text, fields: { receivedBytes, elapsedMs } });
  if (receivedBytes === length) return EXIT.OK;
  reportBreach(call, `ended after ${receivedBytes} of the ${length} bytes that it was asked for`);
  return EXIT.PROTOCOL;
}

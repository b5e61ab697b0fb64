/**
 * The client of discard (RFC 863): sends, and says how much. A server that says something is none; over a stream it is
 * asked to close once everything is sent, so that what is reported has arrived.
 */
import { isSystemError, type Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import {
  bytesText,
  dial,
  isDatagram,
  MAX_DATAGRAM_BYTES,
  receiveUntil,
  reportBreach,
  reportSilence,
  STREAM_TIMEOUT_MS,
} from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { readLines } from "../lines.ts";
import { size } from "../option-values.ts";

const CHUNK_BYTES = 64 * 1024;
const MAX_BYTES = 2 ** 40;
/** How long an ICMP error, or an answer that must not come, is waited for after the last datagram. */
const AFTER_LAST_DATAGRAM_MS = 200;

interface DiscardOptions {
  readonly message?: string;
  readonly bytes?: number;
}

export const discardClient: ServiceClient = {
  options: [
    { flags: "--message <text>", description: "send this line instead of standard input" },
    {
      flags: "--bytes <size>",
      description: "send so many bytes instead, such as 100M",
      parse: size("--bytes", 0, MAX_BYTES),
    },
  ],
  async call(call) {
    const { message, bytes } = call.options as DiscardOptions;
    if (message !== undefined && bytes !== undefined)
      throw new RangeError("--message and --bytes are two things to send");
    const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS;
    using socket = await dial(call.endpoint, { signal: call.signal, timeoutMs });
    if (isDatagram(call.endpoint)) return await sendDatagrams(call, socket, datagramsOf(call, message, bytes));
    const chunks =
      message !== undefined
        ? [Buffer.from(`${message}\n`)]
        : bytes === undefined
          ? call.input
          : zeros(bytes, CHUNK_BYTES);
    return await sendStream(call, socket, chunks, timeoutMs);
  },
};

function datagramsOf({ input }: ClientCall, message: string | undefined, bytes: number | undefined) {
  if (message !== undefined) return [Buffer.from(message)];
  return bytes === undefined ? readLines(input, MAX_DATAGRAM_BYTES) : zeros(bytes, MAX_DATAGRAM_BYTES);
}

function* zeros(count: number, chunkBytes: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(chunkBytes);
  for (let left = count; left > 0; left -= chunkBytes) yield chunk.subarray(0, Math.min(left, chunkBytes));
}

async function sendStream(
  call: ClientCall,
  socket: Socket,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  timeoutMs: number,
): Promise<ExitStatus> {
  const { signal } = call;
  const startedMs = performance.now();
  let sentBytes = 0;
  for await (const chunk of chunks) {
    await socket.sendAll(chunk, { signal, timeoutMs });
    sentBytes += chunk.length;
  }
  if (!halfClose(socket)) {
    reportBreach(call, "closed the connection before it had been sent all: it is no discard server, or it was stopped");
    return EXIT.PROTOCOL;
  }
  const count = await receiveUntil(socket, new Uint8Array(1), signal, performance.now() + timeoutMs);
  if (count === undefined) {
    reportSilence(call, timeoutMs);
    return EXIT.UNAVAILABLE;
  }
  if (count > 0) return answered(call);
  done(call, { sentBytes, elapsedMs: performance.now() - startedMs });
  return EXIT.OK;
}

/** @returns false where there is no connection any more: the peer closed, and answered what came after that with a reset. */
function halfClose(socket: Socket): boolean {
  try {
    socket.shutdown("write");
    return true;
  } catch (error) {
    if (isSystemError(error, "ENOTCONN")) return false;
    throw error;
  }
}

async function sendDatagrams(
  call: ClientCall,
  socket: Socket,
  datagrams: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<ExitStatus> {
  const { signal } = call;
  const startedMs = performance.now();
  let sentBytes = 0;
  for await (const datagram of datagrams) sentBytes += await socket.send(datagram, { signal });
  const elapsedMs = performance.now() - startedMs;
  const waitMs = Math.min(call.timeoutMs ?? AFTER_LAST_DATAGRAM_MS, AFTER_LAST_DATAGRAM_MS);
  const count = await receiveUntil(socket, new Uint8Array(1), signal, performance.now() + waitMs);
  if (count !== undefined) return answered(call);
  done(call, { sentBytes, elapsedMs });
  return EXIT.OK;
}

function answered(call: ClientCall): ExitStatus {
  reportBreach(call, "answered, which RFC 863 rules out: it is no discard server");
  return EXIT.PROTOCOL;
}

/** There is nothing else to show, so this is said to everybody: on standard error, for nothing came back. */
function done({ output }: ClientCall, { sentBytes, elapsedMs }: { sentBytes: number; elapsedMs: number }): void {
  const rate = sentBytes / 1024 ** 2 / (elapsedMs / 1000);
  const text = `${bytesText(sentBytes)} sent in ${elapsedMs.toFixed(1)} ms${rate >= 1 ? ` (${rate.toFixed(0)} MiB/s)` : ""}`;
  (output.notice ?? output.event)?.({ name: "done", text, fields: { sentBytes, elapsedMs } });
}

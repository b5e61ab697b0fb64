/** What the clients of services have in common: waiting with a limit, and saying what came of it. */
import { SOCK_DGRAM } from "../abi/index.ts";
import { type ConnectOptions, connect, isSystemError, parseEndpoint, type Socket } from "../socket/index.ts";
import type { ClientCall } from "./client.ts";

/** How long a server may be silent while it owes something. */
export const STREAM_TIMEOUT_MS = 10_000;
export const DATAGRAM_TIMEOUT_MS = 2000;
/** The most that fits into a UDP datagram over IPv4 (udp(7)). */
export const MAX_DATAGRAM_BYTES = 65_507;

const encoder = new TextEncoder();

/** Whether an endpoint is spoken to by datagrams. */
export function isDatagram(endpoint: string): boolean {
  return parseEndpoint(endpoint, { names: true }).type === SOCK_DGRAM;
}

/**
 * Connects to a server. Who wants answers to datagrams over a unix socket needs a name of its own, which the kernel
 * chooses when it is asked to (autobind, unix(7)).
 * @throws as {@link connect}.
 */
export function dial(endpoint: string, options: ConnectOptions = {}): Promise<Socket> {
  return connect(endpoint, { ...options, ...ownName(endpoint) });
}

/** What {@link dial} adds, for who connects by another call. */
export function ownName(endpoint: string): Pick<ConnectOptions, "local"> {
  const isNameless = parseEndpoint(endpoint, { names: true }).transport === "unix+dgram";
  return isNameless ? { local: { family: "unix", kind: "unnamed" } } : {};
}

/** Prints a line. */
export function printLine({ output }: ClientCall, text: string): Promise<void> {
  return output.data(encoder.encode(`${text}\n`));
}

/** @returns how many bytes came; undefined at the deadline, on the clock of `performance.now()`. */
export async function receiveUntil(
  socket: Socket,
  buffer: Uint8Array,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<number | undefined> {
  try {
    return await socket.recv(buffer, { signal, deadlineMs });
  } catch (error) {
    if (isSystemError(error, "ETIMEDOUT") && performance.now() >= deadlineMs) return undefined;
    throw error;
  }
}

/**
 * What a server says to who asks for nothing: of a stream, all up to its end; of datagrams, the one that answers an
 * empty one.
 * @param maxBytes more than the server can have to say; no more is read.
 * @returns undefined where nothing, or no end, came in time, which has been reported then.
 */
export async function fetchOnce(call: ClientCall, maxBytes: number): Promise<Uint8Array | undefined> {
  const isAsked = isDatagram(call.endpoint);
  const timeoutMs = call.timeoutMs ?? (isAsked ? DATAGRAM_TIMEOUT_MS : STREAM_TIMEOUT_MS);
  using socket = await dial(call.endpoint, { signal: call.signal, timeoutMs });
  const deadlineMs = performance.now() + timeoutMs;
  const buffer = new Uint8Array(maxBytes);
  let length = 0;
  if (isAsked) await socket.send(new Uint8Array(0), { signal: call.signal });
  do {
    const count = await receiveUntil(socket, buffer.subarray(length), call.signal, deadlineMs);
    if (count === undefined) {
      reportSilence(call, timeoutMs);
      return undefined;
    }
    length += count;
    if (count === 0) break;
  } while (!isAsked && length < maxBytes);
  return buffer.subarray(0, length);
}

/** Reports that a server did not answer in time. */
export function reportSilence({ endpoint, output }: ClientCall, timeoutMs: number): void {
  const lost = isDatagram(endpoint) ? ": lost, dropped by a firewall, or nobody serves it there" : "";
  const text = `no answer from ${endpoint} within ${timeoutMs / 1000} s${lost}`;
  output.problem({ name: "timeout", text, fields: { timeoutMs } });
}

/** Reports an answer that breaks the rules of the protocol. */
export function reportBreach({ endpoint, output }: ClientCall, what: string): void {
  output.problem({ name: "protocol", text: `${endpoint} ${what}`, fields: {} });
}

/** Bytes in words: `1 byte`, `8 bytes`. */
export function bytesText(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

/**
 * A netcat as one writes it first: what comes in goes out line by line, what the peer says is printed, and the end of the
 * input half-closes. It does what such a program in C does when the peer goes away: it does not notice until it writes.
 * The first write after that succeeds, for the kernel takes it, and is answered with a reset; the second fails, or ends
 * a program that does not ignore SIGPIPE.
 */
import { connect, isSystemError, type Socket } from "../socket/index.ts";
import type { ClientEvent } from "./client.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { readLines } from "./lines.ts";

const BUFFER_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 10;
/** The shell's status of a program that SIGPIPE ended: 128 and the signal's number. */
const SIGPIPE_STATUS = 141;

/** Where the simple netcat connects, and what it reads, shows and heeds. */
export interface NetcatOptions {
  readonly host: string;
  readonly port: string;
  readonly input: AsyncIterable<Uint8Array>;
  /** What the peer says. */
  readonly print: (bytes: Uint8Array) => Promise<void>;
  /** What happens, call by call. */
  readonly say: (event: ClientEvent) => void;
  /** `default`: EPIPE ends it with the status of SIGPIPE, without a word; `ignore`: EPIPE is an error like others. */
  readonly sigpipe: "default" | "ignore";
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Connects, sends what it is given, half-closes at its end, and shows what the peer says until the peer ends.
 * @throws SystemError ECONNREFUSED …; EPIPE, or ECONNRESET where the reset arrived first; the signal's reason.
 */
export async function runNetcat(options: NetcatOptions): Promise<ExitStatus> {
  const { host, port, signal, timeoutMs } = options;
  using socket = await connect(host, port, { type: "stream", signal, timeoutMs });
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const receiving = receive(socket, options, both);
  // A reset is an end for the sender too; else both are waited for, each for its own end.
  receiving.catch((error: unknown) => ended.abort(error));
  try {
    await send(socket, options, both);
    await receiving;
    return EXIT.OK;
  } catch (error) {
    if (options.sigpipe === "default" && isSystemError(error, "EPIPE")) return SIGPIPE_STATUS;
    throw error;
  } finally {
    ended.abort();
    await receiving.catch(() => {});
  }
}

async function send(socket: Socket, { input, say }: NetcatOptions, signal: AbortSignal): Promise<void> {
  let lines = 0;
  for await (const line of abortable(readLines(input, MAX_LINE_BYTES), signal)) {
    lines += 1;
    const bytes = new Uint8Array(line.length + 1);
    bytes.set(line);
    bytes[line.length] = NEWLINE;
    await socket.sendAll(bytes, { signal });
    say({ name: "sent", text: `line ${lines}: send = ${bytes.length}`, fields: { line: lines, bytes: bytes.length } });
  }
  socket.shutdown("write");
  say({ name: "half-closed", text: "the input has ended: shutdown(SHUT_WR) = 0", fields: {} });
}

async function receive(socket: Socket, { print, say }: NetcatOptions, signal: AbortSignal): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const count = await socket.recv(buffer, { signal });
    if (count === 0) break;
    await print(buffer.subarray(0, count));
  }
  say({ name: "peer-ended", text: "recv = 0: the peer has ended; what is typed now is sent all the same", fields: {} });
}

/** The same values until the signal is aborted; then its reason is thrown, though a value is still waited for. */
async function* abortable<Value>(values: AsyncGenerator<Value>, signal: AbortSignal): AsyncGenerator<Value> {
  let fail: (reason: unknown) => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    fail = reject;
  });
  aborted.catch(() => {});
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for (;;) {
      const result = await Promise.race([values.next(), aborted]);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

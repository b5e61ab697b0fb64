/**
 * The client of the time query. By default a ping: one request a second, each answer with its round-trip time. As a burst
 * it sends without waiting and reports what was lost, reordered or duplicated.
 */
import { randomInt } from "node:crypto";
import {
  TIME_QUERY_BYTES,
  TIME_QUERY_MAX_COUNT,
  TimeQueryClient,
  type TimeQueryClientIntents,
  type TimeQueryReport,
} from "../../protocol/index.ts";
import { isSystemError, type Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { DATAGRAM_TIMEOUT_MS, dial, printLine, receiveUntil } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { seconds, wholeNumber } from "../option-values.ts";

const DEFAULT_COUNT = 4;
const DEFAULT_INTERVAL_MS = 1000;
const MAX_INTERVAL_SECONDS = 3600;
const MAX_SEQUENCE = 2 ** 32;
/** Answers taken between two sends: a flood of them must not keep the next request waiting. */
const ANSWERS_PER_TURN = 64;
/** Room for more than an answer, so that what is no answer is seen to be too long. */
const BUFFER_BYTES = 64;

interface TimeQueryOptions {
  readonly count?: number;
  readonly interval?: number;
  readonly burst?: number;
  readonly gap?: number;
}

export const timeQueryClient: ServiceClient = {
  options: [
    {
      flags: "--count <number>",
      description: `how often to ask (default: ${DEFAULT_COUNT})`,
      parse: wholeNumber("--count", 1, TIME_QUERY_MAX_COUNT),
    },
    {
      flags: "--interval <seconds>",
      description: "from one request to the next (default: 1)",
      parse: seconds("--interval", 0, MAX_INTERVAL_SECONDS),
    },
    {
      flags: "--burst <number>",
      description: "send so many without waiting for answers, and report what became of them",
      parse: wholeNumber("--burst", 1, TIME_QUERY_MAX_COUNT),
    },
    {
      flags: "--gap <seconds>",
      description: "from one request of a burst to the next, such as 0.0005 (default: 0)",
      parse: seconds("--gap", 0, MAX_INTERVAL_SECONDS),
    },
  ],
  async call(call) {
    const { count, interval, burst, gap } = call.options as TimeQueryOptions;
    const isBurst = burst !== undefined;
    if (isBurst && (count ?? interval) !== undefined)
      throw new RangeError("--burst has --gap in place of --count and --interval");
    if (!isBurst && gap !== undefined) throw new RangeError("--gap is for a --burst; else there is --interval");
    const query = new TimeQueryClient({
      count: burst ?? count ?? DEFAULT_COUNT,
      firstSequence: randomInt(MAX_SEQUENCE),
      intervalMs: isBurst ? (gap ?? 0) : (interval ?? DEFAULT_INTERVAL_MS),
      timeoutMs: call.timeoutMs ?? DATAGRAM_TIMEOUT_MS,
    });
    using socket = await dial(call.endpoint, { signal: call.signal });
    const lines: string[] = [];
    const server = orSilence(socket, query);
    await run(call, server, query, intentsFor(call, server, lines, isBurst), lines);
    return await summarize(call, query.report());
  },
};

/** Where requests go to, and answers come from. */
interface Server {
  send(bytes: Uint8Array): void;
  /** @returns undefined where none waits. */
  try(buffer: Uint8Array): number | undefined;
  /** @returns undefined where none came until then. */
  wait(buffer: Uint8Array, signal: AbortSignal, deadlineMs: number): Promise<number | undefined>;
}

/**
 * A server that has answered, and is gone, has lost what it is asked now: it may come back, and there is something to
 * report. One that was never there is an error.
 */
function orSilence(socket: Socket, query: TimeQueryClient): Server {
  const forgive = (error: unknown): undefined => {
    if (!isSystemError(error, "ECONNREFUSED") || query.answered === 0) throw error;
  };
  return {
    send(bytes) {
      try {
        socket.trySend(bytes);
      } catch (error) {
        forgive(error);
      }
    },
    try(buffer) {
      try {
        return socket.tryRecv(buffer);
      } catch (error) {
        return forgive(error);
      }
    },
    wait: (buffer, signal, deadlineMs) => receiveUntil(socket, buffer, signal, deadlineMs).catch(forgive),
  };
}

/** What is printed waits in `lines`, because the query's methods do not wait. */
function intentsFor({ output }: ClientCall, server: Server, lines: string[], isBurst: boolean): TimeQueryClientIntents {
  return {
    send(bytes) {
      // A full send buffer is a loss like any other: the request was made, and never arrives.
      server.send(bytes);
    },
    answered({ index, rttMs, unixMs, clockOffsetMs }) {
      const text = `answer ${index + 1}: ${new Date(unixMs).toISOString()} after ${rttMs.toFixed(3)} ms`;
      if (!isBurst) lines.push(text);
      output.event?.({ name: "answer", text, fields: { index, rttMs, unixMs, clockOffsetMs } });
    },
    timedOut(index) {
      const text = `answer ${index + 1}: none in time`;
      if (!isBurst) lines.push(text);
      output.event?.({ name: "no-answer", text, fields: { index } });
    },
  };
}

async function run(
  call: ClientCall,
  server: Server,
  query: TimeQueryClient,
  intents: TimeQueryClientIntents,
  lines: string[],
): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const take = (count: number): void => {
    query.receive(intents, buffer, 0, Math.min(count, BUFFER_BYTES), performance.now(), Date.now());
  };
  for (;;) {
    query.advance(intents, performance.now(), Date.now());
    for (let i = 0; i < ANSWERS_PER_TURN; i += 1) {
      const count = server.try(buffer);
      if (count === undefined) break;
      take(count);
    }
    for (const line of lines.splice(0)) await printLine(call, line);
    if (query.isDone) return;
    call.signal.throwIfAborted();
    if (query.nextMs <= performance.now()) continue;
    const count = await server.wait(buffer, call.signal, query.nextMs);
    if (count !== undefined) take(count);
  }
}

async function summarize(call: ClientCall, report: TimeQueryReport): Promise<ExitStatus> {
  const { sent, answered, late, lost, duplicated, reordered, malformed, stray, rtt, lostRanges } = report;
  const percent = ((100 * (sent - answered)) / sent).toFixed(1);
  await printLine(
    call,
    `${sent} requests of ${TIME_QUERY_BYTES} bytes: ${answered} answered, ${late} late, ${lost} lost (${percent} % not in time)`,
  );
  await printLine(call, `${reordered} reordered, ${duplicated} duplicated, ${malformed + stray} that were no answer`);
  if (lostRanges.length > 0) {
    const text = lostRanges
      .map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1}-${last + 1}`))
      .join(" ");
    await printLine(call, `lost: ${text}`);
  }
  if (rtt !== undefined) {
    const { minMs, meanMs, maxMs, deviationMs, clockOffsetMs } = rtt;
    const values = [minMs, meanMs, maxMs, deviationMs].map((value) => value.toFixed(3)).join("/");
    await printLine(
      call,
      `round trip min/mean/max/deviation ${values} ms; its clock is ${clockOffsetMs.toFixed(1)} ms ahead of ours`,
    );
  }
  const fields = {
    ...report,
    rtt: rtt === undefined ? null : { ...rtt },
    lostRanges: lostRanges.map((range) => [...range]),
  };
  call.output.event?.({ name: "report", text: `${answered} of ${sent} answered`, fields });
  if (answered > 0) return EXIT.OK;
  const text = `no answer from ${call.endpoint} in time to any of ${sent} requests`;
  call.output.problem({ name: "lost", text, fields: { sent, lost, late } });
  return EXIT.UNAVAILABLE;
}

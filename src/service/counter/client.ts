/**
 * The client of the counter: adds over several connections at once, reads the total before and after, and reports what was
 * lost between.
 */
import { COUNTER_MAX_AMOUNT, LineReader } from "../../protocol/index.ts";
import { connect, type Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { printLine, STREAM_TIMEOUT_MS } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { wholeNumber } from "../option-values.ts";
import { Silence } from "../silence.ts";

const MAX_COUNT = 100_000;
const MAX_CONNECTIONS = 1000;
/** Totals are remembered to find those that were given twice. */
const MAX_ADDITIONS = 1_000_000;
const BUFFER_BYTES = 256;

export const counterClient: ServiceClient = {
  options: [
    {
      flags: "--count <number>",
      description: "how often each connection adds",
      parse: wholeNumber("--count", 0, MAX_COUNT),
    },
    {
      flags: "--connections <number>",
      description: "how many connections add at the same time",
      parse: wholeNumber("--connections", 1, MAX_CONNECTIONS),
    },
    {
      flags: "--amount <number>",
      description: "what is added each time",
      parse: wholeNumber("--amount", 1, COUNTER_MAX_AMOUNT),
    },
  ],
  async call(call) {
    const { count = 1, connections = 1, amount = 1 } = call.options as Partial<Hammer>;
    if (count * connections > MAX_ADDITIONS) {
      throw new RangeError(`--count times --connections is at most ${MAX_ADDITIONS}, not ${count * connections}`);
    }
    const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS;
    using silence = new Silence(call.signal, timeoutMs);
    try {
      return await hammer(call, { count, connections, amount }, silence);
    } catch (error) {
      if (error instanceof NoCounterError) {
        call.output.problem({ name: "protocol", text: `${call.endpoint} ${error.message}`, fields: {} });
        return EXIT.PROTOCOL;
      }
      if (!silence.expired) throw error;
      const text = `no answer from ${call.endpoint} within ${timeoutMs / 1000} s`;
      call.output.problem({ name: "timeout", text, fields: { timeoutMs } });
      return EXIT.UNAVAILABLE;
    }
  },
};

interface Hammer {
  readonly count: number;
  readonly connections: number;
  readonly amount: number;
}

class NoCounterError extends Error {}

async function hammer(call: ClientCall, how: Hammer, silence: Silence): Promise<ExitStatus> {
  const { count, connections, amount } = how;
  const before = await ask(call, silence, (line) => line.total("read"));
  const totals = new Set<number>();
  const startedMs = performance.now();
  const tasks = Array.from({ length: connections }, () =>
    ask(call, silence, async (line) => {
      for (let done = 0; done < count; done += 1) totals.add(await line.total(`add ${amount}`));
    }),
  );
  // All are waited for, so that none is left behind when one fails.
  const ends = await Promise.allSettled(tasks);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  const elapsedMs = performance.now() - startedMs;
  const after = await ask(call, silence, (line) => line.total("read"));
  silence.rest();

  const additions = count * connections;
  const expected = before + additions * amount;
  const lost = (expected - after) / amount;
  const fields = { before, after, expected, additions, lost, repeated: additions - totals.size, elapsedMs };
  const told = `${before} before, ${after} after`;
  const what = `${additions} additions over ${connections} ${connections === 1 ? "connection" : "connections"}`;
  if (lost === 0) {
    call.output.event?.({ name: "exact", text: `${what} in ${elapsedMs.toFixed(0)} ms`, fields });
    await printLine(call, additions === 1 ? `${after}` : `${what}: ${told}, none lost`);
    return EXIT.OK;
  }
  const text =
    lost > 0
      ? `${what}: ${told}, but ${expected} were due: ${lost} lost. Somebody wrote between another's read and write`
      : `${what}: ${told}, but ${expected} were due: somebody else was adding meanwhile`;
  call.output.problem({ name: lost > 0 ? "lost" : "others", text, fields });
  return lost > 0 ? EXIT.DATAERR : EXIT.TEMPFAIL;
}

/** Opens a connection, says what there is to say, and closes it. */
async function ask<Answer>(
  call: ClientCall,
  silence: Silence,
  say: (line: CounterLine) => Promise<Answer>,
): Promise<Answer> {
  silence.watch();
  using socket = await connect(call.endpoint, { signal: silence.signal });
  return await say(new CounterLine(socket, silence));
}

/** One connection to a counter. */
class CounterLine {
  readonly #socket: Socket;
  readonly #silence: Silence;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #reader = new LineReader(BUFFER_BYTES);

  constructor(socket: Socket, silence: Silence) {
    this.#socket = socket;
    this.#silence = silence;
  }

  /** Sends a line, and gives the total that is answered. */
  async total(line: string): Promise<number> {
    const { signal } = this.#silence;
    await this.#socket.sendAll(`${line}\n`, { signal });
    for (;;) {
      const count = await this.#socket.recv(this.#buffer, { signal });
      if (count === 0) throw new NoCounterError("closed the connection in place of an answer");
      this.#reader.take(this.#buffer, 0, count);
      // A part of an answer is none.
      if (this.#reader.found === "nothing") continue;
      this.#silence.watch();
      if (!/^\d{1,16}$/.test(this.#reader.line)) throw new NoCounterError("answered no total: it is no counter");
      return Number(this.#reader.line);
    }
  }
}

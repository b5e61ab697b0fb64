/**
 * The client of squares: sends the lines that are typed and prints what the server says, moves of others among it. With
 * moves on its command line it makes those, shows the board, and leaves.
 */
import { LineReader, parseSquaresLine } from "../../protocol/index.ts";
import { connect, type Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { receiveUntil, reportBreach, reportSilence, STREAM_TIMEOUT_MS } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { Silence } from "../silence.ts";
import { TypedLines } from "../typed-lines.ts";

const BUFFER_BYTES = 4096;
/** The longest line of a server that is looked at. */
const MAX_LINE_BYTES = 4096;
/** So much may come before the greeting: a banner. */
const MAX_BANNER_BYTES = 64 * 1024;
const MOVE = /^[1-5] [1-5]$/;

export const squaresClient: ServiceClient = {
  options: [
    {
      flags: "--move <squares>",
      description: "claim these, such as '2 3, 2 4', show the board and leave",
      parse: readMoves,
    },
  ],
  async call(call) {
    const { move } = call.options as { readonly move?: readonly string[] };
    const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS;
    using socket = await connect(call.endpoint, { signal: call.signal, timeoutMs });
    using silence = new Silence(call.signal, timeoutMs);
    const lines = move?.map((square) => `claim ${square}\n`).concat("board\n", "quit\n");
    const typed = new TypedLines(socket, lines === undefined ? call : { ...call, input: inputOf(lines) }, silence);
    const heard = (): void => typed.heard();
    try {
      return await follow(socket, call, silence.signal, heard);
    } catch (error) {
      if (!silence.expired) throw error;
      reportSilence(call, timeoutMs);
      return EXIT.UNAVAILABLE;
    }
  },
};

function readMoves(text: string): string[] {
  const moves = text.split(",").map((move) => move.trim());
  if (moves.every((move) => MOVE.test(move))) return moves;
  throw new RangeError(`--move takes squares as column and row from 1 to 5, such as '2 3, 2 4', not "${text}"`);
}

async function* inputOf(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(lines.join(""));
}

async function follow(socket: Socket, call: ClientCall, signal: AbortSignal, heard: () => void): Promise<ExitStatus> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const reader = new LineReader(MAX_LINE_BYTES);
  let isSquares = false;
  let bannerBytes = 0;
  for (;;) {
    const count = await receiveUntil(socket, buffer, signal, Number.POSITIVE_INFINITY);
    if (count === undefined || count === 0) break;
    await call.output.data(buffer.subarray(0, count));
    for (let at = 0; at < count; ) {
      at = reader.take(buffer, at, count);
      if (reader.found !== "line") continue;
      isSquares ||= reader.line.startsWith("Squares: ");
      const move = parseSquaresLine(reader.line);
      if (move !== undefined) call.output.event?.({ name: "move", text: reader.line, fields: { ...move } });
    }
    // Whatever a server says, it owes a greeting.
    if (isSquares) heard();
    else bannerBytes += count;
    if (bannerBytes > MAX_BANNER_BYTES) {
      reportBreach(call, `has not greeted in ${bannerBytes} bytes: it is no squares server`);
      return EXIT.PROTOCOL;
    }
  }
  if (isSquares) return EXIT.OK;
  reportBreach(call, "closed the connection without a greeting: it is no squares server");
  return EXIT.PROTOCOL;
}

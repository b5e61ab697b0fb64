/**
 * The client of hangman: sends the lines that are typed, and draws the gallows for each answer. On a terminal the picture
 * stays in its place.
 */
import { HangmanView } from "../../protocol/index.ts";
import { connect, type Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import { receiveUntil, reportBreach, reportSilence, STREAM_TIMEOUT_MS } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { Silence } from "../silence.ts";
import { TypedLines } from "../typed-lines.ts";

const BUFFER_BYTES = 4096;
/** So much may come before the first word: a greeting, a banner. */
const MAX_GREETING_BYTES = 64 * 1024;
/** ECMA-48: to the upper left corner, and clear from there. */
const CLEAR = "\x1b[H\x1b[2J";

export const hangmanClient: ServiceClient = {
  options: [{ flags: "--plain", description: "print the server's lines as they are, and draw nothing" }],
  async call(call) {
    const isPlain = (call.options as { readonly plain?: true }).plain === true;
    const timeoutMs = call.timeoutMs ?? STREAM_TIMEOUT_MS;
    using socket = await connect(call.endpoint, { signal: call.signal, timeoutMs });
    using silence = new Silence(call.signal, timeoutMs);
    const typed = new TypedLines(socket, call, silence);
    const heard = (): void => typed.heard();
    try {
      return await follow(socket, call, { signal: silence.signal, heard, isPlain });
    } catch (error) {
      if (!silence.expired) throw error;
      reportSilence(call, timeoutMs);
      return EXIT.UNAVAILABLE;
    }
  },
};

interface Following {
  readonly signal: AbortSignal;
  /** Told of each answer. */
  readonly heard: () => void;
  readonly isPlain: boolean;
}

async function follow(socket: Socket, call: ClientCall, { signal, heard, isPlain }: Following): Promise<ExitStatus> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const view = new HangmanView();
  let greetingBytes = 0;
  for (;;) {
    const count = await receiveUntil(socket, buffer, signal, Number.POSITIVE_INFINITY);
    if (count === undefined || count === 0) break;
    const bytes = buffer.subarray(0, count);
    const lines = view.feed(bytes);
    // Whatever a server says, it owes a word.
    if (view.shown !== "") heard();
    else greetingBytes += count;
    if (greetingBytes > MAX_GREETING_BYTES) {
      reportBreach(call, `has shown no word in ${greetingBytes} bytes: it is no hangman server`);
      return EXIT.PROTOCOL;
    }
    if (isPlain) {
      await call.output.data(bytes);
    } else if (lines > 0 && view.shown !== "") {
      await call.output.data(new TextEncoder().encode(picture(view, call.output.isTerminal === true)));
    }
    const { phase, shown, livesLeft, result, message } = view;
    const fields = { phase, shown, livesLeft, message, isWon: result?.isWon ?? null, word: result?.word ?? null };
    call.output.event?.({ name: "turn", text: `${phase}: ${shown}, ${livesLeft} left`, fields });
  }
  if (view.shown !== "") return EXIT.OK;
  reportBreach(call, "closed the connection and had shown no word: it is no hangman server");
  return EXIT.PROTOCOL;
}

function picture(view: HangmanView, isTerminal: boolean): string {
  const { gallows, message, phase, result, shown, livesLeft } = view;
  const word = shown === "" ? "" : `${[...shown].join(" ")}   (${livesLeft} of ${view.lives} lives)`;
  const outcome =
    result === undefined ? "" : result.isWon ? `You win: ${result.word}` : `You are hanged: ${result.word}`;
  const prompts = {
    asking: "Another round? y or n",
    over: "Goodbye.",
    playing: "A letter, or the word; /quit leaves",
    waiting: "",
  };
  const lines = [...gallows, "", word, outcome || message, prompts[phase]];
  return `${isTerminal ? CLEAR : ""}${lines.join("\n")}\n${isTerminal && phase !== "over" ? "> " : ""}`;
}

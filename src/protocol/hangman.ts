/**
 * Hangman over lines of text, made to be played by hand through nc or telnet as well as by a client that draws.
 *
 * The server shows the word as far as it is guessed and the lives left, `_ _ a _  11 lives left`, after each line that
 * it gets; a line is a letter, or the whole word. A wrong guess costs a life; what was tried before, or is no guess,
 * costs nothing and is told so. After a round it offers another one, and closes when that is not wanted. `/quit` leaves
 * at any time. What one client does is nothing to the others.
 */
import { HANGMAN_LIVES, HangmanGame } from "./hangman-game.ts";
import { formatResult, formatStatus, HANGMAN_ANOTHER_ROUND, HANGMAN_GOODBYE } from "./hangman-text.ts";
import { HELD_BY_OUTPUT, type LineHandler, LineInbox } from "./line-inbox.ts";
import type { StreamIntents, StreamProtocol, StreamProtocolFactory } from "./stream.ts";

/** The longest line that is looked at; no word is that long. */
export const HANGMAN_MAX_LINE_BYTES = 80;
/** More words than any dictionary has. */
const MAX_WORDS = 1_000_000;
const DEFAULT_IDLE_MS = 5 * 60_000;
const QUIT = "/quit";

const IDLE = 0;

const encoder = new TextEncoder();

/** What {@link hangmanStream} needs: words, chance, and limits. */
export interface HangmanOptions {
  /** Words of 1 to 32 letters from a to z, in either case. */
  readonly words: readonly string[];
  /** Chooses a word: given how many there are, a whole number of at least 0 and less than that. */
  readonly pick: (count: number) => number;
  readonly lives?: number;
  /** After so long without a line the server says goodbye; 0: never. */
  readonly idleMs?: number;
}

/**
 * A game for each connection.
 * @throws RangeError for no words, a word that cannot be guessed, or lives that are not 1 to 99.
 */
export function hangmanStream(options: HangmanOptions): StreamProtocolFactory {
  const { words, pick, lives = HANGMAN_LIVES, idleMs = DEFAULT_IDLE_MS } = options;
  if (words.length < 1 || words.length > MAX_WORDS) {
    throw new RangeError(`hangman needs 1 to ${MAX_WORDS} words, not ${words.length}`);
  }
  for (const word of words) new HangmanGame(word, lives);
  return () => new HangmanConversation({ words, pick, lives, idleMs });
}

class HangmanConversation implements StreamProtocol, LineHandler<StreamIntents> {
  readonly #options: Required<HangmanOptions>;
  readonly #inbox = new LineInbox<StreamIntents>(this, HANGMAN_MAX_LINE_BYTES);
  #game: HangmanGame;
  #lastMs = 0;

  constructor(options: Required<HangmanOptions>) {
    this.#options = options;
    this.#game = this.#newGame();
  }

  // The driver's side.

  open(out: StreamIntents): void {
    this.#lastMs = out.nowMs;
    if (this.#options.idleMs > 0) out.setTimer(IDLE, out.nowMs + this.#options.idleMs);
    this.#say(out, `Hangman: guess a letter, or the whole word. ${QUIT} leaves.`, this.#status);
  }

  data(out: StreamIntents, bytes: Uint8Array, start: number, end: number): void {
    this.#inbox.data(out, bytes, start, end);
  }

  end(out: StreamIntents): void {
    this.#inbox.end(out);
  }

  writable(out: StreamIntents): void {
    this.#inbox.release(out, HELD_BY_OUTPUT);
  }

  timer(out: StreamIntents): void {
    const dueMs = this.#lastMs + this.#options.idleMs;
    if (dueMs > out.nowMs) out.setTimer(IDLE, dueMs);
    else this.#leave(out, `Nothing came for ${seconds(this.#options.idleMs)}.`);
  }

  // The inbox's side.

  line(out: StreamIntents, line: string): void {
    this.#lastMs = out.nowMs;
    const text = line.trim();
    if (text.toLowerCase() === QUIT) this.#leave(out);
    else if (this.#game.isWon || this.#game.isLost) this.#answer(out, text);
    else if (text === "") this.#say(out, this.#status);
    else this.#guess(out, text);
  }

  tooLong(out: StreamIntents): void {
    this.#lastMs = out.nowMs;
    this.#say(out, `That line is too long: ${HANGMAN_MAX_LINE_BYTES} bytes at most.`, this.#prompt);
  }

  ended(out: StreamIntents): void {
    out.end();
  }

  // The game.

  #guess(out: StreamIntents, text: string): void {
    const outcome = this.#game.guess(text);
    const guess = text.toLowerCase();
    if (outcome === "rubbish") {
      this.#say(out, "A letter from a to z, please, or the whole word.", this.#status);
    } else if (outcome === "repeated") {
      this.#say(out, `You have tried ${guess} already.`, this.#status);
    } else if (this.#game.isWon || this.#game.isLost) {
      const { isWon, word } = this.#game;
      this.#say(out, this.#status, formatResult({ isWon, word }), HANGMAN_ANOTHER_ROUND);
    } else if (outcome === "hit") {
      this.#say(out, this.#status);
    } else {
      this.#say(out, guess.length === 1 ? `There is no ${guess}.` : `It is not ${guess}.`, this.#status);
    }
  }

  #answer(out: StreamIntents, text: string): void {
    if (/^no?$/i.test(text)) {
      this.#leave(out);
    } else if (/^y(es)?$/i.test(text)) {
      this.#game = this.#newGame();
      this.#say(out, this.#status);
    } else {
      this.#say(out, HANGMAN_ANOTHER_ROUND);
    }
  }

  #leave(out: StreamIntents, ...lines: string[]): void {
    this.#say(out, ...lines, HANGMAN_GOODBYE);
    this.#inbox.close();
    out.end();
  }

  #newGame(): HangmanGame {
    const { words, pick, lives } = this.#options;
    const index = pick(words.length);
    const word = words[index];
    if (word === undefined) throw new RangeError(`there is no word ${index} of ${words.length}`);
    return new HangmanGame(word, lives);
  }

  get #status(): string {
    return formatStatus(this.#game);
  }

  /** What the client has to answer to. */
  get #prompt(): string {
    return this.#game.isWon || this.#game.isLost ? HANGMAN_ANOTHER_ROUND : this.#status;
  }

  #say(out: StreamIntents, ...lines: string[]): void {
    const text = lines.map((line) => `${line}\r\n`).join("");
    if (!out.write(encoder.encode(text))) this.#inbox.hold(HELD_BY_OUTPUT);
  }
}

function seconds(ms: number): string {
  const count = Math.round(ms / 1000);
  return count % 60 === 0 && count > 60 ? `${count / 60} minutes` : `${count} seconds`;
}

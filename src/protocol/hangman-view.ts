/** The client's side of hangman: what the server's lines mean, and a gallows to draw. */
import { HANGMAN_LIVES, HANGMAN_MAX_LIVES } from "./hangman-game.ts";
import {
  HANGMAN_ANOTHER_ROUND,
  HANGMAN_GOODBYE,
  type HangmanResult,
  parseResult,
  parseStatus,
} from "./hangman-text.ts";
import { LineReader } from "./line-reader.ts";

/** The longest line of a server that is looked at. */
const MAX_LINE_BYTES = 512;

/**
 * - `waiting`: the server has not shown a word yet.
 * - `playing`: it waits for a guess.
 * - `asking`: the round is over, and it waits for yes or no.
 * - `over`: it has said goodbye.
 */
export type HangmanPhase = "asking" | "over" | "playing" | "waiting";

/** Follows a game from the bytes that the server sends. Lines that it does not know are messages. */
export class HangmanView {
  phase: HangmanPhase = "waiting";
  /** The word as far as it is guessed; empty before the first round. */
  shown = "";
  livesLeft = 0;
  /** The lives at the beginning of the round. */
  lives: number = HANGMAN_LIVES;
  /** How the round ended, once it has. */
  result: HangmanResult | undefined;
  /** What the server said last that is none of the above. */
  message = "";
  readonly #reader = new LineReader(MAX_LINE_BYTES);

  /**
   * Takes bytes of the server.
   * @returns how many lines became complete.
   */
  feed(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
    let count = 0;
    for (let at = start; at < end; ) {
      at = this.#reader.take(bytes, at, end);
      if (this.#reader.found !== "line") continue;
      this.#take(this.#reader.line);
      count++;
    }
    return count;
  }

  /** The gallows as it stands, as lines. */
  get gallows(): string[] {
    return this.shown === "" ? gallows(0, 1) : gallows(this.lives - this.livesLeft, this.lives);
  }

  #take(line: string): void {
    const status = parseStatus(line);
    if (status !== undefined) {
      this.#beginRoundUnless(this.phase === "playing");
      this.phase = "playing";
      this.shown = status.shown;
      this.livesLeft = status.livesLeft;
      this.lives = Math.max(this.lives, status.livesLeft, 1);
      return;
    }
    const result = parseResult(line);
    if (result !== undefined) this.result = result;
    else if (line === HANGMAN_ANOTHER_ROUND) this.phase = "asking";
    else if (line === HANGMAN_GOODBYE) this.phase = "over";
    else this.message = line;
  }

  #beginRoundUnless(isPlaying: boolean): void {
    if (isPlaying) return;
    this.result = undefined;
    this.message = "";
    this.lives = 0;
  }
}

/** Row, column and look of each stroke, in the order of drawing. */
const STROKES: readonly (readonly [number, number, string])[] = [
  [6, 0, "========="],
  [1, 1, "|||||"],
  [0, 1, "+----+"],
  [1, 2, "/"],
  [1, 6, "|"],
  [2, 6, "O"],
  [3, 6, "|"],
  [3, 5, "/"],
  [3, 7, "\\"],
  [4, 5, "/"],
  [4, 7, "\\"],
  [2, 6, "X"],
];
/** The one stroke that goes down, not right. */
const POST = 1;
const ROWS = 7;
const COLUMNS = 9;

/**
 * The gallows after so many lives were lost: empty at none, complete at all, and in proportion between, whether there
 * are few lives or many.
 * @returns seven lines of nine characters.
 * @throws RangeError where more are lost than there were.
 */
export function gallows(livesLost: number, lives: number): string[] {
  if (!(livesLost >= 0 && livesLost <= lives && lives >= 1 && lives <= HANGMAN_MAX_LIVES)) {
    throw new RangeError(`${livesLost} of ${lives} lives cannot be lost`);
  }
  const rows = Array.from({ length: ROWS }, () => new Array<string>(COLUMNS).fill(" "));
  const strokeCount = Math.ceil((livesLost * STROKES.length) / lives);
  STROKES.slice(0, strokeCount).forEach(([row, column, look], stroke) => {
    [...look].forEach((character, i) => {
      const [toRow, toColumn] = stroke === POST ? [row + i, column] : [row, column + i];
      (rows[toRow] as string[])[toColumn] = character;
    });
  });
  return rows.map((row) => row.join(""));
}

/** The lines of a hangman server that a client must understand: how they are written and how they are read. */
import { HANGMAN_MAX_WORD_LETTERS } from "./hangman-game.ts";

/** The question after a round. */
export const HANGMAN_ANOTHER_ROUND = "Another round? (y/n)";
/** The last line. */
export const HANGMAN_GOODBYE = "Goodbye.";

/** The line after each turn, such as `_ _ a _  11 lives left`. */
export interface HangmanStatus {
  /** As {@link HangmanGame.shown} gives it. */
  readonly shown: string;
  readonly livesLeft: number;
}

/** The line at the end of a round. */
export interface HangmanResult {
  readonly isWon: boolean;
  readonly word: string;
}

const WON = "You win: the word is ";
const LOST = "You are hanged: the word was ";
const STATUS_PATTERN = /^((?:[a-z_] )*[a-z_]) {2}(\d{1,2}) (?:lives|life) left$/;
const RESULT_PATTERN = new RegExp(`^(${WON}|${LOST})([a-z]{1,${HANGMAN_MAX_WORD_LETTERS}})\\.$`);

/** The line after a turn. */
export function formatStatus({ shown, livesLeft }: HangmanStatus): string {
  return `${[...shown].join(" ")}  ${livesLeft} ${livesLeft === 1 ? "life" : "lives"} left`;
}

/**
 * Reads the line after a turn.
 * @returns undefined for any other line.
 */
export function parseStatus(line: string): HangmanStatus | undefined {
  const found = STATUS_PATTERN.exec(line);
  if (found === null) return undefined;
  const [, letters = "", lives] = found;
  return { shown: letters.replaceAll(" ", ""), livesLeft: Number(lives) };
}

/** The line at the end of a round. */
export function formatResult({ isWon, word }: HangmanResult): string {
  return `${isWon ? WON : LOST}${word}.`;
}

/**
 * Reads the line at the end of a round.
 * @returns undefined for any other line.
 */
export function parseResult(line: string): HangmanResult | undefined {
  const found = RESULT_PATTERN.exec(line);
  if (found === null) return undefined;
  const [, opening, word = ""] = found;
  return { isWon: opening === WON, word };
}

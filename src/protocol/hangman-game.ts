/** The rules of hangman, for one word. */

/** Lives, unless told: as many as the gallows has strokes. */
export const HANGMAN_LIVES = 12;
/** The most lives a game may give. */
export const HANGMAN_MAX_LIVES = 99;
/** The longest word. */
export const HANGMAN_MAX_WORD_LETTERS = 32;

/** A letter that is not known yet. */
export const HIDDEN_LETTER = "_";

/** What a guess came to. Only a miss costs a life: `repeated` was tried before, `rubbish` is neither letter nor word. */
export type GuessOutcome = "hit" | "miss" | "repeated" | "rubbish";

/** One round: a word, the guesses so far, and the lives that are left. */
export class HangmanGame {
  readonly word: string;
  #livesLeft: number;
  readonly #tried = new Set<string>();
  #isSolved = false;

  /** @throws RangeError for a word that is not 1 to 32 letters of ASCII, or lives that are not 1 to 99. */
  constructor(word: string, lives: number = HANGMAN_LIVES) {
    if (word.length > HANGMAN_MAX_WORD_LETTERS || !/^[a-z]+$/i.test(word)) {
      throw new RangeError(`a word has 1 to ${HANGMAN_MAX_WORD_LETTERS} letters from a to z, unlike "${word}"`);
    }
    if (!Number.isInteger(lives) || lives < 1 || lives > HANGMAN_MAX_LIVES) {
      throw new RangeError(`there are 1 to ${HANGMAN_MAX_LIVES} lives, not ${lives}`);
    }
    this.word = word.toLowerCase();
    this.#livesLeft = lives;
  }

  /** How many more misses the player survives. */
  get livesLeft(): number {
    return this.#livesLeft;
  }

  /** Whether the word is known. */
  get isWon(): boolean {
    return this.#isSolved;
  }

  /** Whether no life is left. */
  get isLost(): boolean {
    return this.#livesLeft === 0;
  }

  /** The word as far as it is known, with {@link HIDDEN_LETTER} for each other letter. */
  get shown(): string {
    if (this.#isSolved) return this.word;
    return Array.from(this.word, (letter) => (this.#tried.has(letter) ? letter : HIDDEN_LETTER)).join("");
  }

  /**
   * Takes a letter or a whole word, in either case. Several letters are a guess at the whole word.
   * @throws TypeError when the game is over.
   */
  guess(text: string): GuessOutcome {
    if (this.isWon || this.isLost) throw new TypeError("the game is over");
    const guess = text.toLowerCase();
    if (guess.length > HANGMAN_MAX_WORD_LETTERS || !/^[a-z]+$/.test(guess)) return "rubbish";
    if (this.#tried.has(guess)) return "repeated";
    // What is tried is bounded: each wrong word costs a life, and there are 26 letters.
    this.#tried.add(guess);
    if (guess === this.word || (guess.length === 1 && this.word.includes(guess))) {
      this.#isSolved = guess === this.word || !this.shown.includes(HIDDEN_LETTER);
      return "hit";
    }
    this.#livesLeft--;
    return "miss";
  }
}

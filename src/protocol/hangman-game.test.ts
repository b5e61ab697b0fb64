import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HANGMAN_LIVES, HangmanGame } from "./hangman-game.ts";

const LETTER = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz");
const WORD = fc.string({ unit: LETTER, minLength: 1, maxLength: 10 });

describe("a game of hangman", () => {
  it("shows what is guessed, in either case, and takes a life for a miss", () => {
    const game = new HangmanGame("Banana");
    expect([game.shown, game.livesLeft]).toEqual(["______", HANGMAN_LIVES]);
    expect([game.guess("A"), game.shown]).toEqual(["hit", "_a_a_a"]);
    expect([game.guess("x"), game.livesLeft]).toEqual(["miss", HANGMAN_LIVES - 1]);
    expect([game.guess("bandana"), game.livesLeft]).toEqual(["miss", HANGMAN_LIVES - 2]);
    expect([game.guess("b"), game.guess("n"), game.shown, game.isWon]).toEqual(["hit", "hit", "banana", true]);
  });

  it("is won by the whole word", () => {
    const game = new HangmanGame("kernel");
    expect([game.guess("KERNEL"), game.isWon, game.isLost, game.shown]).toEqual(["hit", true, false, "kernel"]);
  });

  it("is lost with the last life, and over then", () => {
    const game = new HangmanGame("kernel", 2);
    expect([game.guess("x"), game.guess("y"), game.isLost, game.isWon]).toEqual(["miss", "miss", true, false]);
    expect(() => game.guess("k")).toThrow(TypeError);
  });

  it("takes nothing for what was tried before or is no guess", () => {
    const game = new HangmanGame("kernel");
    for (const guess of ["e", "x", "colonel"]) game.guess(guess);
    const lives = game.livesLeft;
    expect([game.guess("e"), game.guess("X"), game.guess("colonel")]).toEqual(["repeated", "repeated", "repeated"]);
    for (const guess of ["", "3", "ä", "ß", "a b", "?", "\u0000", "x".repeat(1000)]) {
      expect(game.guess(guess)).toBe("rubbish");
    }
    expect(game.livesLeft).toBe(lives);
  });

  it("ends, shows no letter that was not guessed, and never gains a life", () => {
    fc.assert(
      fc.property(
        WORD,
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.oneof(LETTER, WORD, fc.string())),
        (word, lives, guesses) => {
          const game = new HangmanGame(word, lives);
          const tried = new Set<string>();
          for (const guess of guesses) {
            if (game.isWon || game.isLost) break;
            const before = game.livesLeft;
            const outcome = game.guess(guess);
            tried.add(guess.toLowerCase());
            expect(game.livesLeft).toBe(outcome === "miss" ? before - 1 : before);
          }
          const guessed = [...word].map((letter) => (tried.has(letter) ? letter : "_")).join("");
          expect(game.shown).toBe(game.isWon ? word : guessed);
        },
      ),
    );
  });

  it("refuses words that cannot be guessed, and lives that cannot be", () => {
    for (const word of ["", "two words", "naïve", "x".repeat(33), "it's"]) {
      expect(() => new HangmanGame(word)).toThrow(RangeError);
    }
    for (const lives of [0, -1, 1.5, 100]) expect(() => new HangmanGame("word", lives)).toThrow(RangeError);
  });
});

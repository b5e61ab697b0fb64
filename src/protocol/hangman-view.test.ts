import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, FakeStream } from "./driver.testing.ts";
import { hangmanStream } from "./hangman.ts";
import { formatResult, formatStatus, parseResult, parseStatus } from "./hangman-text.ts";
import { gallows, HangmanView } from "./hangman-view.ts";

describe("the lines of hangman", () => {
  it("are read as they were written", () => {
    const letter = fc.constantFrom(..."_abcxyz");
    const shownWords = fc.string({ unit: letter, minLength: 1, maxLength: 32 });
    fc.assert(
      fc.property(shownWords, fc.nat(99), fc.boolean(), (shown, livesLeft, isWon) => {
        const word = shown.replaceAll("_", "e");
        expect(parseStatus(formatStatus({ shown, livesLeft }))).toEqual({ shown, livesLeft });
        expect(parseResult(formatResult({ isWon, word }))).toEqual({ isWon, word });
        expect(parseStatus(formatResult({ isWon, word }))).toBeUndefined();
        expect(parseResult(formatStatus({ shown, livesLeft }))).toBeUndefined();
      }),
    );
  });

  it("are not mistaken for others", () => {
    for (const line of ["", "_ _ _", "_ _  x lives left", "There is no x.", "_ _  5 lives left!", "_  -1 lives left"]) {
      expect(parseStatus(line)).toBeUndefined();
      expect(parseResult(line)).toBeUndefined();
    }
  });
});

describe("the client's view", () => {
  it("follows a game that a server plays", () => {
    const words = ["banana", "kernel"];
    let round = 0;
    const stream = new FakeStream(hangmanStream({ words, pick: () => round++, lives: 6 })());
    const view = new HangmanView();
    const turn = (input: string): HangmanView => {
      stream.send(input);
      view.feed(bytesOf(stream.takeText()));
      return view;
    };
    expect(turn("")).toMatchObject({ phase: "playing", shown: "______", livesLeft: 6, lives: 6 });
    expect(turn("a\nx\n")).toMatchObject({ shown: "_a_a_a", livesLeft: 5, lives: 6, message: "There is no x." });
    expect(view.gallows).toEqual(gallows(1, 6));
    expect(turn("banana\n")).toMatchObject({
      phase: "asking",
      shown: "banana",
      result: { isWon: true, word: "banana" },
    });
    expect(turn("y\n")).toMatchObject({ phase: "playing", shown: "______", livesLeft: 6, result: undefined });
    expect(turn("q\nw\ni\no\np\nz\n")).toMatchObject({ phase: "asking", livesLeft: 0, result: { isWon: false } });
    expect(view.gallows).toEqual(gallows(6, 6));
    expect(turn("n\n").phase).toBe("over");
  });

  it("takes lines in any pieces and throws for no bytes", () => {
    const text = bytesOf("Hello!\r\n_ b  3 lives left\r\n");
    const view = new HangmanView();
    const complete = [...text].map((byte) => view.feed(Uint8Array.of(byte)));
    expect(complete.reduce((sum, count) => sum + count)).toBe(2);
    expect(view).toMatchObject({ shown: "_b", livesLeft: 3, lives: 3 });
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.constantFrom("_  0 lives left\n", "Goodbye.\n", "a  99 lives left\n").map(bytesOf),
    );
    fc.assert(
      fc.property(fc.array(bytes), (pieces) => {
        const fuzzed = new HangmanView();
        for (const piece of pieces) {
          fuzzed.feed(piece);
          expect(fuzzed.gallows).toHaveLength(7);
        }
      }),
    );
  });
});

describe("the gallows", () => {
  it("begin empty and end complete", () => {
    expect(gallows(0, 12).join("").trim()).toBe("");
    expect(gallows(12, 12)).toEqual([
      " +----+  ",
      " |/   |  ",
      " |    X  ",
      " |   /|\\ ",
      " |   / \\ ",
      " |       ",
      "=========",
    ]);
    expect(gallows(11, 12)[2]).toBe(" |    O  ");
  });

  it("change with each life of twelve, and whether there are few or many lives", () => {
    const frames = Array.from({ length: 13 }, (_, lost) => gallows(lost, 12).join("\n"));
    expect(new Set(frames).size).toBe(13);
    for (const lives of [1, 2, 5, 40, 99]) {
      expect(gallows(lives, lives)).toEqual(gallows(12, 12));
      expect(gallows(1, lives).join("").trim()).not.toBe("");
    }
  });

  it("refuse numbers that cannot be", () => {
    for (const [lost, lives] of [
      [-1, 5],
      [6, 5],
      [0, 0],
      [1, 100],
    ] as const) {
      expect(() => gallows(lost, lives)).toThrow(RangeError);
    }
  });
});

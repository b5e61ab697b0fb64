import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { converse, FakeStream, latin1 } from "./driver.testing.ts";
import { HANGMAN_MAX_LINE_BYTES, type HangmanOptions, hangmanStream } from "./hangman.ts";
import type { StreamProtocol } from "./stream.ts";

function game(options: Partial<HangmanOptions> = {}): StreamProtocol {
  let turn = 0;
  const pick = (count: number): number => turn++ % count;
  return hangmanStream({ words: ["banana", "kernel"], pick, ...options })();
}

/** What the server writes in answer to `input`, as lines. */
function answerTo(stream: FakeStream, input: string | Uint8Array): string[] {
  stream.takeText();
  stream.send(input);
  return stream.takeText().split("\r\n").slice(0, -1);
}

describe("hangman", () => {
  it("is played by hand", () => {
    const stream = new FakeStream(game());
    expect(stream.takeText()).toBe(
      "Hangman: guess a letter, or the whole word. /quit leaves.\r\n_ _ _ _ _ _  12 lives left\r\n",
    );
    expect(answerTo(stream, "a\n")).toEqual(["_ a _ a _ a  12 lives left"]);
    expect(answerTo(stream, "x\r\n")).toEqual(["There is no x.", "_ a _ a _ a  11 lives left"]);
    expect(answerTo(stream, "bandana\r\0")).toEqual(["It is not bandana.", "_ a _ a _ a  10 lives left"]);
    expect(answerTo(stream, "A\n")).toEqual(["You have tried a already.", "_ a _ a _ a  10 lives left"]);
    expect(answerTo(stream, "\n")).toEqual(["_ a _ a _ a  10 lives left"]);
    expect(answerTo(stream, "b\n n \n")).toEqual([
      "b a _ a _ a  10 lives left",
      "b a n a n a  10 lives left",
      "You win: the word is banana.",
      "Another round? (y/n)",
    ]);
    expect(answerTo(stream, "perhaps\n")).toEqual(["Another round? (y/n)"]);
    expect(answerTo(stream, "Yes\n")).toEqual(["_ _ _ _ _ _  12 lives left"]);
    expect(answerTo(stream, "KERNEL\n")).toEqual([
      "k e r n e l  12 lives left",
      "You win: the word is kernel.",
      "Another round? (y/n)",
    ]);
    expect(answerTo(stream, "n\nmore\n")).toEqual(["Goodbye."]);
    expect(stream.ended).toBe(true);
  });

  it("hangs who has no lives left", () => {
    const stream = new FakeStream(game({ lives: 2 }));
    expect(answerTo(stream, "x\ny\n")).toEqual([
      "There is no x.",
      "_ _ _ _ _ _  1 life left",
      "_ _ _ _ _ _  0 lives left",
      "You are hanged: the word was banana.",
      "Another round? (y/n)",
    ]);
  });

  it("is polite to rubbish", () => {
    const stream = new FakeStream(game());
    const status = "_ _ _ _ _ _  12 lives left";
    for (const rubbish of ["3", "é", "a b", "%s%n", "\u0007", "x".repeat(40)]) {
      expect(answerTo(stream, `${rubbish}\n`)).toEqual(["A letter from a to z, please, or the whole word.", status]);
    }
    expect(answerTo(stream, latin1("\xfe\xfe\n"))).toEqual([
      "A letter from a to z, please, or the whole word.",
      status,
    ]);
    const tooLong = `That line is too long: ${HANGMAN_MAX_LINE_BYTES} bytes at most.`;
    expect(answerTo(stream, "x".repeat(100_000))).toEqual([tooLong, status]);
    expect(answerTo(stream, "x".repeat(100_000))).toEqual([]);
    expect(answerTo(stream, "\na\n")).toEqual(["_ a _ a _ a  12 lives left"]);
  });

  it("ignores a telnet program's negotiation", () => {
    const stream = new FakeStream(game());
    const negotiation = "\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0";
    expect(answerTo(stream, latin1(`${negotiation}a${negotiation}\r\0`))).toEqual(["_ a _ a _ a  12 lives left"]);
  });

  it("is left by /quit, by the end of the stream, and by silence", () => {
    const quitting = new FakeStream(game());
    expect(answerTo(quitting, "/QUIT\na\n")).toEqual(["Goodbye."]);
    expect(quitting.ended).toBe(true);
    const ending = new FakeStream(game());
    ending.takeText();
    ending.send("a\nb").finish();
    expect([ending.takeText(), ending.ended]).toEqual([
      "_ a _ a _ a  12 lives left\r\nb a _ a _ a  12 lives left\r\n",
      true,
    ]);
    const silent = new FakeStream(game({ idleMs: 120_000 }));
    silent.takeText();
    silent.advance(100_000).send("\n").advance(119_999);
    expect(silent.ended).toBe(false);
    silent.takeText();
    silent.advance(1);
    expect([silent.text, silent.ended]).toEqual(["Nothing came for 2 minutes.\r\nGoodbye.\r\n", true]);
    expect(new FakeStream(game({ idleMs: 0 })).timerCount).toBe(0);
  });

  it("answers a flood no faster than it is read", () => {
    const stream = new FakeStream(game(), { highWaterBytes: 1000 });
    stream.send("\n".repeat(10_000)).finish();
    for (let turn = 0; turn < 10_000 && !stream.ended; turn++) {
      expect(stream.waitingBytes).toBeLessThan(1200);
      stream.drain();
    }
    expect(stream.ended).toBe(true);
    expect(stream.text.split("\r\n").length).toBe(10_003);
  });

  it("plays a game for each connection", () => {
    const make = hangmanStream({ words: ["banana"], pick: () => 0 });
    const [one, other] = [new FakeStream(make()), new FakeStream(make())];
    answerTo(one, "a\n");
    expect(answerTo(other, "\n")).toEqual(["_ _ _ _ _ _  12 lives left"]);
  });

  it("throws for no bytes, and says the same however they are cut", () => {
    const interesting = fc.oneof(fc.nat(255), fc.constantFrom(...latin1("abnx \n\r\0\xff\xfa\xf0/quit")));
    fc.assert(
      fc.property(fc.array(interesting, { maxLength: 300 }), fc.array(fc.nat(300)), (input, cuts) => {
        const bytes = Uint8Array.from(input);
        const whole = converse(game(), bytes);
        const sorted = cuts.sort((a, b) => a - b);
        expect(converse(game(), bytes, sorted)).toEqual(whole);
        expect(whole.aborted).toBeUndefined();
      }),
    );
  });

  it("says the same to a whole game when each byte comes alone", () => {
    const input = "a\r\nx\r\nbanana\r\ny\r\nkernel\r\nn\r\n";
    const [whole, single] = [new FakeStream(game()).send(input), new FakeStream(game()).sendByteByByte(input)];
    expect(single.text).toBe(whole.text);
    expect([whole.ended, single.ended]).toEqual([true, true]);
  });

  it("refuses what cannot be played", () => {
    for (const options of [{ words: [] }, { words: ["ok", "not ok"] }, { lives: 0 }]) {
      expect(() => game(options)).toThrow(RangeError);
    }
    expect(() => game({ pick: () => 2 })).toThrow(RangeError);
  });
});

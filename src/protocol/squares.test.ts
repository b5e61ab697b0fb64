import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeHub, FakeStream, type FakeStreamOptions, latin1 } from "./driver.testing.ts";
import { SQUARES_MAX_LINE_BYTES, type SquaresOptions, squaresStream } from "./squares.ts";
import { SQUARES_RESOURCE, squaresBoard, unsafeSquaresBoard } from "./squares-board.ts";
import { formatBoard, formatSquaresLine, parseSquaresLine, type SquaresLine } from "./squares-text.ts";
import type { StreamProtocolFactory } from "./stream.ts";

/** A server with its board, and clients that come to it. */
class Room {
  readonly hub: FakeHub;
  readonly #options: SquaresOptions;

  constructor(options: SquaresOptions = {}) {
    const board = options.isUnsafe === true ? unsafeSquaresBoard() : squaresBoard();
    this.hub = new FakeHub({ [SQUARES_RESOURCE]: board });
    this.#options = options;
  }

  enter(options: FakeStreamOptions = {}): FakeStream {
    const stream = new FakeStream(squaresStream(this.#options)(), { ...options, hub: this.hub });
    this.hub.run();
    stream.takeText();
    return stream;
  }

  /** What a client is told after it has sent `input` and all requests are answered, as lines. */
  answerTo(stream: FakeStream, input: string | Uint8Array): string[] {
    stream.takeText();
    stream.send(input);
    this.hub.run();
    return linesOf(stream.takeText());
  }
}

function linesOf(text: string): string[] {
  return text.split("\r\n").slice(0, -1);
}

describe("squares", () => {
  it("greets with the board, and is played by hand", () => {
    const room = new Room();
    const stream = new FakeStream(squaresStream()(), { hub: room.hub });
    expect(stream.text).toBe("");
    room.hub.run();
    expect(linesOf(stream.takeText())).toEqual([
      "Squares: you are player-1.",
      'Type "claim X Y" (X and Y from 1 to 5), "board", "name NAME", "new", "help" or "quit".',
      "  1 2 3 4 5",
      "1 . . . . .",
      "2 . . . . .",
      "3 . . . . .",
      "4 . . . . .",
      "5 . . . . .",
      "No square is taken.",
    ]);
    expect(room.answerTo(stream, "name ada\n")).toEqual(["You are ada now."]);
    expect(room.answerTo(stream, "claim 2 3\n")).toEqual(["2 3 is yours."]);
    expect(room.answerTo(stream, "5 1\r\n  CLAIM  2   3\r\n")).toEqual(["5 1 is yours.", "2 3 is occupied by you."]);
    expect(room.answerTo(stream, "board\n")).toEqual([
      "  1 2 3 4 5",
      "1 . . . . A",
      "2 . . . . .",
      "3 . A . . .",
      "4 . . . . .",
      "5 . . . . .",
      "A ada (you) 2",
    ]);
    expect(room.answerTo(stream, "new\n")).toEqual(["Sorry: the board is not full yet."]);
    expect(room.answerTo(stream, "quit\n1 1\n")).toEqual(["Goodbye."]);
    expect(stream.ended).toBe(true);
  });

  it("shows everybody's moves to everybody, at once", () => {
    const room = new Room();
    const [ada, bob] = [room.enter(), room.enter()];
    room.answerTo(ada, "name ada\n");
    expect(linesOf(bob.takeText())).toEqual(["* player-1 is called ada now."]);
    room.answerTo(ada, "1 1\n");
    expect(linesOf(bob.takeText())).toEqual(["* ada claims 1 1."]);
    expect(room.answerTo(bob, "1 1\n")).toEqual(["1 1 is occupied by ada."]);
    expect(linesOf(ada.takeText())).toEqual([]);
    room.answerTo(bob, "quit\n");
    expect(room.answerTo(ada, "1 2\n")).toEqual(["1 2 is yours."]);
    expect(bob.takeText()).toBe("");
  });

  it("tells nothing twice to who joins while others move", () => {
    const room = new Room();
    const ada = room.enter();
    ada.send("1 1\n");
    const bob = new FakeStream(squaresStream()(), { hub: room.hub });
    room.hub.run();
    const lines = linesOf(bob.text);
    expect(lines[3]).toBe("1 A . . . .");
    expect(lines.some((line) => line.startsWith("*"))).toBe(false);
  });

  it("plays on when the board is full", () => {
    const room = new Room();
    const [ada, bob] = [room.enter(), room.enter()];
    const all = Array.from({ length: 25 }, (_, at) => `${(at % 5) + 1} ${Math.floor(at / 5) + 1}\n`).join("");
    const full = 'The board is full. Type "new" for another game.';
    expect(room.answerTo(ada, all).slice(-2)).toEqual(["5 5 is yours.", full]);
    expect(linesOf(bob.takeText()).slice(-2)).toEqual(["* player-1 claims 5 5.", full]);
    expect(room.answerTo(bob, "new\n")).toEqual(["* you begin a new game."]);
    expect(linesOf(ada.takeText())).toEqual(["* player-2 begins a new game."]);
    expect(room.answerTo(bob, "1 1\n")).toEqual(["1 1 is yours."]);
  });

  it("is polite to rubbish", () => {
    const room = new Room();
    const stream = room.enter();
    const usage = 'A square is its column and its row, each from 1 to 5, as in "claim 2 3".';
    for (const line of ["claim", "claim 1", "0 1", "6 1", "1 2 3", "1 x", "1.5 2", "claim 1e0 1", "99999999999 1"]) {
      expect(room.answerTo(stream, `${line}\n`)).toEqual([usage]);
    }
    const help = 'Type "claim X Y" (X and Y from 1 to 5), "board", "name NAME", "new", "help" or "quit".';
    for (const line of ["", "help", "-1 1", "constructor", "\u0000"]) {
      expect(room.answerTo(stream, `${line}\n`)).toEqual([help]);
    }
    expect(room.answerTo(stream, "name not a name\n")).toEqual([
      "Sorry: a name has 1 to 16 letters, digits, hyphens or underscores.",
    ]);
    expect(room.answerTo(stream, "x".repeat(50_000))).toEqual([
      `That line is too long: ${SQUARES_MAX_LINE_BYTES} bytes at most.`,
    ]);
  });

  it("asks one thing at a time, and answers all that was asked before the end", () => {
    const room = new Room();
    const stream = new FakeStream(squaresStream()(), { hub: room.hub });
    stream.send("1 1\n1 1\nboard\n2 2").finish();
    const waiting: number[] = [];
    for (let i = 0; i < 100 && !stream.ended; i++) {
      waiting.push(room.hub.waiting);
      room.hub.step();
      stream.drain();
    }
    expect(waiting).toEqual([1, 1, 1, 1, 1]);
    expect(linesOf(stream.text).at(-1)).toBe("2 2 is yours.");
    expect(stream.ended).toBe(true);
  });

  it("serves a request of a client that breaks off meanwhile, and forgets the client", () => {
    const room = new Room();
    const stream = room.enter();
    stream.send("1 1\n").break("ECONNRESET");
    expect(() => room.hub.run()).not.toThrow();
    expect(room.answerTo(room.enter(), "1 1\n")).toEqual(["1 1 is occupied by player-1."]);
  });

  it("waits for a client that does not read", () => {
    const room = new Room();
    const stream = room.enter({ highWaterBytes: 1000 });
    stream.drain().send("board\n".repeat(1000)).finish();
    for (let turn = 0; turn < 10_000 && !stream.ended; turn++) {
      room.hub.run();
      expect(stream.waitingBytes).toBeLessThan(1200);
      stream.drain();
    }
    expect(stream.ended).toBe(true);
    expect(linesOf(stream.text).length).toBe(7000);
  });

  it("throws for no bytes, and says the same however they are cut", () => {
    const words = fc.constantFrom(
      "claim 1 1\n",
      "2 2\r\n",
      "name ada\n",
      "board\n",
      "\xff\xfd\x01",
      "quit",
      "\n",
      "\r\0",
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(words, fc.string())),
        fc.array(fc.nat(200)),
        fc.boolean(),
        (input, cuts, readsAhead) => {
          const bytes = latin1(input.join("").replace(/[^\0-\xff]/g, "?"));
          const play = (at: readonly number[], options: FakeStreamOptions): string => {
            const room = new Room();
            const stream = room.enter(options).send(bytes, at).finish();
            room.hub.run();
            expect(stream.ended).toBe(true);
            return stream.text;
          };
          const sorted = cuts.sort((a, b) => a - b);
          expect(play(sorted, { readsAhead })).toBe(play([], {}));
        },
      ),
    );
  });
});

describe("the race", () => {
  /** Two clients claim the same square at once; requests go through in turn. */
  function race(options: SquaresOptions): { won: number; told: string[] } {
    const room = new Room(options);
    const players = [room.enter(), room.enter()];
    for (const player of players) player.send("3 3\n");
    for (let turn = 0; turn < 10; turn++) {
      room.hub.run();
      for (const player of players) player.advance(1000);
    }
    const told = players.flatMap((player) => linesOf(player.text).filter((line) => !line.startsWith("*")));
    return { won: told.filter((line) => line === "3 3 is yours.").length, told };
  }

  it("is won once on the safe board", () => {
    expect(race({}).told).toEqual(["3 3 is yours.", "3 3 is occupied by player-1."]);
  });

  it("is won twice on the unsafe board: one update is lost", () => {
    expect(race({ isUnsafe: true }).won).toBe(2);
    expect(race({ isUnsafe: true, thinkMs: 50 }).won).toBe(2);
  });

  it("is not lost on the unsafe board by who comes later", () => {
    const room = new Room({ isUnsafe: true });
    const [ada, bob] = [room.enter(), room.enter()];
    expect(room.answerTo(ada, "3 3\n")).toEqual(["3 3 is yours."]);
    expect(room.answerTo(bob, "3 3\n")).toEqual(["3 3 is occupied by player-1."]);
  });

  it("loses no claim on the safe board, whatever the clients do and in whatever order requests go through", () => {
    const move = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.nat(3));
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
        const room = new Room();
        const players = Array.from({ length: 4 }, () => room.enter());
        for (const [player, x, y, steps] of moves) {
          (players[player] as FakeStream).send(`${x} ${y}\n`);
          for (let i = 0; i < steps && room.hub.waiting > 0; i++) room.hub.step();
        }
        room.hub.run();
        const won = players.flatMap((player) => linesOf(player.text).filter((line) => line.endsWith("is yours.")));
        expect(new Set(won).size).toBe(won.length);
        expect(won.length).toBe(new Set(moves.map(([, x, y]) => `${x} ${y}`)).size);
      }),
    );
  });

  it("is not for a driver that offers no shared state: the compiler says so", () => {
    // @ts-expect-error a SharedStreamProtocol is no StreamProtocol
    const factory: StreamProtocolFactory = squaresStream();
    expect(factory().shared).toBe(true);
  });

  it("refuses a time to think that is none", () => {
    for (const thinkMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => squaresStream({ thinkMs })).toThrow(RangeError);
    }
  });
});

describe("the lines of squares", () => {
  it("are read as they were written", () => {
    const number = fc.integer({ min: 1, max: 5 });
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,16}$/);
    const lines: fc.Arbitrary<SquaresLine> = fc.oneof(
      fc.record({ kind: fc.constant("yours" as const), x: number, y: number }),
      fc.record({ kind: fc.constantFrom("occupied" as const, "claimed" as const), x: number, y: number, by: name }),
      fc.record({ kind: fc.constant("cleared" as const), by: fc.oneof(name, fc.constant("you")) }),
    );
    fc.assert(
      fc.property(lines, (line) => {
        expect(parseSquaresLine(formatSquaresLine(line))).toEqual(line);
      }),
    );
    for (const text of ["", "1 1 is yours", "6 1 is yours.", "* claims 1 1."]) {
      expect(parseSquaresLine(text)).toBeUndefined();
    }
  });

  it("give each owner a letter", () => {
    const owners = Array.from({ length: 25 }, (_, i) => ({ name: `p${i}`, squares: 1, isYou: i === 0 }));
    const board = formatBoard({ cells: owners.map((_, i) => i + 1), owners });
    expect(board.slice(1, 6)).toEqual(["1 A B C D E", "2 F G H I J", "3 K L M N O", "4 P Q R S T", "5 U V W X Y"]);
    expect(board[6]).toMatch(/^A p0 \(you\) 1, B p1 1, .*, Y p24 1$/);
  });
});

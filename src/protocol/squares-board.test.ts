import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Resource, ResourceValue } from "./resource.ts";
import {
  decodeSquaresEvent,
  SQUARES_MAX_PLAYERS,
  SQUARES_SIZE,
  SQUARES_TOPIC,
  type SquaresAnswer,
  type SquaresEvent,
  type SquaresPosition,
  type SquaresRequest,
  squaresBoard,
  unsafeSquaresBoard,
} from "./squares-board.ts";

const SQUARES = SQUARES_SIZE * SQUARES_SIZE;

/** A board, with the answers and events of each request as values. */
class Table {
  readonly board: Resource;
  readonly events: SquaresEvent[] = [];

  constructor(board: Resource, players: readonly number[] = []) {
    this.board = board;
    for (const player of players) this.ask(player, { op: "join" });
  }

  ask(from: number, request: SquaresRequest): SquaresAnswer {
    const { value, publications = [] } = this.board.handle(request, from);
    for (const { topic, bytes } of publications) {
      expect(topic).toBe(SQUARES_TOPIC);
      this.events.push(decodeSquaresEvent(bytes) as SquaresEvent);
    }
    return value as SquaresAnswer;
  }

  position(from: number): SquaresPosition {
    return (this.ask(from, { op: "board" }) as { position: SquaresPosition }).position;
  }

  fill(from: number): void {
    for (let at = 0; at < SQUARES; at++) {
      this.ask(from, { op: "claim", x: (at % SQUARES_SIZE) + 1, y: Math.floor(at / SQUARES_SIZE) + 1 });
    }
  }
}

describe("the board", () => {
  it("gives a square to who claims it first, and tells everybody", () => {
    const table = new Table(squaresBoard(), [1, 2]);
    expect(table.ask(1, { op: "claim", x: 2, y: 3 })).toEqual({ kind: "claimed", free: 24 });
    expect(table.ask(2, { op: "claim", x: 2, y: 3 })).toEqual({ kind: "occupied", by: "player-1", isYours: false });
    expect(table.ask(1, { op: "claim", x: 2, y: 3 })).toEqual({ kind: "occupied", by: "player-1", isYours: true });
    expect(table.events).toEqual([{ event: "claimed", by: 1, name: "player-1", x: 2, y: 3, free: 24 }]);
    const { cells, owners } = table.position(2);
    expect(cells.map((owner, at) => (owner === 0 ? -1 : at)).filter((at) => at >= 0)).toEqual([11]);
    expect(owners).toEqual([{ name: "player-1", squares: 1, isYou: false }]);
  });

  it("knows players by names that nobody else has", () => {
    const table = new Table(squaresBoard(), [1, 2]);
    expect(table.ask(1, { op: "name", name: "Ada" })).toEqual({ kind: "named", name: "Ada" });
    expect(table.ask(1, { op: "name", name: "ada" })).toEqual({ kind: "named", name: "ada" });
    for (const name of ["ADA", "player-2", "player-3", "You", "", "two words", "x".repeat(17), "ä", "a\n"]) {
      expect(table.ask(2, { op: "name", name }).kind).toBe(name === "player-2" ? "named" : "refused");
    }
    expect(table.events.slice(0, 2)).toEqual([
      { event: "named", by: 1, was: "player-1", name: "Ada" },
      { event: "named", by: 1, was: "Ada", name: "ada" },
    ]);
  });

  it("remembers who left only as long as there are squares of theirs", () => {
    const table = new Table(squaresBoard(), [1, 2, 3]);
    table.ask(1, { op: "name", name: "ada" });
    table.ask(2, { op: "name", name: "bob" });
    table.ask(1, { op: "claim", x: 1, y: 1 });
    expect([table.board.gone?.(1), table.board.gone?.(2), table.board.gone?.(2), table.board.gone?.(99)]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect(table.position(3).owners).toEqual([{ name: "ada", squares: 1, isYou: false }]);
    expect(table.ask(3, { op: "name", name: "ada" }).kind).toBe("refused");
    expect(table.ask(3, { op: "name", name: "bob" }).kind).toBe("named");
    table.fill(3);
    expect(table.ask(3, { op: "new" })).toEqual({ kind: "cleared" });
    expect(table.ask(3, { op: "name", name: "ada" }).kind).toBe("named");
  });

  it("begins again when it is full, not before", () => {
    const table = new Table(squaresBoard(), [1]);
    expect(table.ask(1, { op: "new" }).kind).toBe("refused");
    table.fill(1);
    expect(table.events.at(-1)).toMatchObject({ event: "claimed", x: 5, y: 5, free: 0 });
    expect(table.ask(1, { op: "new" })).toEqual({ kind: "cleared" });
    expect(table.position(1)).toEqual({ cells: new Array(SQUARES).fill(0), owners: [] });
  });

  it("refuses what it does not understand, and throws for nothing", () => {
    const table = new Table(squaresBoard(), [1]);
    const wrong: ResourceValue[] = [
      null,
      "claim",
      [],
      {},
      { op: "destroy" },
      { op: "claim" },
      { op: "claim", x: 0, y: 1 },
      { op: "claim", x: 1, y: 6 },
      { op: "claim", x: 1.5, y: 1 },
      { op: "claim", x: "1", y: 1 },
      { op: "read", x: 1, y: 1 },
      { op: "write", x: 1, y: 1 },
      { op: "join" },
      { op: "name", name: 5 },
    ];
    for (const body of wrong) expect(table.board.handle(body, 1).value).toMatchObject({ kind: "refused" });
    expect(table.ask(2, { op: "board" })).toEqual({ kind: "refused", reason: "join first" });
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(() => table.board.handle(body as ResourceValue, 1)).not.toThrow();
      }),
    );
    expect(table.position(1).cells.every((owner) => owner === 0)).toBe(true);
  });

  it("has room for a bounded number of players", () => {
    const board = squaresBoard();
    for (let from = 1; from <= SQUARES_MAX_PLAYERS; from++) board.handle({ op: "join" }, from);
    expect(board.handle({ op: "join" }, 0).value).toMatchObject({ kind: "refused" });
    board.gone?.(7);
    expect(board.handle({ op: "join" }, 0).value).toMatchObject({ kind: "joined" });
  });

  it("reads no event into other bytes", () => {
    for (const text of ["", "{", "5", "null", "{}", '"event"']) {
      expect(decodeSquaresEvent(new TextEncoder().encode(text))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decodeSquaresEvent(bytes)).not.toThrow();
      }),
    );
  });
});

describe("the unsafe board", () => {
  it("loses an update when two read before either writes", () => {
    const table = new Table(unsafeSquaresBoard(), [1, 2]);
    const square = { x: 3, y: 3 };
    expect(table.ask(1, { op: "read", ...square })).toEqual({ kind: "free" });
    expect(table.ask(2, { op: "read", ...square })).toEqual({ kind: "free" });
    expect(table.ask(1, { op: "write", ...square })).toEqual({ kind: "claimed", free: 24 });
    expect(table.ask(2, { op: "write", ...square })).toEqual({ kind: "claimed", free: 24 });
    expect(table.position(1).owners).toEqual([{ name: "player-2", squares: 1, isYou: false }]);
    expect(table.ask(1, { op: "read", ...square })).toEqual({ kind: "occupied", by: "player-2", isYours: false });
  });

  it("keeps its books although updates are lost", () => {
    const move = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
    );
    fc.assert(
      fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
        const table = new Table(unsafeSquaresBoard(), [1, 2, 3, 4]);
        for (const [from, x, y] of moves) table.ask(from, { op: "write", x, y });
        const { cells, owners } = table.position(1);
        owners.forEach(({ squares }, i) => {
          expect(squares).toBe(cells.filter((owner) => owner === i + 1).length);
          expect(squares).toBeGreaterThan(0);
        });
        expect(Math.max(0, ...cells)).toBeLessThanOrEqual(owners.length);
      }),
    );
  });

  it("does not claim", () => {
    const table = new Table(unsafeSquaresBoard(), [1]);
    expect(table.ask(1, { op: "claim", x: 1, y: 1 }).kind).toBe("refused");
  });
});

/**
 * The board of squares, under every design: by default no claim is lost, however many want the same square; with `unsafe`
 * two clients are told that one square is theirs, wherever two are served at the same time.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { closeThreadReactor } from "portolan/reactor";
import { designs, type ServeOptions, type ServerDesign, serve } from "portolan/server";
import { findService, type ServiceEntry } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { converse, dial, readUntil } from "../support/conversations.ts";

afterAll(closeThreadReactor);

const entry = findService("squares") as ServiceEntry;
const SQUARES = Array.from({ length: 25 }, (_, at) => `${(at % 5) + 1} ${Math.floor(at / 5) + 1}`);
const CLIENTS = 4;
/** So long an unsafe claim waits between its two steps. */
const THINK_MS = 100;

/** Workers, where a design has several of its own accord: two are enough for two clients. */
const workersOf = ({ maxWorkers, socketPerWorker }: ServerDesign): { workers?: number } =>
  maxWorkers === undefined || socketPerWorker === true ? {} : { workers: 2 };
/** Of the loops, which differ in their backend only, one runs twice as well. */
const ways: { name: string; design: string; how: ServeOptions }[] = [
  ...designs.map((design) => ({
    name: design.name,
    design: design.name,
    how: { design: design.name, ...workersOf(design) },
  })),
  { name: "epoll with 2 workers", design: "epoll", how: { design: "epoll", workers: 2 } },
];

/** The squares from one place on, once around. */
function from(start: number): string[] {
  return [...SQUARES.slice(start), ...SQUARES.slice(0, start)];
}

/** Which squares a client was told are its own. */
function won(answer: Buffer): string[] {
  return [...String(answer).matchAll(/^(\d \d) is yours\.\r$/gm)].map(([, square = ""]) => square);
}

/** What the board says that its owners have, together. */
function taken(board: string): number {
  return [...board.matchAll(/(?:^|, )[A-Y] \S+ (?:\(you\) )?(\d+)(?=,|\r)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

describe("no claim is lost", () => {
  it.each(ways)("under $name", async ({ how }) => {
    await using server = await serve(entry.reference(), { listen: "tcp://127.0.0.1:0", ...how });
    // All want all squares, the first in the same order: whoever comes second must be told.
    const wishes = Array.from({ length: CLIENTS }, (_, client) => from(client < 2 ? 0 : client * 7));
    const answers = await Promise.all(
      wishes.map((wish) => converse(server.endpoint, `${wish.map((square) => `claim ${square}\n`).join("")}quit\n`)),
    );
    const claimed = answers.flatMap(won);
    expect([...claimed].sort()).toEqual([...SQUARES].sort());
    for (const answer of answers) {
      const occupied = String(answer).match(/^\d \d is occupied by player-\d+\.\r$/gm) ?? [];
      expect(won(answer).length + occupied.length).toBe(SQUARES.length);
    }
    const board = String(await converse(server.endpoint, "quit\n"));
    expect(board).not.toMatch(/^[1-5] .*\./m);
    expect(taken(board)).toBe(SQUARES.length);
  });
});

/** One of two makes a move, and the other, who says nothing meanwhile, sees it. */
async function seesLive([looker, mover]: readonly [Socket, Socket], square: string): Promise<void> {
  const seen = readUntil(looker, (all) => all.includes("claims"));
  const told = readUntil(mover, (all) => all.includes("yours"));
  mover.write(`claim ${square}\n`);
  expect(String(await seen)).toMatch(new RegExp(`^\\* player-\\d+ claims ${square}\\.\r\n$`));
  expect(won(await told)).toEqual([square]);
}

/** Has both claim a square at once. @returns how many were told that it is theirs. */
async function race(both: readonly Socket[], square: string): Promise<number> {
  const told = both.map((socket) => readUntil(socket, (all) => new RegExp(`^${square} is `, "m").test(`${all}`)));
  for (const socket of both) socket.write(`claim ${square}\n`);
  return (await Promise.all(told)).flatMap(won).length;
}

describe("moves are seen live, and with unsafe an update is lost", () => {
  // One client after the other has nobody beside it: there the race cannot be.
  const racing = ways.filter(({ design }) => design !== "iterative");
  it.each(racing)("under $name", async ({ how }) => {
    const reference = entry.reference({ unsafe: true, think: THINK_MS });
    await using server = await serve(reference, { listen: "tcp://127.0.0.1:0", ...how });
    const both = [dial(server.endpoint), dial(server.endpoint)] as const;
    try {
      await Promise.all(both.map((socket) => readUntil(socket, (all) => all.includes("No square is taken."))));
      const [lookedAt, ...others] = SQUARES as [string, ...string[]];
      await seesLive(both, lookedAt);
      let winners = 0;
      let claims = 1;
      // A machine that stands still for too long between the two has no race; then there is the next square.
      for (const square of others) {
        winners = await race(both, square);
        claims += 1;
        if (winners === 2) break;
      }
      expect(winners).toBe(2);
      for (const socket of both) socket.end("quit\n");
      await Promise.all(both.map((socket) => readUntil(socket)));
      // Each claim took one square of the board; the last was told to two.
      expect(taken(String(await converse(server.endpoint, "quit\n")))).toBe(claims);
    } finally {
      for (const socket of both) socket.destroy();
      await Promise.all(both.map((socket) => socket.closed || once(socket, "close")));
    }
  });

  it("but not where one client is served after the other", async () => {
    const reference = entry.reference({ unsafe: true, think: 1 });
    await using server = await serve(reference, { listen: "tcp://127.0.0.1:0", design: "iterative" });
    const answers = await Promise.all([1, 2].map(() => converse(server.endpoint, "claim 3 3\nquit\n")));
    expect(answers.flatMap(won)).toEqual(["3 3"]);
  });
});

/**
 * The board of squares: five by five, shared by all clients of a server, owned by one {@link Resource}.
 *
 * A claim is one request: the owner looks and marks before it handles anything else, so of two clients that claim the
 * same square one gets it, under every server design, and no lock is needed.
 *
 * The unsafe board offers, in place of the claim, what a program without that care does: it reads the square in one
 * request and writes it in another. Between the two somebody else may have done the same; then both are told that the
 * square is theirs, and the first update is lost. It is there to be watched.
 */
import type { Publication, Resource, ResourceAnswer, ResourceFactory, ResourceValue } from "./resource.ts";

/** Squares in a row, and rows. */
export const SQUARES_SIZE = 5;
/** The name by which conversations ask for the board. */
export const SQUARES_RESOURCE = "squares";
/** Where it publishes {@link SquaresEvent}s. */
export const SQUARES_TOPIC = "squares";
/** Players at a time. Those who have left but own squares come on top; there are no more than squares. */
export const SQUARES_MAX_PLAYERS = 65_536;

const NAME_PATTERN = /^[A-Za-z0-9_-]{1,16}$/;
/** Names of those who have not given one. */
const NAMELESS = "player-";
/** What a client is called when the server speaks to it of itself; nobody's name. */
export const SQUARES_YOU = "you";

/** What can be asked. Columns `x` and rows `y` count from 1. */
export type SquaresRequest =
  | { readonly op: "board" | "join" | "new" }
  | { readonly op: "name"; readonly name: string }
  /** Safe boards only. */
  | { readonly op: "claim"; readonly x: number; readonly y: number }
  /** Unsafe boards only. */
  | { readonly op: "read" | "write"; readonly x: number; readonly y: number };

/** A player who has squares, as a position lists them. */
export type SquaresOwner = {
  readonly name: string;
  readonly squares: number;
  /** It is who asked. */
  readonly isYou: boolean;
};

/** The board at one moment. */
export type SquaresPosition = {
  /** Row by row: 0 for a free square, else the place of its owner in `owners`, from 1. */
  readonly cells: readonly number[];
  /** In the order of their first claims. */
  readonly owners: readonly SquaresOwner[];
};

/** What the board answers. */
export type SquaresAnswer =
  | { readonly kind: "board"; readonly position: SquaresPosition }
  | { readonly kind: "claimed"; readonly free: number }
  | { readonly kind: "cleared" }
  | { readonly kind: "joined"; readonly you: number; readonly name: string; readonly position: SquaresPosition }
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "occupied"; readonly by: string; readonly isYours: boolean }
  | { readonly kind: "free" }
  | { readonly kind: "refused"; readonly reason: string };

/** What subscribers learn. `by` is the number that `joined` told a player as `you`. */
export type SquaresEvent =
  | {
      readonly event: "claimed";
      readonly by: number;
      readonly name: string;
      readonly x: number;
      readonly y: number;
      /** Squares that are left. */
      readonly free: number;
    }
  | { readonly event: "cleared"; readonly by: number; readonly name: string }
  | { readonly event: "named"; readonly by: number; readonly was: string; readonly name: string };

/** The board on which no claim is lost. */
export const squaresBoard: ResourceFactory = () => new SquaresBoard(false);

/** The board on which claims can be lost: it knows `read` and `write` and no `claim`. */
export const unsafeSquaresBoard: ResourceFactory = () => new SquaresBoard(true);

/**
 * Reads what the board has published.
 * @returns undefined for bytes that are no event of this board.
 */
export function decodeSquaresEvent(bytes: Uint8Array): SquaresEvent | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && "event" in value ? (value as SquaresEvent) : undefined;
  } catch {
    return undefined;
  }
}

interface Player {
  readonly id: number;
  name: string;
  squares: number;
  isPresent: boolean;
}

class SquaresBoard implements Resource {
  readonly #isUnsafe: boolean;
  readonly #players = new Map<number, Player>();
  /** Lower-case, of everybody who is present or owns a square. */
  readonly #names = new Set<string>();
  readonly #cells = new Array<Player | undefined>(SQUARES_SIZE * SQUARES_SIZE).fill(undefined);
  /** Who owns squares, in the order of their first claims. */
  readonly #owners: Player[] = [];
  #present = 0;

  constructor(isUnsafe: boolean) {
    this.#isUnsafe = isUnsafe;
  }

  handle(body: ResourceValue, from: number): ResourceAnswer {
    const request = asRecord(body);
    if (request.op === "join") return this.#join(from);
    const player = this.#players.get(from);
    if (player === undefined) return refused("join first");
    switch (request.op) {
      case "board":
        return answer({ kind: "board", position: this.#position(player) });
      case "name":
        return this.#rename(player, request.name);
      case "new":
        return this.#clear(player);
      case "claim":
      case "read":
      case "write":
        return this.#reach(player, request.op, request.x, request.y);
      default:
        return refused("that is nothing a board can do");
    }
  }

  gone(from: number): readonly Publication[] {
    const player = this.#players.get(from);
    if (player?.isPresent !== true) return [];
    player.isPresent = false;
    this.#present--;
    this.#forgetIfIdle(player);
    return [];
  }

  #join(from: number): ResourceAnswer {
    if (this.#players.has(from)) return refused("you have joined already");
    if (this.#present >= SQUARES_MAX_PLAYERS) return refused("there are too many players");
    const player = { id: from, name: `${NAMELESS}${from}`, squares: 0, isPresent: true };
    this.#players.set(from, player);
    this.#names.add(player.name);
    this.#present++;
    return answer({ kind: "joined", you: from, name: player.name, position: this.#position(player) });
  }

  #rename(player: Player, name: ResourceValue | undefined): ResourceAnswer {
    if (typeof name !== "string" || !NAME_PATTERN.test(name)) {
      return refused("a name has 1 to 16 letters, digits, hyphens or underscores");
    }
    const wanted = name.toLowerCase();
    const isOwn = wanted === player.name.toLowerCase();
    const isReserved = wanted === SQUARES_YOU || wanted.startsWith(NAMELESS);
    if (!isOwn && (isReserved || this.#names.has(wanted))) return refused(`${name} is somebody else`);
    this.#names.delete(player.name.toLowerCase());
    this.#names.add(wanted);
    const was = player.name;
    player.name = name;
    return answer({ kind: "named", name }, { event: "named", by: player.id, was, name });
  }

  #clear(player: Player): ResourceAnswer {
    if (this.#free > 0) return refused("the board is not full yet");
    this.#cells.fill(undefined);
    for (const owner of this.#owners.splice(0)) {
      owner.squares = 0;
      this.#forgetIfIdle(owner);
    }
    return answer({ kind: "cleared" }, { event: "cleared", by: player.id, name: player.name });
  }

  /** What touches one square. */
  #reach(player: Player, op: "claim" | "read" | "write", x: unknown, y: unknown): ResourceAnswer {
    if ((op === "claim") === this.#isUnsafe) return refused(`this board does not ${op}`);
    if (!isCoordinate(x) || !isCoordinate(y)) return refused(`columns and rows go from 1 to ${SQUARES_SIZE}`);
    const at = (y - 1) * SQUARES_SIZE + x - 1;
    const owner = this.#cells[at];
    // A write looks at nothing: that is the mistake that the unsafe board shows.
    if (op !== "write" && owner !== undefined) {
      return answer({ kind: "occupied", by: owner.name, isYours: owner === player });
    }
    if (op === "read") return answer({ kind: "free" });
    this.#mark(at, player);
    const free = this.#free;
    return answer({ kind: "claimed", free }, { event: "claimed", by: player.id, name: player.name, x, y, free });
  }

  #mark(at: number, player: Player): void {
    const previous = this.#cells[at];
    if (previous === player) return;
    this.#cells[at] = player;
    if (player.squares++ === 0) this.#owners.push(player);
    if (previous === undefined) return;
    previous.squares--;
    if (previous.squares > 0) return;
    this.#owners.splice(this.#owners.indexOf(previous), 1);
    this.#forgetIfIdle(previous);
  }

  #forgetIfIdle(player: Player): void {
    if (player.isPresent || player.squares > 0) return;
    this.#players.delete(player.id);
    this.#names.delete(player.name.toLowerCase());
  }

  get #free(): number {
    return this.#cells.filter((owner) => owner === undefined).length;
  }

  #position(asker: Player): SquaresPosition {
    const cells = this.#cells.map((owner) => (owner === undefined ? 0 : this.#owners.indexOf(owner) + 1));
    const owners = this.#owners.map((owner) => ({ name: owner.name, squares: owner.squares, isYou: owner === asker }));
    return { cells, owners };
  }
}

function asRecord(body: ResourceValue): { readonly [key: string]: ResourceValue } {
  return typeof body === "object" && body !== null && !Array.isArray(body)
    ? (body as { readonly [key: string]: ResourceValue })
    : {};
}

function isCoordinate(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= SQUARES_SIZE;
}

function answer(value: SquaresAnswer, event?: SquaresEvent): ResourceAnswer {
  if (event === undefined) return { value };
  return { value, publications: [{ topic: SQUARES_TOPIC, bytes: new TextEncoder().encode(JSON.stringify(event)) }] };
}

function refused(reason: string): ResourceAnswer {
  return answer({ kind: "refused", reason });
}

/** The lines of squares: how the server writes them, and how a client reads those that tell of moves. */
import { SQUARES_SIZE, SQUARES_YOU, type SquaresPosition } from "./squares-board.ts";

/**
 * A line that tells of a move:
 *
 * - `yours`: the square that was claimed is the client's own now.
 * - `occupied`: it is not, because it was somebody's already; `by` is `you` for the client itself.
 * - `claimed`: somebody else has claimed a square.
 * - `cleared`: somebody, or `you`, has begun a new game on an empty board.
 */
export type SquaresLine =
  | { readonly kind: "yours"; readonly x: number; readonly y: number }
  | { readonly kind: "occupied"; readonly x: number; readonly y: number; readonly by: string }
  | { readonly kind: "claimed"; readonly x: number; readonly y: number; readonly by: string }
  | { readonly kind: "cleared"; readonly by: string };

const SQUARE = `([1-${SQUARES_SIZE}]) ([1-${SQUARES_SIZE}])`;
const NAME = "([A-Za-z0-9_-]{1,16})";
const PATTERNS = {
  yours: new RegExp(`^${SQUARE} is yours\\.$`),
  occupied: new RegExp(`^${SQUARE} is occupied by ${NAME}\\.$`),
  claimed: new RegExp(`^\\* ${NAME} claims ${SQUARE}\\.$`),
  cleared: new RegExp(`^\\* ${NAME} (?:begins|begin) a new game\\.$`),
};

/** The letters of the owners: no more than there are squares. */
const MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXY";
const FREE_MARK = ".";

/** The line that tells of a move. */
export function formatSquaresLine(line: SquaresLine): string {
  switch (line.kind) {
    case "yours":
      return `${line.x} ${line.y} is yours.`;
    case "occupied":
      return `${line.x} ${line.y} is occupied by ${line.by}.`;
    case "claimed":
      return `* ${line.by} claims ${line.x} ${line.y}.`;
    case "cleared":
      return `* ${line.by} ${line.by === SQUARES_YOU ? "begin" : "begins"} a new game.`;
  }
}

/**
 * Reads a line that tells of a move.
 * @returns undefined for any other line.
 */
export function parseSquaresLine(text: string): SquaresLine | undefined {
  let found = PATTERNS.yours.exec(text);
  if (found !== null) return { kind: "yours", x: Number(found[1]), y: Number(found[2]) };
  found = PATTERNS.occupied.exec(text);
  if (found !== null) return { kind: "occupied", x: Number(found[1]), y: Number(found[2]), by: found[3] as string };
  found = PATTERNS.claimed.exec(text);
  if (found !== null) return { kind: "claimed", x: Number(found[2]), y: Number(found[3]), by: found[1] as string };
  found = PATTERNS.cleared.exec(text);
  return found === null ? undefined : { kind: "cleared", by: found[1] as string };
}

/** The board with its rows and columns numbered, and who is who below it. */
export function formatBoard({ cells, owners }: SquaresPosition): string[] {
  const numbers = Array.from({ length: SQUARES_SIZE }, (_, i) => i + 1);
  const rows = numbers.map((y) => {
    const row = cells.slice((y - 1) * SQUARES_SIZE, y * SQUARES_SIZE);
    return `${y} ${row.map((owner) => (owner === 0 ? FREE_MARK : MARKS.charAt(owner - 1))).join(" ")}`;
  });
  const legend = owners.map(
    ({ name, squares, isYou }, i) => `${MARKS.charAt(i)} ${name}${isYou ? ` (${SQUARES_YOU})` : ""} ${squares}`,
  );
  return [`  ${numbers.join(" ")}`, ...rows, legend.length === 0 ? "No square is taken." : legend.join(", ")];
}

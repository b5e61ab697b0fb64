/**
 * Squares over lines of text: claim squares of a board that all clients share, and see the others do the same.
 *
 * `claim X Y`, or `X Y` alone, claims the square in column X and row Y; `board` shows the board, `name NAME` gives
 * oneself a name, `new` begins another game when the board is full, `quit` leaves. Moves of others arrive as lines that
 * begin with `*`, at any time.
 *
 * The conversation keeps nothing of the board: it asks the board's owner (squares-board.ts) and passes on what that says.
 * It makes one request at a time, and looks at no further line meanwhile, so answers come in the order of the lines.
 */
import { HELD_BY_OUTPUT, HELD_BY_REQUEST, type LineHandler, LineInbox } from "./line-inbox.ts";
import type { ResourceValue } from "./resource.ts";
import {
  decodeSquaresEvent,
  SQUARES_RESOURCE,
  SQUARES_SIZE,
  SQUARES_TOPIC,
  SQUARES_YOU,
  type SquaresAnswer,
  type SquaresRequest,
} from "./squares-board.ts";
import { formatBoard, formatSquaresLine } from "./squares-text.ts";
import type { SharedStreamIntents, SharedStreamProtocol, SharedStreamProtocolFactory } from "./stream.ts";

/** The longest line that is looked at. */
export const SQUARES_MAX_LINE_BYTES = 80;

const HELP = `Type "claim X Y" (X and Y from 1 to ${SQUARES_SIZE}), "board", "name NAME", "new", "help" or "quit".`;
const FULL = 'The board is full. Type "new" for another game.';
const THINK = 0;

const encoder = new TextEncoder();

/** How claims are made. */
export interface SquaresOptions {
  /** Claims by reading and writing in two requests; the resource must be the unsafe board. */
  readonly isUnsafe?: boolean;
  /** With `isUnsafe`: how long to wait between the two, so that the race is easily won by hand. */
  readonly thinkMs?: number;
}

/**
 * Squares over a stream: lines in, lines out, and the moves of others as they come.
 * @throws RangeError for a `thinkMs` that is no time.
 */
export function squaresStream(options: SquaresOptions = {}): SharedStreamProtocolFactory {
  const { isUnsafe = false, thinkMs = 0 } = options;
  if (!(thinkMs >= 0) || thinkMs === Number.POSITIVE_INFINITY) {
    throw new RangeError(`thinkMs must be at least 0, not ${thinkMs}`);
  }
  return () => new SquaresConversation({ isUnsafe, thinkMs });
}

class SquaresConversation implements SharedStreamProtocol, LineHandler<SharedStreamIntents> {
  readonly shared = true;
  readonly #options: Required<SquaresOptions>;
  readonly #inbox = new LineInbox<SharedStreamIntents>(this, SQUARES_MAX_LINE_BYTES);
  /** What was asked last; its response has not come while the inbox is held for it. */
  #asked: SquaresRequest = { op: "join" };
  #me: number | undefined;
  #hasLeft = false;

  constructor(options: Required<SquaresOptions>) {
    this.#options = options;
  }

  // The driver's side.

  open(out: SharedStreamIntents): void {
    out.subscribe(SQUARES_TOPIC);
    this.#ask(out, { op: "join" });
  }

  data(out: SharedStreamIntents, bytes: Uint8Array, start: number, end: number): void {
    this.#inbox.data(out, bytes, start, end);
  }

  end(out: SharedStreamIntents): void {
    this.#inbox.end(out);
  }

  writable(out: SharedStreamIntents): void {
    this.#inbox.release(out, HELD_BY_OUTPUT);
  }

  timer(out: SharedStreamIntents): void {
    if (this.#asked.op === "read") this.#ask(out, { ...this.#asked, op: "write" });
  }

  message(out: SharedStreamIntents, _topic: string, bytes: Uint8Array): void {
    const event = decodeSquaresEvent(bytes);
    // What happened before we joined is in the board that we were shown; what we did ourselves was answered.
    if (event === undefined || this.#hasLeft || this.#me === undefined || event.by === this.#me) return;
    if (event.event === "named") {
      this.#say(out, `* ${event.was} is called ${event.name} now.`);
    } else if (event.event === "cleared") {
      this.#say(out, formatSquaresLine({ kind: "cleared", by: event.name }));
    } else {
      const { x, y, name, free } = event;
      this.#say(out, formatSquaresLine({ kind: "claimed", x, y, by: name }), ...(free === 0 ? [FULL] : []));
    }
  }

  response(out: SharedStreamIntents, _id: number, value: ResourceValue): void {
    if (this.#hasLeft) return;
    const isAnswered = this.#take(out, value as SquaresAnswer);
    if (isAnswered) this.#inbox.release(out, HELD_BY_REQUEST);
  }

  // The inbox's side.

  line(out: SharedStreamIntents, line: string): void {
    const [command = "", ...words] = line.trim().split(/\s+/);
    const name = command.toLowerCase();
    if (/^\d/.test(command)) this.#claim(out, [command, ...words]);
    else if (name === "claim") this.#claim(out, words);
    else if (name === "board" || name === "new") this.#ask(out, { op: name });
    else if (name === "name") this.#ask(out, { op: "name", name: words.join(" ") });
    else if (name === "quit") this.#leave(out);
    else this.#say(out, HELP);
  }

  tooLong(out: SharedStreamIntents): void {
    this.#say(out, `That line is too long: ${SQUARES_MAX_LINE_BYTES} bytes at most.`);
  }

  ended(out: SharedStreamIntents): void {
    this.#hasLeft = true;
    out.end();
  }

  // The game.

  #claim(out: SharedStreamIntents, words: readonly string[]): void {
    const [x, y] = words.map(coordinate);
    if (words.length !== 2 || x === undefined || y === undefined) {
      this.#say(out, `A square is its column and its row, each from 1 to ${SQUARES_SIZE}, as in "claim 2 3".`);
    } else {
      this.#ask(out, { op: this.#options.isUnsafe ? "read" : "claim", x, y });
    }
  }

  #ask(out: SharedStreamIntents, request: SquaresRequest): void {
    this.#asked = request;
    this.#inbox.hold(HELD_BY_REQUEST);
    out.request(SQUARES_RESOURCE, request);
  }

  /** @returns whether that was all for the line in hand. */
  #take(out: SharedStreamIntents, answer: SquaresAnswer): boolean {
    switch (answer.kind) {
      case "joined":
        this.#me = answer.you;
        this.#say(out, `Squares: you are ${answer.name}.`, HELP, ...formatBoard(answer.position));
        return true;
      case "board":
        this.#say(out, ...formatBoard(answer.position));
        return true;
      case "named":
        this.#say(out, `You are ${answer.name} now.`);
        return true;
      case "cleared":
        this.#say(out, formatSquaresLine({ kind: "cleared", by: SQUARES_YOU }));
        return true;
      case "free":
        this.#think(out);
        return false;
      case "claimed":
        this.#say(out, this.#lineOfSquare("yours", SQUARES_YOU), ...(answer.free === 0 ? [FULL] : []));
        return true;
      case "occupied":
        this.#say(out, this.#lineOfSquare("occupied", answer.isYours ? SQUARES_YOU : answer.by));
        return true;
      case "refused":
        this.#refuse(out, answer.reason);
        return true;
    }
  }

  #lineOfSquare(kind: "occupied" | "yours", by: string): string {
    const { x, y } = this.#asked as { readonly x: number; readonly y: number };
    return formatSquaresLine({ kind, x, y, by });
  }

  /** Time in which another client may claim the square that was just read as free. */
  #think(out: SharedStreamIntents): void {
    const { thinkMs } = this.#options;
    if (thinkMs === 0) this.timer(out);
    else out.setTimer(THINK, out.nowMs + thinkMs);
  }

  #refuse(out: SharedStreamIntents, reason: string): void {
    this.#say(out, `Sorry: ${reason}.`);
    if (this.#me === undefined) this.#leave(out);
  }

  #leave(out: SharedStreamIntents): void {
    this.#say(out, "Goodbye.");
    this.#hasLeft = true;
    this.#inbox.close();
    out.end();
  }

  #say(out: SharedStreamIntents, ...lines: string[]): void {
    const text = lines.map((line) => `${line}\r\n`).join("");
    if (!out.write(encoder.encode(text))) this.#inbox.hold(HELD_BY_OUTPUT);
  }
}

function coordinate(word: string): number | undefined {
  const value = /^\d{1,3}$/.test(word) ? Number(word) : 0;
  return value >= 1 && value <= SQUARES_SIZE ? value : undefined;
}

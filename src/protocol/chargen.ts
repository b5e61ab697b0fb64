/**
 * Character generator (RFC 864): a stream of lines that nobody asked for, until the peer has enough; or one datagram of
 * random length for each that comes.
 *
 * The pattern is the RFC's: the 95 printing characters of ASCII as a ring, 72 of them on a line, each line one further
 * along, each ended by CR LF. It repeats after 95 lines, so those are made once and sent again and again.
 */
import type { DatagramProtocolFactory } from "./datagram.ts";
import type { StreamIntents, StreamProtocol } from "./stream.ts";

const FIRST_PRINTING = 0x20;
const PRINTING_COUNT = 95;
const CR = 0x0d;
const LF = 0x0a;

/** Characters on a line, without its end. */
export const CHARGEN_LINE_CHARACTERS = 72;
/** The longest answer to a datagram. */
export const CHARGEN_MAX_DATAGRAM_BYTES = 512;

const LINE_BYTES = CHARGEN_LINE_CHARACTERS + 2;
const CYCLE: Uint8Array = makeCycle();

/** Cycles written before the driver gets its turn: a peer as fast as we are must not keep it to itself. */
const CYCLES_PER_TURN = 8;
const NEXT_TURN = 0;

/** One object serves every connection: where a line stands in the pattern is no state when only whole cycles are sent. */
export const chargenStream: StreamProtocol = {
  open: produce,
  writable: produce,
  timer: produce,
  data() {},
  // A peer that has only half-closed still reads. One that is gone resets, and the driver closes.
  end() {},
};

/** How chargen answers datagrams. */
export interface ChargenDatagramOptions {
  /**
   * Answers longer than the question. Without it the length is random up to the question's own, so that a forged
   * source address gets no more than was sent in its name.
   */
  readonly allowAmplification?: boolean;
  /** A number of at least 0 and less than 1, as from `Math.random`. */
  readonly random?: () => number;
}

/** One datagram of 0 to 512 characters for each that comes; it has no bearing on what came before. */
export function chargenDatagram(options: ChargenDatagramOptions = {}): DatagramProtocolFactory {
  const { allowAmplification = false, random = Math.random } = options;
  return () => ({
    datagram(out, _bytes, _start, _end, fullLength) {
      const most = allowAmplification
        ? CHARGEN_MAX_DATAGRAM_BYTES
        : Math.min(CHARGEN_MAX_DATAGRAM_BYTES, Math.max(0, fullLength));
      out.reply(CYCLE, 0, Math.floor(random() * (most + 1)));
    },
  });
}

/**
 * For clients: tells whether a stream is the RFC's pattern. The ring may be entered anywhere (the RFC shows its lines from
 * the space on; xinetd begins with the one after), so the first character says which line is the first.
 */
export class ChargenChecker {
  /** How many bytes were as they should be, before any that was not. */
  matchedBytes = 0;
  #startAt = 0;
  #isBroken = false;

  /**
   * Compares the next bytes with the pattern.
   * @returns false once a byte was not what the pattern has there.
   */
  feed(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    if (this.matchedBytes === 0 && end > start) this.#startAt = cycleAt(bytes[start] as number);
    for (let i = start; i < end && !this.#isBroken; i++) {
      if (bytes[i] === CYCLE[(this.#startAt + this.matchedBytes) % CYCLE.length]) this.matchedBytes++;
      else this.#isBroken = true;
    }
    return !this.#isBroken;
  }
}

/** Where the line is that begins with a character; the first line's place for what no line begins with. */
function cycleAt(character: number): number {
  const line = character - FIRST_PRINTING;
  return line >= 0 && line < PRINTING_COUNT ? line * LINE_BYTES : 0;
}

function produce(out: StreamIntents): void {
  for (let i = 0; i < CYCLES_PER_TURN; i++) {
    if (!out.write(CYCLE)) return;
  }
  out.setTimer(NEXT_TURN, out.nowMs);
}

function makeCycle(): Uint8Array {
  const cycle = new Uint8Array(PRINTING_COUNT * LINE_BYTES);
  for (let line = 0; line < PRINTING_COUNT; line++) {
    const at = line * LINE_BYTES;
    for (let column = 0; column < CHARGEN_LINE_CHARACTERS; column++) {
      cycle[at + column] = FIRST_PRINTING + ((line + column) % PRINTING_COUNT);
    }
    cycle[at + CHARGEN_LINE_CHARACTERS] = CR;
    cycle[at + CHARGEN_LINE_CHARACTERS + 1] = LF;
  }
  return cycle;
}

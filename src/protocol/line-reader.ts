/**
 * Makes lines of a byte stream, as people and programs send them: ended by LF, CR LF, or a telnet program's CR NUL; cut
 * into pieces anywhere; never longer than a limit. Telnet's commands are taken out on the way.
 *
 * It is pulled, one line at a time, so that a protocol can stop in the middle of what arrived:
 *
 *     for (let at = start; at < end; ) {
 *       at = reader.take(bytes, at, end);
 *       if (reader.found === "line") this.#obey(out, reader.line);
 *     }
 */
import { TelnetFilter } from "./telnet-filter.ts";

const NUL = 0;
const LF = 10;
const CR = 13;

/** How the last {@link LineReader.take} ended. */
export type LineOutcome =
  /** A line is complete; it is in `line`. */
  | "line"
  /** All was taken, and no line is complete yet. */
  | "nothing"
  /** A line was longer than the limit. Told once, as soon as it is; the rest of that line is thrown away. */
  | "too-long";

/** Cuts what people type into lines, ended by LF, CR, CR LF or CR NUL, with telnet's commands taken out. */
export class LineReader {
  /** How the last call of {@link take} ended. */
  found: LineOutcome = "nothing";
  /** The last complete line without its end, decoded as UTF-8; what is no UTF-8 becomes U+FFFD. */
  line = "";
  readonly #telnet = new TelnetFilter();
  readonly #decoder = new TextDecoder();
  readonly #bytes: Uint8Array;
  #length = 0;
  #isSkipping = false;
  /** The last line was ended by CR: an LF or NUL right after it belongs to that end. */
  #afterCr = false;

  /**
   * @param maxLineBytes the longest line, without its end.
   * @throws RangeError if no line could be that long.
   */
  constructor(maxLineBytes: number) {
    if (!Number.isInteger(maxLineBytes) || maxLineBytes < 1) {
      throw new RangeError(`a line has at least 1 byte, not ${maxLineBytes}`);
    }
    this.#bytes = new Uint8Array(maxLineBytes);
  }

  /** How many timing marks the peer's telnet program has asked for since the last call, each of which is to be answered. */
  takeMarks(): number {
    const { marksWanted } = this.#telnet;
    this.#telnet.marksWanted = 0;
    return marksWanted;
  }

  /** Bytes of a line that is not complete yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  /**
   * Takes `bytes[start, end)` up to the end of the next line, or all.
   * @returns where to go on; what came of it is in {@link found}.
   */
  take(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = this.#telnet.take(bytes[at] as number);
      if (byte < 0) continue;
      this.found = this.#accept(byte);
      if (this.found !== "nothing") return at + 1;
    }
    this.found = "nothing";
    return end;
  }

  /**
   * At the end of the stream: makes a line of what came after the last line's end, as from `printf x | nc`.
   * @returns whether there was anything.
   */
  takeRest(): boolean {
    this.found = this.#length > 0 && !this.#isSkipping ? this.#finish() : "nothing";
    return this.found === "line";
  }

  #accept(byte: number): LineOutcome {
    const belongsToEnd = this.#afterCr && (byte === LF || byte === NUL);
    this.#afterCr = byte === CR;
    if (belongsToEnd) return "nothing";
    if (byte === LF || byte === CR) return this.#finish();
    if (this.#isSkipping) return "nothing";
    if (this.#length === this.#bytes.length) {
      this.#isSkipping = true;
      this.#length = 0;
      return "too-long";
    }
    this.#bytes[this.#length++] = byte;
    return "nothing";
  }

  #finish(): LineOutcome {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return "nothing";
    }
    this.line = this.#decoder.decode(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return "line";
  }
}

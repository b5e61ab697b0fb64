/** Cuts a stream of bytes into lines. */

const NEWLINE = 10;

/** A line exceeded what the caller can take. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, maxBytes: number) {
    super(`line ${line} is longer than ${maxBytes} bytes`);
    this.line = line;
  }
}

/**
 * The lines of some input without their newlines; also the last one where it has none.
 * @param maxBytes the most that a line may hold, and so the most that is kept
 * @throws LineTooLongError
 */
export async function* readLines(input: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let begun = new Uint8Array(0);
  let count = 1;
  for await (const chunk of input) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (begun.length + piece.length > maxBytes) throw new LineTooLongError(count, maxBytes);
      const line = join(begun, piece);
      if (end < 0) {
        begun = line;
        break;
      }
      yield line;
      count += 1;
      begun = new Uint8Array(0);
      start = end + 1;
    }
  }
  if (begun.length > 0) yield begun;
}

/** A copy: the caller may use its chunk's memory again. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

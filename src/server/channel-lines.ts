/** How a server and its workers speak over a socketpair: one JSON value a line. */
import type { Json } from "./service.ts";

/** The longest line: a message of a topic at its longest, and a request of any sensible size. */
const MAX_LINE_BYTES: number = 1024 * 1024;

const NEWLINE = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @throws RangeError for a value that is too long to be carried. */
export function encodeLine(value: Json): Uint8Array {
  const line = encoder.encode(`${JSON.stringify(value)}\n`);
  if (line.length <= MAX_LINE_BYTES) return line;
  throw new RangeError(`${line.length} bytes are more than the ${MAX_LINE_BYTES} that workers are told at a time`);
}

/** Makes values of bytes, however those are cut. */
export class LineSplitter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** @throws RangeError for a line that is too long, SyntaxError for one that is no JSON: the other end is not ours. */
  push(bytes: Uint8Array, take: (value: Json) => void): void {
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      const line = this.#join(bytes.subarray(from, at));
      from = at + 1;
      take(JSON.parse(line));
    }
    if (from === bytes.length) return;
    this.#rest.push(bytes.slice(from));
    this.#restBytes += bytes.length - from;
    if (this.#restBytes > MAX_LINE_BYTES) throw new RangeError(`a line of more than ${MAX_LINE_BYTES} bytes`);
  }

  #join(last: Uint8Array): string {
    if (this.#rest.length === 0) return decoder.decode(last);
    const whole = Buffer.concat([...this.#rest, last]);
    this.#rest = [];
    this.#restBytes = 0;
    return decoder.decode(whole);
  }
}

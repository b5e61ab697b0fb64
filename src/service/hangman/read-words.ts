/** Reads a list of words from a file. */
import { readFileSync, statSync } from "node:fs";

/** More than any dictionary has. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const WORD = /^[a-z]{2,32}$/i;

/**
 * The words of a file: its lines that are 2 to 32 letters from a to z. The rest of a dictionary (names with
 * apostrophes, empty lines) is passed over.
 * @throws Error with a code where the file cannot be read; RangeError where it has no such line, or is too large.
 */
export function readWords(path: string): string[] {
  const { size } = statSync(path);
  if (size > MAX_FILE_BYTES)
    throw new RangeError(`${path} has ${size} bytes; a list of words has at most ${MAX_FILE_BYTES}`);
  const words = readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => WORD.test(line));
  if (words.length === 0) throw new RangeError(`${path} has no line that is a word of 2 to 32 letters from a to z`);
  return words;
}

/** Reads a list of words from a file. */
import { readNamedFile } from "../named-file.ts";

/** More than any dictionary has. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const WORD = /^[a-z]{2,32}$/i;
const CURE = "give a file with one word a line, or none for the list that ships";

/**
 * The words of a file: its lines that are 2 to 32 letters from a to z. The rest of a dictionary (names with
 * apostrophes, empty lines) is passed over.
 * @throws Error with a code where the file cannot be read; RangeError where it has no such line, or is too large.
 */
export function readWords(path: string): string[] {
  const words = readNamedFile({ path, what: "a list of words", cure: CURE, maxBytes: MAX_FILE_BYTES })
    .toString("utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => WORD.test(line));
  if (words.length === 0) {
    throw new RangeError(`${path} has no line that is a word of 2 to 32 letters from a to z; ${CURE}`);
  }
  return words;
}

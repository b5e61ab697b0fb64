/** Files that a user names: read within a bound, and where they cannot be, with an error that says which, why, and what to give. */
import { closeSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 64 * 1024;

/** What a file is to be. */
export interface NamedFile {
  readonly path: string;
  /** With its article: `a list of words`. */
  readonly what: string;
  /** What to do where it cannot be read: `give a file with a word on each line`. */
  readonly cure: string;
  readonly maxBytes: number;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "it may not be read",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no directory",
};

/**
 * Reads all of a file, which may be a pipe or a device too.
 * @throws Error with a `code`, and `open` as its `syscall`, where the file cannot be read; RangeError where it is longer.
 */
export function readNamedFile(file: NamedFile): Buffer {
  const { path, what, cure, maxBytes } = file;
  try {
    const bytes = readUpTo(path, maxBytes + 1);
    if (bytes.length <= maxBytes) return bytes;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw new RangeError(`${path} has more than ${maxBytes} bytes, the most that is read as ${what}; ${cure}`);
}

/** Node's error of a file that cannot be read, told in our words: which file, why, and what to give. */
export function unreadable({ path, what, cure }: Omit<NamedFile, "maxBytes">, error: unknown): Error {
  const { code = "EIO" } = error as NodeJS.ErrnoException;
  const message = `${path} cannot be read as ${what}: ${REASONS[code] ?? "the system says"} (${code}); ${cure}`;
  return Object.assign(new Error(message, { cause: error }), { code, syscall: "open", path });
}

/** A device may never end, so its size is not asked for. */
function readUpTo(path: string, most: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (let left = most; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
      const count = readSync(fd, chunk);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
      left -= count;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(fd);
  }
}

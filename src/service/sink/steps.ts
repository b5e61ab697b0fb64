/** The steps of the byte sink, as people and scripts write them. */

const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;
const MAX_WAIT_SECONDS = 3600;
const MS_PER_SECOND = 1000;

/**
 * - `next`: whichever of the others comes next (an empty line).
 * - `listen`, `accept`: the calls of that name; `recv`: one call, with room for so many bytes, or the usual.
 * - `show`: look again, and do nothing. `wait`: let so much time pass, for scripts.
 * - `close`: the connection, or where there is none, the listener; `quit`: everything.
 */
export type Step =
  | { readonly do: "accept" | "close" | "listen" | "next" | "quit" | "show" }
  | { readonly do: "recv"; readonly bytes: number | undefined }
  | { readonly do: "wait"; readonly ms: number };

const HELP = "Enter goes on; or listen, accept, recv [BYTES], show, wait SECONDS, close, quit";

/** Reads one step of the sink, such as `recv 10`. @throws RangeError that says what there is. */
export function parseStep(text: string): Step {
  const [word = "", argument, ...more] = text.trim().toLowerCase().split(/\s+/);
  if (more.length === 0) {
    if (word === "recv") return { do: "recv", bytes: argument === undefined ? undefined : bytesOf(argument) };
    if (word === "wait" && argument !== undefined) return { do: "wait", ms: msOf(argument) };
    if (argument === undefined) {
      if (word === "") return { do: "next" };
      if (word === "accept" || word === "close" || word === "listen" || word === "quit" || word === "show")
        return { do: word };
    }
  }
  throw new RangeError(`"${text.trim()}" is no step: ${HELP}`);
}

/** Steps separated by commas or line ends; `#` begins a comment. @throws RangeError */
export function parseSteps(text: string): Step[] {
  return text
    .split("\n")
    .flatMap((line) => line.replace(/#.*/, "").split(","))
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseStep);
}

function bytesOf(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && bytes >= 1 && bytes <= MAX_RECEIVE_BYTES) return bytes;
  throw new RangeError(`recv takes 1 to ${MAX_RECEIVE_BYTES} bytes, not "${text}"`);
}

function msOf(text: string): number {
  const seconds = Number(text);
  if (/^\d*\.?\d+$/.test(text) && seconds <= MAX_WAIT_SECONDS) return seconds * MS_PER_SECOND;
  throw new RangeError(`wait takes up to ${MAX_WAIT_SECONDS} seconds, not "${text}"`);
}

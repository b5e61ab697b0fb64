/** Reading one line of a stream, which is all that processes tell each other here. */
import type { Duplex } from "node:stream";

/** A thousand endpoints with long names are a tenth of it. */
const MAX_LINE_BYTES = 1024 * 1024;

/** The first line of a stream. @throws Error where the stream ends before, or the line is too long. */
export function readLine(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const settle = (act: () => void): void => {
      stream.off("data", take).off("close", lose).off("error", lose).pause();
      act();
    };
    const take = (bytes: Uint8Array): void => {
      text += Buffer.from(bytes).toString("latin1");
      const end = text.indexOf("\n");
      // Decoded when whole: a character may be cut by the reads.
      if (end >= 0) settle(() => resolve(Buffer.from(text.slice(0, end), "latin1").toString()));
      else if (text.length > MAX_LINE_BYTES)
        settle(() => reject(new Error(`a line of more than ${MAX_LINE_BYTES} bytes`)));
    };
    const lose = (): void => settle(() => reject(new Error("the other process has ended, or closed its end, unheard")));
    stream.on("data", take).on("close", lose).on("error", lose).on("end", lose);
  });
}

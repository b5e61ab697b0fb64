/**
 * Rot13: each letter of ASCII comes back as the one 13 places further round the alphabet, in its own case; every other
 * byte as it is. Twice is the text again, so server and client share one function.
 */
import type { DatagramProtocolFactory } from "./datagram.ts";
import type { StreamProtocolFactory } from "./stream.ts";

const LETTERS = 26;
const HALF = LETTERS / 2;
const TABLE: Uint8Array = makeTable();

/** What a connection's first message may measure before a larger copy is needed. */
const FIRST_SCRATCH_BYTES = 4096;

/** Rot13 over a stream: letters come back turned by 13 places, all else as it was. */
export const rot13Stream: StreamProtocolFactory = () => {
  const turn = turner();
  return {
    data(out, bytes, start, end) {
      out.write(turn(bytes, start, end), 0, end - start);
    },
  };
};

/** Rot13 over datagrams: each comes back with its letters turned. */
export const rot13Datagram: DatagramProtocolFactory = () => {
  const turn = turner();
  return {
    datagram(out, bytes, start, end) {
      out.reply(turn(bytes, start, end), 0, end - start);
    },
  };
};

/** Turns `bytes[start, end)` into `target[0, end - start)`, which may be the same memory where `start` is 0. */
export function rot13(target: Uint8Array, bytes: Uint8Array, start = 0, end: number = bytes.length): void {
  for (let from = start, to = 0; from < end; from++, to++) target[to] = TABLE[bytes[from] as number] as number;
}

/** Turns into a copy, since received bytes are the driver's. The copy grows to the driver's largest read and is kept. */
function turner(): (bytes: Uint8Array, start: number, end: number) => Uint8Array {
  let scratch = new Uint8Array(0);
  return (bytes, start, end) => {
    if (end - start > scratch.length) {
      scratch = new Uint8Array(Math.max(FIRST_SCRATCH_BYTES, 2 ** Math.ceil(Math.log2(end - start))));
    }
    rot13(scratch, bytes, start, end);
    return scratch;
  };
}

function makeTable(): Uint8Array {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const first of ["A", "a"].map((letter) => letter.charCodeAt(0))) {
    for (let i = 0; i < LETTERS; i++) table[first + i] = first + ((i + HALF) % LETTERS);
  }
  return table;
}

/**
 * Truncating echo: answers each datagram with as much of it as fitted into a small buffer. It shows what UDP does to
 * who reads with too little room: the rest of a datagram is gone, not waiting for the next read (recv(2), MSG_TRUNC).
 *
 * The kernel truncates when the driver's own buffer is that small, and then only `fullLength` tells. The protocol cuts
 * as well, so that it shows the same under a driver with a larger buffer.
 */
import type { DatagramProtocolFactory } from "./datagram.ts";

/** The buffer, unless another size is asked for. */
export const TRUNCATING_ECHO_BYTES = 8;
/** More than fits into any datagram. */
const MAX_BUFFER_BYTES = 65_535;
/** The longest note that `tellLength` adds: the guard's `maxGrowthBytes` for it. */
export const TRUNCATION_NOTE_MAX_BYTES = 32;

/** How small the buffer is, and who is told of what was lost. */
export interface TruncatingEchoOptions {
  /** The size of the buffer. */
  readonly bufferBytes?: number;
  /** Called for each datagram with what was kept and what it measured, for a server that reports. */
  readonly onDatagram?: (keptBytes: number, fullLength: number) => void;
  /** Adds the true length to the answer to a truncated datagram, as {@link truncationNote} writes it. */
  readonly tellLength?: boolean;
}

/**
 * Answers each datagram with as much of it as fitted into a small buffer.
 * @throws RangeError for a buffer of no bytes, or of more than any datagram has.
 */
export function truncatingEcho(options: TruncatingEchoOptions = {}): DatagramProtocolFactory {
  const { bufferBytes = TRUNCATING_ECHO_BYTES, onDatagram, tellLength = false } = options;
  if (!Number.isInteger(bufferBytes) || bufferBytes < 1 || bufferBytes > MAX_BUFFER_BYTES) {
    throw new RangeError(`a buffer has 1 to ${MAX_BUFFER_BYTES} bytes, not ${bufferBytes}`);
  }
  return () => ({
    datagram(out, bytes, start, end, fullLength) {
      const kept = Math.min(bufferBytes, end - start);
      onDatagram?.(kept, fullLength);
      if (tellLength && kept < fullLength) out.reply(withNote(bytes.subarray(start, start + kept), fullLength));
      else out.reply(bytes, start, start + kept);
    },
  });
}

/** What follows the kept bytes where `tellLength` is on, such as ` [8 of 11 bytes]` and a line feed. */
export function truncationNote(keptBytes: number, fullLength: number): string {
  return ` [${keptBytes} of ${fullLength} bytes]\n`;
}

function withNote(kept: Uint8Array, fullLength: number): Uint8Array {
  const note = new TextEncoder().encode(truncationNote(kept.length, fullLength));
  const answer = new Uint8Array(kept.length + note.length);
  answer.set(kept);
  answer.set(note, kept.length);
  return answer;
}

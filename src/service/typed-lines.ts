/** For clients of games: what a person types goes to the server, line by line. */
import { isSystemError, type Socket } from "../socket/index.ts";
import type { ClientCall } from "./client.ts";
import { readLines } from "./lines.ts";
import type { Silence } from "./silence.ts";

const NEWLINE = 10;
const MAX_TYPED_BYTES = 1024;

/**
 * Sends the lines of the call's input as they come, and half-closes at its end. A person thinks as long as a person
 * thinks: only input that cannot be read ends the wait for the server, through `silence`.
 */
export function sendTypedLines(socket: Socket, call: ClientCall, silence: Silence): void {
  send(socket, call, silence.signal).catch((error: unknown) => {
    // What goes wrong with the connection is seen by who receives.
    if (!isSystemError(error)) silence.fail(error);
  });
}

async function send(socket: Socket, { input }: ClientCall, signal: AbortSignal): Promise<void> {
  for await (const line of readLines(input, MAX_TYPED_BYTES)) {
    await socket.sendAll(Uint8Array.of(...line, NEWLINE), { signal });
  }
  socket.shutdown("write");
}

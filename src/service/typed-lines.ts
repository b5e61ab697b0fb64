/** For clients of games: what a person types goes to the server, line by line. */
import { isSystemError, type Socket } from "../socket/index.ts";
import type { ClientCall } from "./client.ts";
import { readLines } from "./lines.ts";
import type { Silence } from "./silence.ts";

const NEWLINE = 10;
const MAX_TYPED_BYTES = 1024;

/**
 * Sends the lines of the call's input as they come, and half-closes at its end. A person thinks as long as a person
 * thinks, so the server is waited for with patience; but it owes a greeting, and an end once the input has ended.
 */
export class TypedLines {
  readonly #silence: Silence;
  #hasEnded = false;

  /** Begins to send. Input that cannot be read ends the wait for the server too, through `silence`. */
  constructor(socket: Socket, call: ClientCall, silence: Silence) {
    this.#silence = silence;
    silence.watch();
    this.#send(socket, call).catch((error: unknown) => {
      // What goes wrong with the connection is seen by who receives.
      if (!isSystemError(error)) silence.fail(error);
    });
  }

  /** To be told that the server has said something. */
  heard(): void {
    if (this.#hasEnded) this.#silence.watch();
    else this.#silence.rest();
  }

  async #send(socket: Socket, { input }: ClientCall): Promise<void> {
    const { signal } = this.#silence;
    for await (const line of readLines(input, MAX_TYPED_BYTES)) {
      await socket.sendAll(Uint8Array.of(...line, NEWLINE), { signal });
    }
    socket.shutdown("write");
    this.#hasEnded = true;
    this.#silence.watch();
  }
}

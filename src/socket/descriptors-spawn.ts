/** Programs that are started with sockets: as standard input and output, as inetd does, or from descriptor 3 up. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { setNonBlocking } from "./calls.ts";
import { type Descriptor, descriptorNumber } from "./descriptors-state.ts";
import { SocketHandle } from "./handle.ts";

/** Sockets that one program is started with. */
export const MAX_INHERITED = 1024;

/** Where one of a program's standard streams goes. */
export type StandardStream = "ignore" | "inherit" | "pipe" | Descriptor;

type Triple = readonly [input: StandardStream, output: StandardStream, error: StandardStream];

/** How to start a program. What is not named here is as for `spawn` of `node:child_process`. */
export interface SpawnWithSocketsOptions extends Omit<SpawnOptions, "stdio"> {
  /**
   * Standard input, output and error: for each a socket or what Node takes; one socket alone stands for all three, as
   * inetd gives it. All three are inherited by default.
   */
  readonly stdio?: Descriptor | Triple | undefined;
  /** Descriptors 3, 4 … of the program. */
  readonly sockets?: readonly Descriptor[] | undefined;
  /**
   * Whether O_NONBLOCK is cleared, as most programs expect: true by default. It belongs to the open file, so it changes for
   * this process as well; the methods of `Socket` do not mind, but accept and connect set it again. A listener on which
   * both processes accept is better given with `false`, and the program told so. Standard streams are made blocking in
   * any case, by Node.
   */
  readonly blocking?: boolean | undefined;
}

/**
 * Starts a program with sockets. They stay open here too, and a connection lives as long as anybody has it: close what
 * this process is done with as soon as this function returns.
 *
 *     const child = spawnWithSockets("cat", [], { stdio: [connection, connection, "inherit"] });
 *     connection.close();
 *
 * @param args passed as they are; no shell is involved.
 * @throws TypeError or RangeError for what cannot be given; SystemError EBADF for what is closed. A program that cannot be
 * started is an `error` event of the child, as Node has it.
 */
export function spawnWithSockets(
  command: string,
  args: readonly string[] = [],
  options: SpawnWithSocketsOptions = {},
): ChildProcess {
  const { stdio = ["inherit", "inherit", "inherit"], sockets = [], blocking = true, ...rest } = options;
  const standard = isTriple(stdio) ? stdio : [stdio, stdio, stdio];
  const streams = standard.map((stream) => (typeof stream === "string" ? stream : descriptorNumber(stream)));
  if (sockets.length > MAX_INHERITED) {
    throw new RangeError(`a program is started with at most ${MAX_INHERITED} sockets, not ${sockets.length}`);
  }
  const numbers = sockets.map(descriptorNumber);
  if (blocking) for (const socket of sockets) makeBlocking(socket);
  const child = spawn(command, args, { ...rest, stdio: [...streams, ...numbers] });
  // libuv has cleared the flag between fork and exec; a Socket has to know.
  for (const stream of standard) if (stream instanceof SocketHandle) stream.setNonBlocking(false);
  return child;
}

function isTriple(stdio: Descriptor | Triple): stdio is Triple {
  if (!Array.isArray(stdio)) return false;
  if (stdio.length === 3) return true;
  throw new TypeError(
    `stdio has three entries, for input, output and error, not ${stdio.length}; more go into sockets`,
  );
}

function makeBlocking(descriptor: Descriptor): void {
  if (descriptor instanceof SocketHandle) descriptor.setNonBlocking(false);
  else setNonBlocking(descriptorNumber(descriptor), false);
}

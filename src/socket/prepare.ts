/** A socket that is ready to connect: its options set, and bound where that is asked for. */
import type { ConnectOptions } from "./connect.ts";
import type { Endpoint } from "./endpoint.ts";
import { Socket } from "./socket.ts";

export function prepare(
  { family, type, protocol }: Pick<Endpoint, "family" | "type" | "protocol">,
  { options, local }: Pick<ConnectOptions, "options" | "local">,
): Socket {
  const socket = new Socket(family, type, protocol);
  try {
    if (options !== undefined) socket.setOptions(options, "before");
    if (local !== undefined) socket.bind(local);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

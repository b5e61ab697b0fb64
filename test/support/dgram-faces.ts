/** The two `dgram`s that must behave alike, and the small things that tests of them do again and again. */
import * as nodeDgram from "node:dgram";
import { once } from "node:events";
import * as portolanDgram from "portolan/dgram";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, afterEach } from "vitest";

export type Dgram = typeof nodeDgram;
export type DgramSocket = nodeDgram.Socket;

export const faces: readonly (readonly [string, Dgram])[] = [
  ["node:dgram", nodeDgram],
  ["portolan/dgram", portolanDgram as unknown as Dgram],
];

/** Closes what a test leaves open. */
export class DgramStage {
  readonly #open = new Set<DgramSocket>();

  constructor() {
    afterEach(() => this.clear());
    afterAll(() => closeThreadReactor());
  }

  socket(socket: DgramSocket): DgramSocket {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    return socket;
  }

  /** A socket bound to the loopback. */
  async bound(dgram: Dgram, options: Partial<nodeDgram.SocketOptions> = {}): Promise<DgramSocket> {
    const socket = this.socket(dgram.createSocket({ type: "udp4", ...options }));
    socket.bind(0, options.type === "udp6" ? "::1" : "127.0.0.1");
    await once(socket, "listening");
    return socket;
  }

  async clear(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(
      open.map((socket) => new Promise<void>((resolve) => socket.on("error", () => {}).close(resolve))),
    );
  }
}

/** The next datagram, as text, and where it came from. */
export async function datagram(socket: DgramSocket): Promise<[string, nodeDgram.RemoteInfo]> {
  const [message, from] = (await once(socket, "message")) as [Buffer, nodeDgram.RemoteInfo];
  return [message.toString(), from];
}

/** Connections that are carried to another endpoint and back, by splice(2): the bytes never come to this process. */
import type { SocketAddress } from "../../abi/index.ts";
import { connect, Socket } from "../../socket/index.ts";
import type { ServedByRedirect } from "../model.ts";
import { sourceOf } from "./host.ts";
import { ConnectionRunner } from "./stream-nowait.ts";

/** How long the other endpoint may take to answer. */
const CONNECT_TIMEOUT_MS = 30_000;

export class RedirectedConnections extends ConnectionRunner {
  protected override serve(fd: number, peer: SocketAddress, done: () => void): void {
    const { service } = this;
    const from = sourceOf(peer);
    const startedMs = performance.now();
    const client = Socket.from(fd);
    client.setNonBlocking(true);
    const stopping = new AbortController();
    const stop = (): void => stopping.abort(new Error("the super-server stops"));
    const ongoing = { pid: undefined, end: stop, kill: stop };
    this.ongoing.add(ongoing);
    this.started++;
    this.host.record(service, { entry: "START", from });
    const traffic = { inBytes: 0, outBytes: 0 };
    carry(client, (service.serves as ServedByRedirect).endpoint, traffic, stopping.signal)
      .catch((error: Error) => this.host.record(service, { entry: "NOTE", reason: error.message, from }))
      .finally(() => {
        client.close();
        done();
        this.settle(ongoing);
        const durationSeconds = (performance.now() - startedMs) / 1000;
        this.host.record(service, { entry: "TRAFFIC", from, traffic });
        this.host.record(service, { entry: "EXIT", from, durationSeconds });
      });
  }
}

/** Until both directions have ended, each by itself; where one fails, at once. */
async function carry(
  client: Socket,
  endpoint: string,
  traffic: { inBytes: number; outBytes: number },
  signal: AbortSignal,
): Promise<void> {
  using server = await connect(endpoint, { signal, timeoutMs: CONNECT_TIMEOUT_MS });
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const oneWay = async (from: Socket, to: Socket): Promise<number> => {
    try {
      const count = await from.spliceTo(to, Number.POSITIVE_INFINITY, { signal: either });
      to.shutdown("write");
      return count;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled([oneWay(client, server), oneWay(server, client)]);
  const [incoming, outgoing] = results;
  if (incoming.status === "fulfilled") traffic.inBytes = incoming.value;
  if (outgoing.status === "fulfilled") traffic.outBytes = outgoing.value;
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

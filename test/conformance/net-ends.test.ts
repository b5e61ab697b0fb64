/** What a socket tells of a peer that is gone, and when, asserted of Node's own and of ours. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { closed, faces, type NetError, type NetSocket, Stage } from "../support/net-faces.ts";
import { until } from "../support/until.ts";

/** Turns of Node's loop in which whatever the kernel has to tell is told. */
const TURNS = 20;

/** Waits until the kernel has forgotten a connection, because the peer has reset it. */
async function isReset(socket: NetSocket, peer: NetSocket, peerPort = peer.localPort): Promise<void> {
  const hex = (port: number | undefined): string => (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const row = new RegExp(`^ *\\d+: 0100007F:${hex(socket.localPort)} 0100007F:${hex(peerPort)} `, "m");
  await until(() => !row.test(readFileSync("/proc/thread-self/net/tcp", "latin1")));
  for (let i = 0; i < TURNS; i++) await turn();
}

/** The events of a socket's end, as they come. */
function watch(socket: NetSocket): string[] {
  const told: string[] = [];
  socket.on("error", ({ code, syscall }: NetError) => told.push(`error ${code} ${syscall}`));
  socket.on("finish", () => told.push("finish"));
  socket.on("close", (hadError) => told.push(`close ${hadError}`));
  return told;
}

describe.each(faces)("a socket of %s whose peer is gone", (_name, net) => {
  const stage = new Stage();

  /** A half-open socket whose peer has closed, and has answered what was written since with a reset. */
  async function leftAlone(): Promise<{ far: NetSocket; told: string[] }> {
    const { near, far } = await stage.pair(net, { server: { allowHalfOpen: true } });
    const told = watch(far);
    const port = near.localPort;
    far.resume();
    near.destroy();
    await once(far, "end");
    far.write("unheard");
    await isReset(far, near, port);
    return { far, told };
  }

  it("says nothing of a reset behind the peer's end until something more is written", async () => {
    const { far, told } = await leftAlone();
    expect(told).toEqual([]);
    expect(far.readyState).toBe("writeOnly");
    far.write("unheard again");
    await closed(far);
    expect(told).toEqual(["error EPIPE write", "close true"]);
  });

  it("ends without an error where nothing more is written", async () => {
    const { far, told } = await leftAlone();
    far.end();
    await closed(far);
    expect(told).toEqual(["finish", "close false"]);
  });

  it("counts bytes that the kernel refused", async () => {
    const { far } = await leftAlone();
    // Bytes: of text, Node counts what it gave to the kernel by another way.
    far.write(Buffer.from("again"));
    await closed(far);
    expect(far.bytesWritten).toBe("unheard".length + "again".length);
  });

  it("fails to write with ECONNRESET where it was reset while it was paused", async () => {
    const { near, far } = await stage.pair(net, { server: { pauseOnConnect: true } });
    const told = watch(far);
    const port = near.localPort;
    near.resetAndDestroy();
    await isReset(far, near, port);
    expect(told).toEqual([]);
    far.write("unheard");
    await closed(far);
    expect(told).toEqual(["error ECONNRESET write", "close true"]);
  });

  it("times out anew after the peer's end", async () => {
    const { near, far } = await stage.pair(net, { client: { allowHalfOpen: true } });
    near.resume();
    near.setTimeout(20);
    await once(near, "timeout");
    far.end();
    await once(near, "end");
    await once(near, "timeout");
    expect(near.readyState).toBe("writeOnly");
  });
});

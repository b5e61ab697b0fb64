/** A socket for each peer of datagrams, as the kernel's own table of sockets shows it. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { closeThreadReactor } from "portolan/reactor";
import { type Limits, type Server, type ServiceReference, serve } from "portolan/server";
import { afterAll, afterEach, expect, it } from "vitest";
import { inodesAt } from "../support/processes.ts";
import { until } from "../support/until.ts";

const probe: ServiceReference = {
  url: new URL("../fixtures/server/probe-service.mjs", import.meta.url).href,
  export: "probe",
  options: null,
};

afterAll(closeThreadReactor);

const peers = new Set<Socket>();
afterEach(() => {
  for (const peer of peers) peer.close();
  peers.clear();
});

function start(limits: Partial<Limits> = {}): Promise<Server> {
  return serve(probe, { design: "per-peer", listen: "udp://127.0.0.1:0", limits });
}

const portOf = (server: Server): number => Number(server.endpoint.split(":")[2]);

/** A peer that hears nobody but the address that it has asked, as one that is connected. */
async function dial(server: Server): Promise<Socket> {
  const peer = createSocket("udp4");
  peers.add(peer);
  peer.connect(portOf(server), "127.0.0.1");
  await once(peer, "connect");
  return peer;
}

async function ask(peer: Socket, text: string): Promise<string> {
  const answer = once(peer, "message");
  peer.send(text);
  return String((await answer)[0]);
}

/** The sockets that the server has for a peer. */
const socketsFor = (server: Server, peer: Socket): string[] => inodesAt("udp", portOf(server), peer.address().port);

it("answers each peer from a socket of its own, at the same port", async () => {
  await using server = await start();
  const all = await Promise.all(Array.from({ length: 20 }, () => dial(server)));
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(all.map((peer, i) => ask(peer, `${round} of ${i}`)));
    expect(answers).toEqual(all.map((_, i) => `${round} of ${i}`));
  }
  const inodes = all.map((peer) => socketsFor(server, peer));
  expect(inodes.map((each) => each.length)).toEqual(all.map(() => 1));
  expect(new Set(inodes.flat()).size).toBe(all.length);
  expect(server.counters()).toMatchObject({ datagramsIn: 60, datagramsOut: 60 });
  await server.stop();
  expect(all.flatMap((peer) => socketsFor(server, peer))).toEqual([]);
});

it("closes the socket of a peer that has been silent for long, and makes another when it speaks", async () => {
  await using server = await start({ idleMs: 200 });
  const peer = await dial(server);
  expect(await ask(peer, "one")).toBe("one");
  await until(() => socketsFor(server, peer).length === 0);
  expect(await ask(peer, "two")).toBe("two");
});

it("closes the socket of a peer whose port is gone", async () => {
  await using server = await start();
  const peer = await dial(server);
  expect(await ask(peer, "one")).toBe("one");
  const [inode] = socketsFor(server, peer);
  const { port } = peer.address();
  // Whoever is gone before the answer comes is told of by the kernel: ICMP port unreachable, ECONNREFUSED.
  await new Promise((resolve) => peer.send("two", resolve));
  peers.delete(peer);
  peer.close();
  await until(() => {
    const left = inodesAt("udp", portOf(server), port);
    if (left.length === 0) return true;
    // The answer may have come before the close: another is asked for in the same name.
    expect(left).toEqual([inode]);
    const again = createSocket({ type: "udp4" });
    again.bind(port, "127.0.0.1", () => again.send("three", portOf(server), "127.0.0.1", () => again.close()));
    return false;
  });
});

it("answers those for whom there are no more sockets from the one that all know", async () => {
  await using server = await start({ maxConnections: 1 });
  const [first, second] = [await dial(server), await dial(server)];
  for (const text of ["one", "two"]) {
    expect(await ask(first, text)).toBe(text);
    expect(await ask(second, text)).toBe(text);
  }
  expect(socketsFor(server, first)).toHaveLength(1);
  expect(socketsFor(server, second)).toEqual([]);
});

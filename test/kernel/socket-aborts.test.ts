/** Random aborts in the middle of everything leave no descriptor behind but the two of the thread's reactor. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { closeDescriptors, listen, Socket, toDuplex, toWeb } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { Chance, seedOfThisRun } from "../support/chance.ts";
import { leftBehind, openThings } from "../support/leaks.ts";

const ROUNDS = 150;
const seed = seedOfThisRun();

afterAll(closeThreadReactor);

/** Whatever a call that was aborted says. */
async function outcomeOf<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch {
    return undefined;
  }
}

/** Aborts within so many turns of the loop. */
function abortSoon(chance: Chance, maxTurns: number): AbortSignal {
  const controller = new AbortController();
  const turns = chance.between(0, maxTurns);
  void (async () => {
    for (let i = 0; i < turns; i++) await nextTurn();
    controller.abort();
  })();
  return controller.signal;
}

async function playConnection(chance: Chance): Promise<void> {
  using listener = await listen("tcp://127.0.0.1:0");
  using client = new Socket("inet", "stream");
  const accepting = outcomeOf(listener.accept({ signal: abortSoon(chance, 3) }));
  await outcomeOf(client.connect(listener.localAddress, { signal: abortSoon(chance, 3) }));
  const server = await accepting;
  if (server === undefined) return;
  await chance.oneOf([playReceive, playDuplex, playWeb])(chance, client, server);
  server.close();
}

async function playReceive(chance: Chance, _client: Socket, server: Socket): Promise<void> {
  await outcomeOf(server.recv(10, { signal: abortSoon(chance, 3) }));
}

async function playDuplex(chance: Chance, client: Socket, server: Socket): Promise<void> {
  const ends = [toDuplex(client), toDuplex(server)].map((end) => {
    end.on("error", () => {}).resume();
    const closed = new Promise((resolve) => end.once("close", resolve));
    end.write(Buffer.alloc(chance.between(0, 1_000_000)));
    return { end, closed };
  });
  for (const { end } of ends) {
    for (let i = chance.between(0, 3); i > 0; i--) await nextTurn();
    if (chance.between(0, 1) === 0) end.destroy();
    else end.end();
  }
  await Promise.all(ends.map(({ closed }) => closed));
}

async function playWeb(chance: Chance, client: Socket, server: Socket): Promise<void> {
  const { readable } = toWeb(client);
  const writer = toWeb(server).writable.getWriter();
  writer.closed.catch(() => {});
  const writing = outcomeOf(writer.write(new Uint8Array(chance.between(1, 1_000_000))));
  const reader = readable.getReader();
  const reading = outcomeOf(reader.read());
  for (let i = chance.between(0, 3); i > 0; i--) await nextTurn();
  await Promise.all([outcomeOf(writer.abort()), outcomeOf(reader.cancel()), writing, reading]);
}

async function playDescriptors(chance: Chance): Promise<void> {
  const [left, right] = Socket.pair();
  using _left = left;
  using _right = right;
  const receiving = outcomeOf(right.receiveDescriptors({ signal: abortSoon(chance, 2), max: 2 }));
  for (let i = chance.between(0, 2); i > 0; i--) await nextTurn();
  await outcomeOf(left.sendDescriptors([left, right], "x", { signal: abortSoon(chance, 2) }));
  closeDescriptors((await receiving)?.descriptors ?? []);
}

describe(`random aborts, PORTOLAN_SEED=${seed}`, () => {
  it("leave the reactor's epoll and eventfd, and nothing once it is closed", { timeout: 60_000 }, async () => {
    const chance = new Chance(seed);
    closeThreadReactor();
    const before = openThings();
    for (let i = 0; i < ROUNDS; i++) await Promise.all([playConnection(chance), playDescriptors(chance)]);
    const left = (await leftBehind(before, 500)).map((line) => line.replace(/^fd \d+: /, "")).sort();
    expect(left).toEqual(["anon_inode:[eventfd]", "anon_inode:[eventpoll]"]);
    closeThreadReactor();
    expect(await leftBehind(before, 20_000)).toEqual([]);
  });
});

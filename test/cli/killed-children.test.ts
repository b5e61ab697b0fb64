/** kill -9 of a child that serves, among busy clients: its own connection is lost, nothing else. */
import { describe, expect, it } from "vitest";
import { childrenOf, inodesAt, isZombie, socketsOf } from "../support/processes.ts";
import { Talker } from "../support/talkers.ts";
import { until } from "../support/until.ts";
import { start } from "./portolan.ts";

/** The child that has a client's connection. */
function holderOf(client: Talker, server: number, port: number): number {
  const [inode = ""] = inodesAt("tcp", port, client.socket.localPort as number);
  const holder = childrenOf(server).find((child) => socketsOf(child).includes(inode));
  if (holder === undefined) throw new Error(`no child has the connection of port ${client.socket.localPort}`);
  return holder;
}

/** Waits until each of these clients has had some more right answers. */
async function allGoOn(clients: readonly Talker[]): Promise<void> {
  const before = clients.map(({ answers }) => answers);
  await until(() => clients.every(({ answers, isLost }, i) => isLost || answers > (before[i] as number) + 5));
  expect(clients.map(({ fault, isLost }) => ({ fault, isLost }))).toEqual(
    clients.map(() => ({ fault: undefined, isLost: false })),
  );
}

const LISTEN = ["--listen", "tcp://127.0.0.1:0", "--json"];

describe("kill -9 of a child", () => {
  it.each([["prefork", ["--workers", "3"]] as const, ["process", []] as const])(
    "under %s loses its own client only, and others are served after it",
    async (design, args) => {
      await using program = start(["serve", "echo", "--design", design, ...args, ...LISTEN]);
      const [{ endpoint = "" } = {}] = await program.listening(1);
      const port = Number(endpoint.split(":")[2]);
      const clients = Array.from({ length: 3 }, () => new Talker(port));
      try {
        await allGoOn(clients);
        const children = new Set(childrenOf(program.pid));
        for (const [round, victim] of [...clients].entries()) {
          const pid = holderOf(victim, program.pid, port);
          process.kill(pid, "SIGKILL");
          await victim.lost;
          expect(victim.fault).toBeUndefined();
          const others = clients.filter((client) => client !== victim);
          await allGoOn(others);
          // Each other child has a client, so under prefork only the one that has taken its place can serve this one.
          const next = new Talker(port);
          clients.splice(clients.indexOf(victim), 1, next);
          expect(await next.answered()).toBe(true);
          const successor = holderOf(next, program.pid, port);
          expect(children.has(successor)).toBe(false);
          children.add(successor);
          await until(() => !childrenOf(program.pid).includes(pid));
          if (design !== "prefork") continue;
          const said = program.events("trouble").map(({ message }) => message);
          expect(said).toHaveLength(round + 1);
          expect(said[round]).toMatch(/SIGKILL.*; it is replaced/);
        }
        await allGoOn(clients);
        expect(childrenOf(program.pid).filter(isZombie)).toEqual([]);
      } finally {
        for (const client of clients) client[Symbol.dispose]();
      }
      program.signal("SIGTERM");
      expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
      expect(program.events("stopped")[0]).toMatchObject({ accepted: 6, active: 0, refused: 0 });
    },
  );
});

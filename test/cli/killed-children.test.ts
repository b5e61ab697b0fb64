/** kill -9 of a child that serves, among busy clients: its own connection is lost, nothing else. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { childrenOf, inodesAt, isZombie, socketsOf } from "../support/processes.ts";
import { type Talker, Talkers } from "../support/talkers.ts";
import { until } from "../support/until.ts";
import { echoOfDatagram, echoOfStream } from "./echoes.ts";
import { Program, root, scratchFolder, start } from "./portolan.ts";

/** The child that has a client's connection. */
function holderOf(client: Talker, server: number, port: number): number {
  const [inode = ""] = inodesAt("tcp", port, client.socket.localPort as number);
  const holder = childrenOf(server).find((child) => socketsOf(child).includes(inode));
  if (holder === undefined) throw new Error(`no child has the connection of port ${client.socket.localPort}`);
  return holder;
}

/** Loaded into server and children alike: each child kills the server as soon as it runs, when it is not yet known to serve. */
const KILLER = `
if (process.argv[1].endsWith("child-entry.js")) {
  try { process.kill(process.ppid, "SIGKILL"); } catch {}
}`;

const LISTEN = ["--listen", "tcp://127.0.0.1:0", "--json"];

describe("kill -9 of a child", () => {
  it.each([["prefork", ["--workers", "3"]] as const, ["process", []] as const])(
    "under %s loses its own client only, and others are served after it",
    async (design, args) => {
      await using program = start(["serve", "echo", "--design", design, ...args, ...LISTEN]);
      const [{ endpoint = "" } = {}] = await program.listening(1);
      const port = Number(endpoint.split(":")[2]);
      using talkers = new Talkers(port);
      const clients = Array.from({ length: 3 }, () => talkers.dial());
      await talkers.goOn(clients);
      const children = new Set(childrenOf(program.pid));
      for (const [round, victim] of [...clients].entries()) {
        const pid = holderOf(victim, program.pid, port);
        process.kill(pid, "SIGKILL");
        await victim.lost;
        expect(victim.fault).toBeUndefined();
        clients.splice(clients.indexOf(victim), 1);
        await talkers.goOn(clients);
        // Each other child has a client, so under prefork only the one that has taken its place can serve this one.
        const next = talkers.dial();
        clients.push(next);
        expect(await next.isServed).toBe(true);
        const successor = holderOf(next, program.pid, port);
        expect(children.has(successor)).toBe(false);
        children.add(successor);
        await until(() => !childrenOf(program.pid).includes(pid));
        if (design !== "prefork") continue;
        const said = program.events("trouble").map(({ message }) => message);
        expect(said).toHaveLength(round + 1);
        expect(said[round]).toMatch(/SIGKILL.*; it is replaced/);
      }
      await talkers.goOn(clients);
      expect(childrenOf(program.pid).filter(isZombie)).toEqual([]);
      program.signal("SIGTERM");
      expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
      expect(program.events("stopped")[0]).toMatchObject({ accepted: 6, active: 0, refused: 0 });
    },
  );
});

describe("kill -9 of a server while a child starts", () => {
  it.each([
    ["prefork", "tcp"],
    ["prefork", "udp"],
    ["process", "tcp"],
    ["process", "udp"],
  ])("under %s over %s leaves no child behind", async (design, transport) => {
    using scratch = scratchFolder();
    const killer = join(scratch.path, "killer.mjs");
    writeFileSync(killer, KILLER);
    const args = ["serve", "echo", "--design", design, "--listen", `${transport}://127.0.0.1:0`, "--json"];
    const main = join(root, "dist/cli/main.js");
    await using program = new Program(process.execPath, ["--import", pathToFileURL(killer).href, main, ...args]);
    if (design === "process") {
      const [{ endpoint = "" } = {}] = await program.listening(1);
      const answer = transport === "tcp" ? echoOfStream(endpoint, "x") : echoOfDatagram(endpoint, "x");
      await Promise.race([answer.catch(() => {}), program.end()]);
    }
    // Its standard error is theirs too: it is closed when the last of them has ended.
    expect(await program.end()).toMatchObject({ signal: "SIGKILL" });
  });
});

/** `portolan inetd` with no descriptor left: it says so, waits without work, serves who waited, and loses no program. */
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, expect, it } from "vitest";
import { ask, PATIENCE_MS } from "../support/inetd-kit.ts";
import { processorMs } from "../support/processes.ts";
import { scratchFolder, start } from "./portolan.ts";

/** Descriptors that are left for certain, and clients for whom there is none. */
const FEW = 4;

afterAll(() => closeThreadReactor());

it("who comes waits in the queue, at no cost, and is served when others have left", async () => {
  using folder = scratchFolder();
  const path = join(folder.path, "inetd.yaml");
  const listen = `unix://${folder.path}/cat.sock`;
  const limits = { perSource: "unlimited" };
  writeFileSync(path, JSON.stringify({ services: { cat: { listen, program: "/bin/cat", limits } } }));
  await using program = start(["inetd", "--config", path, "--json"]);
  await program.listening(1);
  // The first brings what is made once.
  expect(await ask(listen, "first\n")).toBe("first\n");
  await program.until("its end", () => program.events("exit")[0]);
  // Each program that runs takes one, by which it is watched. There may be gaps, even wide ones: whoever started us may have
  // left it others.
  const used = new Set(readdirSync(`/proc/${program.pid}/fd`).map(Number));
  const free = FEW + 1;
  let limit = 0;
  for (let found = 0; found < free; limit++) if (!used.has(limit)) found++;
  execFileSync("prlimit", ["--pid", String(program.pid), `--nofile=${limit}:${limit}`]);

  const clients: Socket[] = [];
  try {
    for (let i = 0; i < free + FEW; i++) {
      const client = await connect(listen, { timeoutMs: PATIENCE_MS });
      clients.push(client);
      await client.sendAll("x");
    }
    const beganMs = performance.now();
    const spentMs = processorMs(program.pid);
    const [first, second] = await program.until("two rests", () => {
      const rests = program.events("rest");
      return rests.length > 1 ? rests : undefined;
    });
    expect(first?.reason).toContain("accept4 EMFILE");
    expect(Date.parse(String(second?.time)) - Date.parse(String(first?.time))).toBeGreaterThan(900);
    expect(processorMs(program.pid) - spentMs).toBeLessThan((performance.now() - beganMs) / 2);
    // Whoever was accepted has a program: none was started that could not be watched.
    expect(program.events("fail")).toEqual([]);
    const served = program.events("start").length - 1;
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThan(clients.length);

    for (const client of clients) {
      expect((await client.recv(1, { timeoutMs: PATIENCE_MS })).toString()).toBe("x");
      client.close();
    }
  } finally {
    for (const client of clients) client.close();
  }
  program.signal("SIGTERM");
  expect((await program.end()).status).toBe(0);
});

/** A process with many servers: Node sees no leak in them, and the process can end while their threads block. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { Program } from "../cli/portolan.ts";

const SERVERS = 12;
const fixture = fileURLToPath(new URL("../fixtures/server/many-servers.mjs", import.meta.url));

// Loops and blocking servers on threads of their own, threads that stand ready, and threads for each client.
it.each(["epoll", "iterative", "pool", "thread"])("ends under %s, and no warning is given", async (design) => {
  await using program = new Program(process.execPath, [fixture, design, String(SERVERS)]);
  expect(await program.end()).toEqual({ status: 7, signal: null, stdout: `${SERVERS}\n`, stderr: "" });
});

/** A process with many servers: Node sees no leak in them, and the process can end while their threads block. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { Program } from "../cli/portolan.ts";

const SERVERS = 12;
const fixture = fileURLToPath(new URL("../fixtures/server/many-servers.mjs", import.meta.url));

// Loops and blocking servers on threads of their own, threads that stand ready, and threads for each client.
it.each(["epoll", "iterative", "pool", "thread"])("ends under %s, and no warning is given", async (design) => {
  // An option of V8's, which a thread cannot be given by name.
  const args = ["--max-old-space-size=1024", fixture, design, String(SERVERS)];
  await using program = new Program(process.execPath, args);
  expect(await program.end()).toEqual({ status: 7, signal: null, stdout: `${SERVERS}\n`, stderr: "" });
});

it("starts its threads also from a script on Node's command line", async () => {
  const script = `
    import { serve } from "portolan/server";
    import { findService } from "portolan/service";
    const server = await serve(findService("echo").reference(), { listen: "tcp://127.0.0.1:0", design: "iterative" });
    console.log(server.design);
    await server.stop();
  `;
  for (const kind of [["--input-type=module"], ["--max-old-space-size=512", "--input-type", "module"]]) {
    await using program = new Program(process.execPath, [...kind, "-e", script]);
    expect(await program.end()).toEqual({ status: 0, signal: null, stdout: "iterative\n", stderr: "" });
  }
});

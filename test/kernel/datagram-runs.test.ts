/** Runs of datagrams that cross the kernel as one, from a client in Python: every datagram of them is answered. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { listen, options } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { designs, serve } from "portolan/server";
import { findService, type ServiceEntry } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import { needsProgram, outputOf } from "../support/programs.ts";

afterAll(closeThreadReactor);

const script = fileURLToPath(new URL("../fixtures/datagram-runs.py", import.meta.url));
/** Size of a datagram, and bytes of the run: exact, with a shorter last one, as many as can be, long ones, a single one. */
const RUNS = ["64:2048", "64:2058", "1:64", "1400:16807", "9000:54000", "1000:1000"];
const LIMIT_MS = 60_000;

async function tellRuns(endpoint: string, host: string, way: string, runs: readonly string[]): Promise<unknown> {
  const port = endpoint.split(":").at(-1) as string;
  return JSON.parse(await outputOf(spawn("python3", [script, host, port, way, ...runs])));
}

function reference(
  name: string,
  own: Record<string, string | boolean | number> = {},
): ReturnType<ServiceEntry["reference"]> {
  return (findService(name) as ServiceEntry).reference(own);
}

describe("runs of datagrams", () => {
  const isLoop = (name: string): boolean => name !== "process" && name !== "thread";

  it.for(designs.map(({ name }) => name).filter(isLoop))("come back as they were, under %s", async (name, context) => {
    needsProgram(context, "python3", ["--version"]);
    const own = { limitLoopback: false };
    await using server = await serve(reference("echo", own), { listen: "udp://127.0.0.1:0", design: name });
    // Several workers answer side by side, in no order.
    const way = name === "pool" || name === "prefork" ? "any" : "same";
    expect(await tellRuns(server.endpoint, "127.0.0.1", way, RUNS)).toEqual(RUNS.map(() => true));
    const { datagramsIn, datagramsOut, datagramsDropped, bytesIn, bytesOut } = server.counters();
    expect({ datagramsIn, datagramsOut, datagramsDropped }).toEqual({
      datagramsIn: 149,
      datagramsOut: 149,
      datagramsDropped: 0,
    });
    expect([bytesIn, bytesOut]).toEqual([75_977, 75_977]);
  });

  it.for([
    ["udp://0.0.0.0:0", "127.0.0.1"],
    ["udp://[::1]:0", "::1"],
    ["udp://[::]:0", "::1"],
    ["udp://[::]:0", "127.0.0.1"],
  ])("come back from %s to who asked %s", async ([endpoint, host], context) => {
    needsProgram(context, "python3", ["--version"]);
    await using server = await serve(reference("echo", { limitLoopback: false }), { listen: endpoint as string });
    expect(await tellRuns(server.endpoint, host as string, "same", RUNS)).toEqual(RUNS.map(() => true));
  });

  it("are answered one for one with bytes that are not those received", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    await using server = await serve(reference("rot13", { limitLoopback: false }), { listen: "udp://127.0.0.1:0" });
    expect(await tellRuns(server.endpoint, "127.0.0.1", "rot13", RUNS)).toEqual(RUNS.map(() => true));
  });

  it.for(["thread", "process"])(
    "are taken one by one under %s, whatever the socket was set to before",
    async (name, context) => {
      needsProgram(context, "python3", ["--version"]);
      using socket = await listen("udp://127.0.0.1:0");
      socket.setOption(options.UDP_GRO, true);
      await using server = await serve(reference("echo", { limitLoopback: false }), {
        listenFd: socket.dup().detach(),
        design: name,
      });
      expect(await tellRuns(server.endpoint, "127.0.0.1", "any", ["64:256"])).toEqual([true]);
    },
  );

  it("are not joined for a service that looks at the beginning of each datagram only", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    await using server = await serve(reference("truncate", { limitLoopback: false, buffer: 8 }), {
      listen: "udp://127.0.0.1:0",
    });
    // Of 5 bytes each all come back, from however many that arrive at once.
    expect(await tellRuns(server.endpoint, "127.0.0.1", "same", ["5:50"])).toEqual([true]);
    expect(server.counters().datagramsIn).toBe(10);
  });

  it(
    "are sent one by one where the kernel will not cut them",
    async (context) => {
      const refusal = namespaceRefusal();
      if (refusal !== undefined) context.skip(refusal);
      const module = new URL("../fixtures/namespace/uncuttable-runs.mjs", import.meta.url);
      expect(await runInNamespace(module)).toEqual({
        areSame: true,
        datagramsIn: 20,
        datagramsOut: 20,
        datagramsDropped: 0,
      });
    },
    LIMIT_MS,
  );
});

/**
 * What a reactor means for the process around it: when Node may exit, what an exception does, what is left when workers
 * are ended by force. Each scenario of `test/fixtures/reactor/process.mjs` runs in a process of its own.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type BackendName, backendNames, createReactor, type Road } from "portolan/reactor";
import { describe, expect, it, vi } from "vitest";

const deadlineMs = 60_000;
/** The scenarios are processes of their own, which hinder each other by no more than the processors that they share. */
vi.setConfig({ maxConcurrency: 3, testTimeout: deadlineMs });

/** Few descriptors, so that running out of them is quick; enough for Node to start, with threads. */
const FEW_DESCRIPTORS = 128;

const roads: readonly Road[] = ["uv_poll", "waiter"];
const script = fileURLToPath(new URL("../fixtures/reactor/process.mjs", import.meta.url));
const { closedRoad }: { closedRoad(backend: string, road: string): string | undefined } = await import(
  new URL("../fixtures/reactor/cannot.mjs", import.meta.url).href
);

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly error: string;
}

describe.concurrent.for(backendNames.filter(isHere))("%s", (backend) => {
  describe.for(roads.filter((road) => closedRoad(backend, road) === undefined))("inside Node's loop by %s", (road) => {
    const play = (scenario: string): Promise<Ending> => run([process.execPath, script, scenario, backend, road]);

    it("lets Node exit when nothing waits", async () => {
      expect(await play("idle")).toEqual({ code: 0, signal: null, out: "exit\n", error: "" });
    });

    it("keeps Node alive while something waits, and no longer", async () => {
      expect(await play("waiting")).toEqual({ code: 0, signal: null, out: "received\n", error: "" });
    });

    it.for(["exit", "exit-at-once", "exit-in-handler", "exit-with-worker"])(
      "does not hinder process.exit(): %s",
      async (scenario) => {
        expect(await play(scenario)).toEqual({ code: 7, signal: null, out: "", error: "" });
      },
    );

    it("ends with a worker that exits", async () => {
      expect(await play("worker-exit")).toEqual({ code: 0, signal: null, out: "worker 5\n", error: "" });
    });

    it("goes on after an exception that somebody catches", async () => {
      const out = "late, mistake 0, mistake 1\nquestion, question\n";
      expect(await play("caught-throw")).toEqual({ code: 0, signal: null, out, error: "" });
    });

    it("ends the process by an exception that nobody catches", async () => {
      const ending = await play("uncaught-throw");
      expect(ending.code).toBe(1);
      expect(ending.error).toContain("nobody catches this");
    });

    it("lets ticks and promises settle after a handler", async () => {
      const ending = await play("microtasks");
      expect(ending).toEqual({ code: 0, signal: null, out: "handler tick microtask\n", error: "" });
    });

    it("survives fifty workers that are terminated, and leaves nothing of theirs open", async () => {
      const out = "terminated\nleft open: 0\n";
      expect(await play("terminate")).toEqual({ code: 0, signal: null, out, error: "" });
    });
  });

  const ways = ["alone", ...roads].filter((way) => closedRoad(backend, way) === undefined);
  const playPoor = (scenario: string, way: string): Promise<Ending> =>
    run([
      "sh",
      "-c",
      `ulimit -n ${FEW_DESCRIPTORS} && exec "$@"`,
      "sh",
      process.execPath,
      script,
      scenario,
      backend,
      way,
    ]);

  it.for(ways)("reports EMFILE of a listener and lets it rest: %s", async (way) => {
    const out = '[["failed",24]] active 0\naccepted\n';
    expect(await playPoor("emfile", way)).toEqual({ code: 0, signal: null, out, error: "" });
  });

  it("is not left half made for want of descriptors", async () => {
    expect(await playPoor("emfile-create", "alone")).toEqual({ code: 0, signal: null, out: "EMFILE\n", error: "" });
  });
});

/** Runs a command to its end, which it must reach by itself. */
async function run([file, ...args]: string[]): Promise<Ending> {
  const child = spawn(file as string, args, { stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const ended = new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve([code, signal]));
  });
  const [out, error, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  clearTimeout(timer);
  return { code, signal, out, error };
}

/** Whether this machine has the backend; the suite of cases says why when it has not. */
function isHere(backend: BackendName): boolean {
  try {
    createReactor(backend).dispose();
    return true;
  } catch {
    return false;
  }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "../../bench/environment.ts";
import { processTree } from "../../bench/memory.ts";
import { parseOptions } from "../../bench/options.ts";
import { buildDirectory, buildNative, findPrograms, hasCompiler } from "../../bench/programs.ts";
import { resultRows } from "../../bench/results.ts";
import { runBenches, type Setting } from "../../bench/run.ts";

const seed = 20_261;
/** On a busy machine a short window may pass without one answer: then a longer one is looked through. */
const WINDOWS_SECONDS = ["0.1", "1", "5"];

/** In continuous integration a missing compiler fails in buildNative; elsewhere it is a skip that says why. */
const skipped = !process.env.CI && !hasCompiler();
if (skipped) console.warn("skipped: the bench needs gcc");

describe.skipIf(skipped)("the bench", () => {
  let setting: Setting;

  beforeAll(() => {
    buildNative(() => {});
    const environment = readEnvironment({ serverCores: undefined, loadCore: undefined }, undefined);
    const launcher = `${buildDirectory}launch`;
    setting = {
      programs: { ...findPrograms(), portolan: () => fileURLToPath(new URL("stand-in.mjs", import.meta.url)) },
      server: { launcher, cores: environment.serverCores, openFiles: 2048 },
      load: { launcher, cores: environment.loadCore, openFiles: 2048 },
      progress: () => {},
    };
  }, 120_000);

  const run = async (...argv: string[]) => {
    const measure = async (seconds: string) => {
      const options = parseOptions([...argv, "--seconds", seconds, "--warmup-ms", "20", "--seed", String(seed)]);
      return { options, ...(await runBenches(options, setting)) };
    };
    let measured = await measure(WINDOWS_SECONDS[0]!);
    for (const seconds of WINDOWS_SECONDS.slice(1))
      if (measured.unmeasured.length > 0) measured = await measure(seconds);
    expect(measured.unmeasured).toEqual([]);
    return measured;
  };

  it.skipIf(!existsSync("/usr/sbin/xinetd") && process.env.CI === undefined)(
    "measures a super-server's way to a program's answer",
    { timeout: 60_000 },
    async () => {
      const { cases } = await run("inetd", "--rounds", "1", "--only", "xinetd");
      const { summary } = cases[0]!.servers[0]!;
      expect(summary.connectionUs!.min).toBeGreaterThan(0);
      expect(summary.latencyP99Us!.median).toBeGreaterThanOrEqual(summary.latencyP50Us!.median);
    },
  );

  it("measures TCP and UDP against C, round by round, and compares", { timeout: 60_000 }, async () => {
    const { options, cases } = await run(
      ...["tcp-echo", "udp-echo", "--connections", "4", "--flows", "2", "--rounds", "2"],
      ...["--only", "portolan-epoll,c-epoll,c-recvfrom"],
    );
    expect(cases.map(({ bench }) => bench)).toEqual(["tcp-echo", "udp-echo"]);
    for (const result of cases) {
      expect(result.servers.map(({ kind }) => kind)).toEqual(["ours", "peer"]);
      for (const server of result.servers) {
        expect(server.rounds.map(({ round }) => round)).toEqual([0, 1]);
        expect(server.summary.requestsPerSecond!.min).toBeGreaterThan(0);
        expect(server.summary.cpuPerRequestUs!.min).toBeGreaterThan(0);
        expect(server.summary.latencyP99Us!.median).toBeGreaterThanOrEqual(server.summary.latencyP50Us!.median);
        expect(server.summary.peakMemoryBytes!.min).toBeGreaterThan(0);
      }
      expect(result.ratios).toHaveLength(1);
      const environment = readEnvironment({ serverCores: undefined, loadCore: undefined }, undefined);
      const report = { schema: 1 as const, environment, options, cases, unmeasured: [], cautions: [] };
      const rows = resultRows(result, report);
      expect(rows).toHaveLength(1);
      expect(rows[0]!.split(" | ")).toHaveLength(7);
    }
  });

  it("measures memory per idle connection", { timeout: 60_000 }, async () => {
    const { cases } = await run("tcp-idle", "--idle", "200", "--rounds", "1", "--only", "portolan-epoll,c-epoll");
    const [ours, peer] = cases[0]!.servers;
    expect(ours!.summary.echoedBytes!.median).toBeGreaterThan(0);
    // The C server keeps nothing per connection; a page or two may move.
    expect(Math.abs(peer!.summary.echoedBytes!.median * 200)).toBeLessThan(64 * 1024);
  });

  it("measures how much slow clients slow the others", { timeout: 60_000 }, async () => {
    const { cases } = await run("tcp-slow", "--slow", "200", "--rounds", "1", "--only", "portolan-epoll,c-epoll");
    expect(cases[0]!.servers).toHaveLength(2);
    for (const { summary } of cases[0]!.servers) {
      expect(summary.requestsPerSecond!.min).toBeGreaterThan(0);
      expect(summary.keptShare!.min).toBeGreaterThan(0);
      expect(summary.cpuPerRequestAloneUs!.min).toBeGreaterThan(0);
    }
  });

  it("tells why a server was not measured", { timeout: 60_000 }, async () => {
    const options = parseOptions(["tcp-echo", "--quick", "--only", "portolan-epoll,c-epoll", "--seed", String(seed)]);
    const gone = (): string => "/proc/nonexistent.js";
    const outcome = await runBenches(options, { ...setting, programs: { ...setting.programs, portolan: gone } });
    expect(outcome.unmeasured).toHaveLength(1);
    expect(outcome.unmeasured[0]!.server).toBe("portolan-epoll");
    expect(outcome.unmeasured[0]!.reason).toMatch(/portolan-epoll ended before it was ready: .*nonexistent/s);
    expect(outcome.cases[0]!.servers.map(({ name }) => name)).toEqual(["c-epoll"]);
  });

  it.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
    "leaves no process behind after %s",
    { timeout: 60_000 },
    async (signal) => {
      const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
      const args = ["--import", "tsx", main, "tcp-echo", "--only", "c-epoll", "--connections", "4", "--seconds", "50"];
      const bench = spawn(process.execPath, args, { stdio: "ignore" });
      const gone = once(bench, "exit");
      try {
        // The bench itself, its server and its load.
        const pids = await until(() => {
          const tree = processTree(bench.pid!);
          return tree.map(programName).includes("load") ? tree : undefined;
        });
        expect(pids.map(programName)).toContain("c-epoll-echo");
        bench.kill(signal);
        await gone;
        await until(() => (pids.some((pid) => ["load", "c-epoll-echo"].includes(programName(pid))) ? undefined : true));
      } finally {
        bench.kill("SIGKILL");
      }
    },
  );
});

/** The short name of a process that lives; empty once it has ended, also while nobody has waited for it yet. */
function programName(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const last = stat.lastIndexOf(")");
    return stat[last + 2] === "Z" ? "" : stat.slice(stat.indexOf("(") + 1, last);
  } catch {
    return "";
  }
}

/** Asks until there is an answer, for half a minute at most. */
async function until<T>(ask: () => T | undefined): Promise<T> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadlineMs) throw new Error(`still waiting: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `portolan bench designs`: what it measures, in which form. Never how fast: that is the machine's business. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { childrenOf } from "../support/processes.ts";
import { Program, portolan, root, scratchFolder } from "./portolan.ts";

const patienceMs = 60_000;

interface Point {
  readonly subject: string;
  readonly connections: number;
  readonly notMeasured?: string;
  readonly requests?: number;
  readonly requestsPerSecond?: number;
  readonly cpuUsPerRequest?: number | null;
  readonly bytesPerConnection?: number | null;
  readonly connectionsPerSecond?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
}

function readLines<Line>(stdout: string): Line[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

function expectSane(point: Point): void {
  expect(point.notMeasured, `${point.subject} at ${point.connections}`).toBeUndefined();
  expect(point.requests).toBeGreaterThan(0);
  expect(point.requestsPerSecond).toBeGreaterThan(0);
  expect(point.connectionsPerSecond).toBeGreaterThan(0);
  expect(point.cpuUsPerRequest).toBeGreaterThan(0);
  expect(point.bytesPerConnection).toEqual(expect.any(Number));
  expect(point.p50Us).toBeGreaterThan(0);
  expect(point.p99Us).toBeGreaterThanOrEqual(point.p50Us as number);
  expect(point.p999Us).toBeGreaterThanOrEqual(point.p99Us as number);
}

/** Runs it to its end, which takes longer than what the command's other verbs need. */
async function bench(...args: string[]): Promise<{ stdout: string; stderr: string; status: number | null }> {
  await using program = new Program(process.execPath, [`${root}dist/cli/main.js`, "bench", "designs", ...args]);
  return await program.end(patienceMs);
}

describe("portolan bench designs", () => {
  it("measures designs and peers, and says how far it is", { timeout: patienceMs }, async () => {
    const { status, stdout, stderr } = await bench(
      ...["--seconds", "0.2", "--connections", "1,8", "--designs", "epoll,thread,node-net", "--json"],
    );
    expect(status).toBe(0);
    const lines = readLines<Point>(stdout);
    const points = lines.filter(({ subject }) => subject !== undefined);
    expect(points.map(({ subject, connections }) => `${subject} ${connections}`)).toEqual([
      "epoll 1",
      "epoll 8",
      "thread 1",
      "thread 8",
      "node-net 1",
      "node-net 8",
    ]);
    for (const point of points) expectSane(point);
    expect(lines.at(-1)).toEqual({ scaling: expect.anything() });
    expect(stderr).toMatch(/^6 measurements, about \d+ seconds in all\n1\/6 epoll, 1 connection\n/);
  });

  it("says why what was not measured was not, and draws", { timeout: patienceMs }, async () => {
    using folder = scratchFolder();
    const svg = `${folder.path}/designs.svg`;
    const { status, stdout } = await bench(
      ...["--seconds", "0.1", "--connections", "1,9", "--designs", "iterative,process,uring", "--svg", svg],
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ +1 {2}iterative +[\d,]+ /m);
    expect(stdout).toContain("iterative: not measured: it serves one client at a time (at 9)");
    expect(stdout).toContain("process: not measured: a process of some 50 MB for each client (at 9)");
    expect(stdout).toMatch(/^Processor time for each request at 1 connection, in microseconds\n\w+ +[█▏▎▍▌▋▊▉]+ /m);
    expect(stdout).toMatch(/^(Scaling over workers: not measured: |epoll with 1 worker: )/m);
    const picture = readFileSync(svg, "utf8");
    expect(picture.match(/<polyline /g)?.length).toBeGreaterThanOrEqual(6);
  });

  it.each([
    [["bench"], "portolan bench: bench what? There is: designs"],
    [["bench", "designs", "--designs", "epol"], 'there is no design or peer "epol"; did you mean epoll?'],
    [["bench", "designs", "--connections", "0"], '--connections takes a whole number from 1 to 50000, not "0"'],
    [
      ["bench", "designs", "--seconds", "0"],
      '--seconds takes seconds from 0.1 to 60, or a time such as 500ms, 30s or 5m, not "0"',
    ],
  ])("%j is refused", async (args, message) => {
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stdout }).toEqual({ status: 64, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("shows on Ctrl-C what it has measured so far, and leaves nothing behind", { timeout: patienceMs }, async () => {
    using folder = scratchFolder();
    const args = ["--seconds", "0.2", "--connections", "1", "--designs", "epoll,c-epoll,poll"];
    const command = [`${root}dist/cli/main.js`, "bench", "designs", ...args];
    await using program = new Program(process.execPath, command, { TMPDIR: folder.path });
    await program.until("its last measurement", () => /^3\/3 poll/m.exec(program.stderr) ?? undefined);
    const children = childrenOf(program.pid);
    program.signal("SIGINT");
    const { status, stdout } = await program.end(patienceMs);
    const ENDED_BY_SIGINT = 130;
    expect(status).toBe(ENDED_BY_SIGINT);
    expect(stdout).toMatch(/^CONNECTIONS +SERVER .*\n +1 {2}epoll +[\d,]+ /);
    expect(stdout).not.toMatch(/^ +1 {2}poll /m);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it("fails where nothing could be measured", async () => {
    const { status, stderr } = await portolan(["bench", "designs", "--connections", "2", "--designs", "iterative"]);
    expect(status).toBe(69);
    expect(stderr).toContain("nothing could be measured; the reasons are above");
  });
});

/** `portolan demo`: lessons that run by themselves, and what they leave behind, which is nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { services } from "portolan/service";
import { describe, expect, it } from "vitest";
import { portolan, root, start } from "./portolan.ts";

/** A demo of a service is a program with up to two clients, each started anew, and several run at the same time. */
const PATIENCE_MS = 50_000;
const main = join(root, "dist/cli/main.js");

function lines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What is left of a session, zombies included; its number is that of the process that began it: proc(5), setsid(2). */
function processesOf(session: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        const [, , , id] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(id) === session ? [stat] : [];
      } catch {
        return [];
      }
    });
}

/** Whether there is a process of this number, zombies included. */
function isThere(pid: number): boolean {
  return readdirSync("/proc").includes(`${pid}`);
}

describe.concurrent("portolan demo", () => {
  it("lists the demos, for people and for machines", async () => {
    const text = await portolan(["demo"]);
    expect(text).toMatchObject({ status: 0, stderr: "" });
    const listed = lines((await portolan(["demo", "--json"])).stdout);
    expect(listed).toContainEqual({ name: "zombies", summary: "a child that nobody waited for, and both cures" });
    for (const { name } of listed) expect(text.stdout).toMatch(new RegExp(`^${String(name)} `, "m"));
  });

  it("names the nearest for a demo that there is not", async () => {
    const { status, stderr } = await portolan(["demo", "zombis"]);
    expect({ status, stderr }).toEqual({
      status: 64,
      stderr: 'portolan demo: there is no demo "zombis"; did you mean zombies?\n',
    });
  });
});

describe.concurrent("portolan demo zombies", () => {
  it("sees a zombie in /proc, and both cures", async () => {
    const { status, stdout, stderr } = await portolan(["demo", "zombies", "--json"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [started, zombie, reaped, ignored, lesson] = lines(stdout);
    expect(started).toMatchObject({ event: "started", pid: expect.any(Number), status: 7 });
    const { pid } = started as { readonly pid: number };
    expect(zombie).toMatchObject({ event: "zombie", pid, state: "Z" });
    expect(reaped).toMatchObject({ event: "reaped", pid, status: 7, state: "gone" });
    expect(ignored).toMatchObject({ event: "ignored", state: "gone", waited: "ECHILD" });
    expect(lesson).toMatchObject({ event: "lesson", isReaped: true, isIgnored: true });
    for (const child of [pid, (ignored as { readonly pid: number }).pid]) expect(isThere(child)).toBe(false);
  });

  it("explains what it does to people", async () => {
    const { status, stdout, stderr } = await portolan(["demo", "zombies"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^It has ended, and \/proc\/\d+\/stat says: Z\. That is a zombie/m);
    expect(stdout).toMatch(/^Cure 1, reaping: waitid\(P_PIDFD/m);
    expect(stdout).toMatch(/^Cure 2, signal\(SIGCHLD, SIG_IGN\)/m);
    // Lines that fit a terminal of 120 columns.
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it("leaves no child behind", async () => {
    // In a session of its own, so that its descendants are known whoever has adopted them, and other programs' are not.
    const child = spawn(process.execPath, [main, "demo", "zombies", "--json"], { detached: true, stdio: "ignore" });
    expect((await once(child, "close"))[0]).toBe(0);
    expect(processesOf(child.pid as number)).toEqual([]);
  });
});

describe.concurrent("portolan demo of a service", () => {
  const named = services.map(({ name, transports }) => ({
    name,
    count: transports.filter((t) => t !== "unix").length,
  }));

  it.each(named)("runs server and client of $name together", async ({ name, count }) => {
    await using program = start(["demo", name, "--json"]);
    const { status, stdout, stderr } = await program.end(PATIENCE_MS);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const steps = lines(stdout);
    const of = (event: string): Record<string, unknown>[] => steps.filter((step) => step.event === event);
    expect(of("serve")).toHaveLength(count);
    expect(of("call").map(({ command }) => command)).toEqual(
      Array(count).fill(expect.stringContaining(` call ${name} `)),
    );
    // Each has something to show: what came back, or for discard, that all was sent.
    expect(of("output").length).toBeGreaterThanOrEqual(count);
    for (const counters of of("counters")) {
      expect((counters.accepted as number) + (counters.datagramsIn as number)).toBeGreaterThan(0);
    }
  });

  it("shows people both sides, with commands that they may type", async () => {
    const { status, stdout } = await portolan(["demo", "truncate"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^server {2}node dist\/cli\/main\.js serve truncate --listen udp:\/\/127\.0\.0\.1:\d+$/m);
    expect(stdout).toMatch(/^client {2}node dist\/cli\/main\.js call truncate udp:\S+ --message 'hello world'$/m);
    expect(stdout).toContain('      | back  8 bytes: "hello wo"  3 did not fit and are gone\n');
    expect(stdout).toMatch(/^server {2}has seen 1 datagram in, 1 out; 8 bytes in, 8 out$/m);
  });
});

describe.concurrent("portolan demo sink", () => {
  it("shows what the kernel does between the calls, and how a writer learns that its peer is gone", async () => {
    const { status, stdout, stderr } = await portolan(["demo", "sink"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const order = [
      /^netcat {2}connect = -1 ECONNREFUSED$/m,
      /^sink {4}listen backlog 1 = 0$/m,
      /^netcat {2}send "first\\n" = 6$/m,
      /^kernel {2}ESTABLISHED {2}here .* Rx 6 bytes/m,
      /^sink {4}accept = a connection from /m,
      /^sink {4}recv 1024 = 6: "first\\n"$/m,
      /^netcat {2}recv = 0: the peer has ended$/m,
      /^netcat {2}send "second\\n" = 7$/m,
      /^netcat {2}send "third\\n" = -1 (EPIPE|ECONNRESET)$/m,
    ].map((line) => stdout.search(line));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});

describe.concurrent("portolan services", () => {
  it("says for each what to type, to people and to machines", async () => {
    const told = lines((await portolan(["services", "--json"])).stdout);
    expect(told.map(({ name }) => name)).toEqual(services.map(({ name }) => name));
    const { status, stdout } = await portolan(["services"]);
    expect(status).toBe(0);
    for (const { serve, demo, try: trials } of told as { serve: string; demo: string; try: { command: string }[] }[]) {
      expect(trials.length).toBeGreaterThanOrEqual(2);
      for (const command of [serve, demo, ...trials.map((trial) => trial.command)]) expect(stdout).toContain(command);
    }
  });
});

/** `portolan demo`: lessons that run by themselves, and what they leave behind, which is nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

function lines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Whether there is a process of this number, zombies included. */
function isThere(pid: number): boolean {
  return readdirSync("/proc").includes(`${pid}`);
}

describe("portolan demo", () => {
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

describe("portolan demo zombies", () => {
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

  it("leaves no child to this process's init", async () => {
    await portolan(["demo", "zombies", "--json"]);
    const orphans = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((name) => {
        try {
          return readFileSync(`/proc/${name}/cmdline`, "latin1").includes("demo/ignoring-entry");
        } catch {
          return false;
        }
      });
    expect(orphans).toEqual([]);
  });
});

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../socket/index.ts";
import type { LogField, LogTarget } from "../model.ts";
import { formatRecord, type LogRecord, lineFor, openSink, stamp } from "./log.ts";

const ALL: readonly LogField[] = ["PID", "HOST", "EXIT", "DURATION", "TRAFFIC", "ATTEMPT"];

describe("a record as xinetd writes it", () => {
  it.each<[string, LogRecord]>([
    ["START: cat pid=7 from=10.0.0.1", { entry: "START", id: "cat", pid: 7, from: "10.0.0.1" }],
    [
      "EXIT: cat status=3 pid=7 duration=2(sec)",
      { entry: "EXIT", id: "cat", pid: 7, from: "10.0.0.1", status: 3, durationSeconds: 1.6 },
    ],
    ["EXIT: cat signal=9 pid=7 duration=0(sec)", { entry: "EXIT", id: "cat", pid: 7, signal: 9, durationSeconds: 0.4 }],
    ["FAIL: cat per_source_limit from=::1", { entry: "FAIL", id: "cat", reason: "per_source_limit", from: "::1" }],
    ["FAIL: cat connections per second from=::1", { entry: "FAIL", id: "cat", reason: "cps", from: "::1" }],
    ["FAIL: cat connections per minute from=::1", { entry: "FAIL", id: "cat", reason: "cpm", from: "::1" }],
    [
      "TRAFFIC: relay in=5(bytes) out=6(bytes)",
      { entry: "TRAFFIC", id: "relay", from: "::1", traffic: { inBytes: 5, outBytes: 6 } },
    ],
    ["NOTE: cat listens again", { entry: "NOTE", id: "cat", reason: "listens again" }],
  ])("%s", (line, record) => expect(formatRecord(record, ALL)).toBe(line));

  it("has only the fields that are wanted, and is left out where none is", () => {
    const start: LogRecord = { entry: "START", id: "cat", pid: 7, from: "::1" };
    const exit: LogRecord = { entry: "EXIT", id: "cat", pid: 7, status: 0 };
    const fail: LogRecord = { entry: "FAIL", id: "cat", reason: "time", from: "::1" };
    const traffic: LogRecord = { entry: "TRAFFIC", id: "cat", traffic: { inBytes: 1, outBytes: 1 } };
    const log = { target: undefined, onSuccess: ["HOST"], onFailure: ["ATTEMPT"] } as const;
    const none = { target: undefined, onSuccess: [], onFailure: [] };
    expect([start, exit, fail, traffic].map((record) => lineFor(record, log))).toEqual([
      "START: cat from=::1",
      undefined,
      "FAIL: cat time",
      undefined,
    ]);
    expect([start, exit, fail, traffic].map((record) => lineFor(record, none))).toEqual([...Array(4)]);
    // What its owner has to know is told whatever is wanted.
    expect(lineFor({ entry: "REST", id: "cat", reason: "stopped" }, none)).toBe("REST: cat stopped");
  });

  it("is stamped with two digits where xinetd has two", () => {
    expect(stamp(new Date(2026, 0, 5, 9, 7, 2))).toBe("26/1/5@09:07:02");
    expect(stamp(new Date(2009, 10, 25, 19, 0, 0))).toBe("09/11/25@19:00:00");
  });
});

describe("a place for records", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "portolan-log-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is the system's log: priority, time, name and process before the line, and one complaint while it is away", async () => {
    const endpoint = `unix+dgram://${folder}/log`;
    const told: string[] = [];
    const target: LogTarget = { kind: "syslog", facility: "local3", level: "warning" };
    const sink = openSink(target, (message) => told.push(message), endpoint);
    try {
      sink.write("lost");
      sink.write("lost as well");
      expect(told).toEqual([expect.stringMatching(/the system's log does not take records: .*ENOENT/)]);
      using log = await listen(endpoint);
      sink.write("START: cat");
      const text = (await log.recv(1000, { timeoutMs: 30_000 })).toString();
      // 19 * 8 + 4: RFC 3164 section 4.1.1.
      expect(text).toMatch(/^<156>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d portolan-inetd\[\d+\]: START: cat$/);
      expect(text).toContain(`[${process.pid}]`);
    } finally {
      sink.close();
    }
    expect(told).toHaveLength(1);
  });

  it("is a file, which warns at its soft limit and ends before its hard one", () => {
    const path = join(folder, "file");
    const told: string[] = [];
    const line = "x".repeat(30);
    const sink = openSink({ kind: "file", path, softBytes: 60, hardBytes: 160 }, (message) => told.push(message));
    for (let i = 0; i < 5; i++) sink.write(line);
    sink.close();
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines.slice(0, -1).every((text) => text.endsWith(`: ${line}`))).toBe(true);
    expect(lines.length - 1).toBe(3);
    expect(told).toEqual([expect.stringContaining("longer than 60"), expect.stringContaining("limit of 160")]);
  });
});

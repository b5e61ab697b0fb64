import { describe, expect, it } from "vitest";
import { formatPoints, plotPoints } from "./report.ts";
import type { Measured, Point } from "./result.ts";
import { drawSvg, logTicks } from "./svg.ts";

function measured(subject: string, connections: number, cpuUsPerRequest: number | null): Measured {
  return {
    subject,
    connections,
    requests: 1000,
    requestsPerSecond: 12_345.6,
    cpuUsPerRequest,
    bytesPerConnection: 1536,
    connectionsPerSecond: 999.9,
    p50Us: 10.4,
    p99Us: 20.2,
    p999Us: 31,
  };
}

const points: readonly Point[] = [
  measured("epoll", 1, 8),
  measured("thread", 1, 16),
  measured("epoll", 1000, 4),
  { subject: "thread", connections: 1000, notMeasured: "a thread for each client" },
  { subject: "thread", connections: 10_000, notMeasured: "a thread for each client" },
];

describe("measurements as text", () => {
  it("are a table, with reasons for what is missing", () => {
    expect(formatPoints(points)).toEqual([
      "CONNECTIONS  SERVER  REQUESTS/S  CPU us/REQUEST  p50 us  p99 us  p99.9 us  MEMORY EACH  CONNECTIONS/S",
      "          1  epoll       12,346            8.00      10      20        31      1.5 KiB          1,000",
      "          1  thread      12,346           16.00      10      20        31      1.5 KiB          1,000",
      "      1,000  epoll       12,346            4.00      10      20        31      1.5 KiB          1,000",
      "",
      "thread: not measured: a thread for each client (at 1,000, 10,000)",
    ]);
  });

  it("are bars, cheapest first, the longest of full width", () => {
    expect(plotPoints(points)).toEqual([
      "",
      "Processor time for each request at 1 connection, in microseconds",
      `epoll  ${"█".repeat(22)} 8.00`,
      `thread ${"█".repeat(44)} 16.00`,
      "",
      "Processor time for each request at 1,000 connections, in microseconds",
      `epoll ${"█".repeat(44)} 4.00`,
    ]);
  });

  it("know no cost where the kernel does not tell it", () => {
    expect(plotPoints([measured("epoll", 1, null)])).toEqual([]);
    expect(formatPoints([measured("epoll", 1, null)])[1]).toContain("unknown");
  });
});

describe("measurements as a picture", () => {
  it("have a line for each server, in each panel, and escape what they quote", () => {
    const svg = drawSvg(points, "2 cores & <all>");
    const [servers, panels] = [2, 5];
    expect(svg.match(/<polyline /g)).toHaveLength(servers * panels);
    expect(svg).toContain("2 cores &amp; &lt;all&gt;");
    expect(svg).not.toContain("NaN");
    expect(svg.startsWith("<svg ")).toBe(true);
    expect(svg.trimEnd().endsWith("</svg>")).toBe(true);
  });

  it("say so where there is nothing to draw", () => {
    expect(drawSvg([measured("epoll", 1, null)], "")).toContain("each request, microseconds: not measured");
  });

  it.each([
    [3, 40, [2, 5, 10, 20, 50]],
    [1, 1, [1, 2]],
    [0.3, 0.9, [0.2, 0.5, 1]],
  ])("from %d to %d have ticks %j", (least, most, ticks) => {
    expect(logTicks(least, most)).toEqual(ticks);
  });

  it("have few ticks over many powers", () => {
    const ticks = logTicks(3, 4_000_000);
    expect(ticks[0]).toBeLessThanOrEqual(3);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(4_000_000);
    expect(ticks.length).toBeLessThanOrEqual(9);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
  });
});
